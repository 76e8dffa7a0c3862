"""Punchlines in chats: written by /better, ✍️ or the button, rated by others, corrected and withdrawn by its author."""

import asyncio

import pytest

from bot.sandbox import groups
from tests.bot.conftest import callback_data, make_picture

TIMEOUT_S = 200


async def group_joke(stage, person=None, number=0):
    photo = stage.send_photo(
        "/joke", person=person or stage.alice, chat=stage.group, data=make_picture((300, 200 + number))
    )
    return await stage.joke(photo)


def button_of(message, prefix: str) -> str | None:
    return next((data for data in callback_data(message) if data.startswith(prefix)), None)


async def posted(stage, text: str, chat=None):
    """The bot's message that shows this punchline."""
    chat = chat or stage.group
    return await stage.world.wait_for(
        lambda _: next(
            (
                message
                for message in stage.world.messages(chat)
                if message["from"]["is_bot"] and message.get("text", "").startswith(text) and button_of(message, "z:")
            ),
            None,
        ),
        TIMEOUT_S,
    )


async def agree(stage, message, person):
    """Press the button under the question about the first punchline."""
    question = await stage.answer(message, lambda reply: button_of(reply, "p:"))
    return await stage.press_data(question, button_of(question, "p:"), person=person)


async def better(stage, joke, text: str, person=None, *, first: bool = True):
    """Answer a joke with /better; returns the user's message and the bot's."""
    person = person or stage.bob
    message = stage.world.send_text(person, joke["chat"]["id"], f"/better {text}", joke["message_id"])
    if first:
        await agree(stage, message, person)
    return message, await posted(stage, text, joke["chat"]["id"])


async def said(stage, message, key: str, language: str = "en", **values) -> None:
    text = (await stage.answer(message))["text"]
    assert text == stage.words(key, language, **values)


async def test_a_first_punchline_is_shown_after_its_author_agreed_and_a_second_at_once(stage):
    joke = await group_joke(stage)
    message = stage.world.send_text(stage.bob, stage.group, "/better Hats off!", joke["message_id"])
    question = await stage.answer(message)
    assert question["text"] == stage.words("punchline-first") and "\n" not in question["text"]
    assert await stage.value("SELECT count(*) FROM jokes WHERE model_id IS NULL") == 0
    yes = button_of(question, "p:")
    assert await stage.press_data(question, yes, person=stage.alice) == stage.words("punchline-not-yours")
    await stage.press_data(question, yes, person=stage.bob)
    shown = await posted(stage, "Hats off!")
    name = stage.world.user(stage.bob).name
    assert shown["text"] == f"Hats off!\n\n{stage.words('punchline-by', author=name)}"
    assert shown["reply_to_message"]["message_id"] == joke["message_id"]
    await stage.quiet()
    assert stage.world.message(stage.group, question["message_id"]) is None, "the question has served"
    await better(stage, joke, "Hats on!", first=False)
    row = await stage.app.database.row("SELECT * FROM jokes WHERE text = 'Hats on!'")
    asked = await stage.app.database.row("SELECT * FROM jokes WHERE model_id IS NOT NULL")
    assert (row["person_id"], row["model_id"], row["photo_id"]) == (stage.bob, None, asked["photo_id"])
    assert (row["prompt"], row["style"], row["language"]) == (asked["prompt"], asked["style"], asked["language"])


async def test_others_rate_a_punchline_and_its_author_does_not(stage):
    joke = await group_joke(stage)
    _, shown = await better(stage, joke, "Hats off!")
    assert stage.labels(shown) == ["😂", "🙂", "😐", "🗑"]
    assert await stage.press(shown, 0, person=stage.bob) == stage.words("rated-own")
    for person in (stage.alice, stage.ming):
        await stage.press(shown, 0, person=person)
    await stage.press(joke, 2, person=stage.bob)
    assert await stage.value("SELECT count(*) FROM ratings JOIN jokes ON id = joke_id WHERE model_id IS NULL") == 2
    await stage.shows(shown, "😂 2", "🙂", "😐", "🗑") if stage.settings.joke.counts_after_votes <= 2 else None
    best = stage.world.send_text(stage.alice, stage.group, "/best")
    assert stage.words("punchline-by", author=stage.world.user(stage.bob).name) in (await stage.answer(best))["caption"]
    mine = stage.world.send_text(stage.bob, stage.group, "/mine")
    assert "Hats off!" in (await stage.answer(mine))["caption"]
    stats = stage.world.send_text(stage.bob, stage.group, "/stats")
    assert stage.words("stats-punchlines", mine=1, all=1) in (await stage.answer(stats))["text"]


@pytest.mark.parametrize("text", ["✍️ Hats off!", "✍🏽Hats off!", "/better@{bot} Hats off!"])
async def test_a_reply_that_begins_with_a_pen_is_a_punchline(stage, text):
    joke = await group_joke(stage)
    written = text.format(bot=stage.world.bot["username"])
    message = stage.world.send_text(stage.bob, stage.group, written, joke["message_id"])
    await agree(stage, message, stage.bob)
    await posted(stage, "Hats off!")


async def test_other_replies_to_a_joke_stay_talk_among_users(stage):
    joke = await group_joke(stage)
    messages = [
        stage.world.send_text(stage.bob, stage.group, "Hats off!", joke["message_id"]),
        stage.world.send_text(stage.bob, stage.group, "✍️ without a joke"),
    ]
    await stage.joke(stage.send_photo(chat=stage.alice))
    await stage.quiet()
    assert [stage.answers(message) for message in messages] == [[], []]
    assert await stage.value("SELECT count(*) FROM punchlines") == 0


async def test_the_button_asks_with_a_reply_field_and_takes_that_users_reply(stage):
    joke = await group_joke(stage)
    for _ in range(2):
        assert await stage.press_data(joke, button_of(joke, "b:"), person=stage.bob) == ""
    await stage.quiet()
    name = stage.world.user(stage.bob).name
    (request,) = [
        message
        for message in stage.world.messages(stage.group)
        if message.get("text") == stage.words("punchline-ask", user=name)
    ]
    fields = [call for call in stage.calls("sendMessage") if "force_reply" in str(call.get("reply_markup"))]
    assert len(fields) == 2 and "selective" in str(fields[0]["reply_markup"])
    assert [entity["user"]["id"] for entity in request["entities"]] == [stage.bob]
    talk = stage.world.send_text(stage.ming, stage.group, "哈哈", request["message_id"])
    message = stage.world.send_text(stage.bob, stage.group, "Hats off!", request["message_id"])
    await agree(stage, message, stage.bob)
    shown = await posted(stage, "Hats off!")
    assert shown["reply_to_message"]["message_id"] == joke["message_id"]
    await stage.quiet()
    assert stage.answers(talk) == [] and stage.world.message(stage.group, request["message_id"]) is None


async def test_in_a_private_chat_the_button_works_too_and_better_without_a_text_asks(stage):
    joke = await stage.joke(stage.send_photo())
    stage.world.send_text(stage.alice, stage.alice, "/better", joke["message_id"])
    ask = stage.words("punchline-ask", user=stage.world.user(stage.alice).name)
    request = await stage.world.wait_for(
        lambda _: next((message for message in stage.world.messages(stage.alice) if message.get("text") == ask), None),
        TIMEOUT_S,
    )
    await stage.quiet()
    message = stage.world.send_text(stage.alice, stage.alice, "Mine", request["message_id"])
    await agree(stage, message, stage.alice)
    shown = await posted(stage, "Mine", stage.alice)
    again = stage.world.send_text(stage.alice, stage.alice, "/better To a punchline", shown["message_id"])
    await posted(stage, "To a punchline", stage.alice)
    assert len(stage.answers(again)) == 0


async def test_what_is_no_punchline_is_said_to_be(stage_with):
    stage = await stage_with(safety={"blocked": ["moist"]}, punchlines={"per_day": 2, "max_length": 60})
    joke, world = await group_joke(stage), stage.world

    def send(text, person=stage.bob, reply_to=joke["message_id"]):
        return world.send_text(person, stage.group, text, reply_to)

    await said(stage, send("/better Hats off!", reply_to=None), "better-what", length=60, limit=2)
    for text, key in (
        ("/better " + "x y " * 20, "punchline-long"),
        ("/better go to https://spam.example", "punchline-link"),
        ("/better a Moist joke", "punchline-declined"),
        ("/better !!!", "punchline-empty"),
        (f"/better {joke['text'].upper()}", "punchline-known"),
    ):
        await said(stage, send(text), key, length=60)
    await better(stage, joke, "One")
    await better(stage, joke, "Two", first=False)
    await said(stage, send("/better Three"), "punchline-limit", limit=2)
    assert await stage.press_data(joke, button_of(joke, "b:"), person=stage.bob) == stage.words(
        "punchline-limit", limit=2
    )
    await better(stage, joke, "Four", person=stage.alice)
    assert await stage.value("SELECT count(*) FROM jokes WHERE model_id IS NULL") == 3


async def test_the_admins_hook_sees_each_punchline(stage_with, tmp_path, monkeypatch):
    (tmp_path / "house_rules.py").write_text("def check(text):\n    return 'rude' if 'boss' in text else None\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    stage = await stage_with(safety={"punchline_hook": "house_rules:check"})
    joke = await group_joke(stage)
    await said(
        stage,
        stage.world.send_text(stage.bob, stage.group, "/better my boss", joke["message_id"]),
        "punchline-declined",
    )
    await better(stage, joke, "my cat")


async def test_its_author_corrects_a_punchline_by_editing_the_message_within_the_time(stage):
    joke = await group_joke(stage)
    message, shown = await better(stage, joke, "Hats of!")
    await stage.press(shown, 0, person=stage.alice)
    stage.world.edit_text(stage.bob, stage.group, message["message_id"], "/better Hats off!")
    corrected = await posted(stage, "Hats off!")
    assert corrected["message_id"] == shown["message_id"]
    assert await stage.value("SELECT count(*) FROM ratings") == 0, "it was another text that was rated"
    await said_after_edit(stage, message, "/better !!!", "punchline-empty")
    await posted(stage, "Hats off!")


async def said_after_edit(stage, message, text: str, key: str) -> None:
    stage.world.edit_text(message["from"]["id"], message["chat"]["id"], message["message_id"], text)
    await stage.answer(message, lambda reply: reply["text"] == stage.words(key, length=300, limit=10))


async def test_a_correction_that_comes_too_late_changes_nothing(stage_with):
    stage = await stage_with(punchlines={"edit_s": 0})
    joke = await group_joke(stage)
    message, shown = await better(stage, joke, "Hats of!")
    await asyncio.sleep(1.1)  # Telegram's clock has whole seconds.
    await said_after_edit(stage, message, "/better Hats off!", "punchline-late")
    assert stage.world.message(stage.group, shown["message_id"])["text"].startswith("Hats of!")


async def test_edited_messages_are_no_new_commands_or_photos(stage):
    photo = stage.send_photo("/joke", chat=stage.group)
    await stage.joke(photo)
    stage.world.edit_text(stage.alice, stage.group, photo["message_id"], "/joke again")
    text = stage.world.send_text(stage.alice, stage.alice, "hello")
    await stage.answer(text)
    stage.world.edit_text(stage.alice, stage.alice, text["message_id"], "/help")
    await stage.quiet()
    assert len(stage.answers(photo)) == len(stage.answers(text)) == 1


async def test_its_author_and_nobody_else_withdraws_a_punchline(stage):
    joke = await group_joke(stage)
    _, shown = await better(stage, joke, "Hats off!")
    await stage.press(shown, 0, person=stage.alice)
    data = button_of(shown, "z:")
    assert await stage.press_data(shown, data, person=stage.alice) == stage.words("punchline-not-yours")
    assert await stage.press_data(shown, data, person=stage.bob) == stage.words("punchline-withdrawn")
    gone = stage.words("punchline-gone")
    await stage.world.wait_for(
        lambda _: stage.world.message(stage.group, shown["message_id"])["text"] == gone, TIMEOUT_S
    )
    assert callback_data(stage.world.message(stage.group, shown["message_id"])) == []
    assert await stage.value("SELECT count(*) FROM jokes WHERE text = 'Hats off!'") == 0
    model_joke = f"z:{button_of(joke, 'b:').split(':')[1]}"
    assert await stage.press_data(joke, model_joke, person=stage.alice, forged=True) == stage.words(
        "punchline-not-yours"
    )


async def test_private_authors_are_not_named_and_not_in_what_is_learnt(stage):
    from storage.learning.rating_arrays import read_ratings_since

    await stage.answer(stage.world.send_text(stage.bob, stage.bob, "/private"))
    joke = await group_joke(stage)
    _, shown = await better(stage, joke, "Hats off!")
    assert shown["text"] == f"Hats off!\n\n{stage.words('punchline-unnamed')}"
    await stage.press(shown, 0, person=stage.alice)
    assert len((await read_ratings_since(stage.app.database, 0)).value) == 0


async def test_a_flag_hides_a_punchline_and_brings_back_its_author_s_name(stage_with):
    stage = await stage_with(telegram={"admins": [1003]})
    joke = await group_joke(stage)
    _, shown = await better(stage, joke, "Hats off!")
    flag = button_of(shown, "h:")
    await stage.press_data(shown, flag, person=stage.alice)
    await stage.world.wait_for(
        lambda _: stage.world.message(stage.group, shown["message_id"])["text"] == stage.words("flag-hidden"), TIMEOUT_S
    )
    assert stage.labels(shown) == ["↩️", "🗑"]
    await stage.quiet()
    (notice,) = [message for message in stage.world.messages(stage.ming) if button_of(message, "w:")]
    assert "Written by Bob" in notice.get("caption", notice.get("text", ""))
    await stage.press_data(shown, flag.replace("h:", "y:"), person=stage.alice)
    await stage.world.wait_for(
        lambda _: stage.world.message(stage.group, shown["message_id"])["text"] == shown["text"], TIMEOUT_S
    )


async def test_a_punchline_in_another_language_has_that_languages_prompt(stage):
    joke = await group_joke(stage)
    _, _ = await better(stage, joke, "帽子都笑掉了", person=stage.ming)
    row = await stage.app.database.row("SELECT language, prompt FROM jokes WHERE model_id IS NULL")
    from configs.prompts import load_prompts

    assert tuple(row) == ("zh", load_prompts().ask("zh", load_prompts().languages["zh"].default))


async def test_a_punchline_is_explained_and_answered_like_a_joke(stage):
    joke = await group_joke(stage)
    _, shown = await better(stage, joke, "Hats off!")
    asked = stage.world.send_text(stage.alice, stage.group, "/explain", shown["message_id"])
    await stage.answer(asked)
    assert "Hats off!" in stage.engine.asked[-1].user
    message = stage.world.send_text(stage.alice, stage.group, "/better Hats on!", shown["message_id"])
    await agree(stage, message, stage.alice)
    answer = await posted(stage, "Hats on!")
    assert answer["reply_to_message"]["message_id"] == shown["message_id"]


async def test_what_is_sent_in_a_groups_name_is_no_punchline(stage):
    group = stage.world.add_group("Family", [stage.bob, stage.alice])
    stage.group = group
    joke = await group_joke(stage)
    groups.promote(stage.world, group, stage.bob, anonymous=True)
    message = stage.world.send_text(stage.bob, group, "/better Hats off!", joke["message_id"])
    await said(stage, message, "punchline-as-chat", length=300, limit=10)


async def test_a_restart_between_question_and_consent_loses_nothing(stage):
    joke = await group_joke(stage)
    message = stage.world.send_text(stage.bob, stage.group, "/better Hats off!", joke["message_id"])
    question = await stage.answer(message)
    await stage.quiet()
    await stage.restart()
    await stage.press_data(question, button_of(question, "p:"), person=stage.bob)
    await posted(stage, "Hats off!")
    await stage.quiet()
    shown = [item for item in stage.world.messages(stage.group) if item.get("text", "").startswith("Hats off!")]
    assert len(shown) == 1


async def test_without_punchlines_there_is_no_button_and_better_says_so(stage_with):
    stage = await stage_with(punchlines={"per_day": 0})
    joke = await group_joke(stage)
    assert button_of(joke, "b:") is None
    message = stage.world.send_text(stage.bob, stage.group, "/better Hats off!", joke["message_id"])
    await said(stage, message, "better-off", length=300, limit=0)
