"""🚩 hides a joke, tells the admins, and keeps it out of what is learnt and shown; ↩️ and admins bring it back."""

import pytest

from bot.chats import group_admins
from storage.chat.best import list_best_jokes, list_latest_jokes
from storage.chat.recent_ratings import list_recently_rated
from storage.learning.rating_arrays import read_ratings_of_photos, read_ratings_since
from tests.bot.conftest import callback_data, make_picture

FLAG = 4
"""The index of 🚩 among a joke's buttons."""


@pytest.fixture
async def stage(stage_with):
    """A stage with Ming, who speaks Chinese, as the bot's admin."""
    return await with_admin(stage_with)


async def with_admin(stage_with, **sections):
    return await stage_with(telegram={"admins": [1003]}, **sections)


def message_of(stage, joke):
    return stage.world.message(joke["chat"]["id"], joke["message_id"])


def notices(stage) -> list[dict]:
    """The admin's messages about flags, oldest first."""
    return [
        message
        for message in stage.world.messages(stage.ming)
        if any(data.startswith("w:") for data in callback_data(message))
    ]


async def hidden(stage, joke) -> None:
    text = stage.words("flag-hidden")
    await stage.world.wait_for(lambda _: message_of(stage, joke).get("text") == text, 60)


async def shown(stage, joke) -> None:
    await stage.world.wait_for(lambda _: message_of(stage, joke).get("text") == joke["text"], 60)


async def decide(stage, answer: str, which: int = 0) -> str:
    notice = notices(stage)[which]
    data = next(data for data in callback_data(notice) if data.startswith(f"w:{answer}:"))
    return await stage.press_data(notice, data, person=stage.ming)


async def group_joke(stage, number: int = 0, person: int | None = None):
    photo = stage.send_photo(
        "/joke", person=person or stage.alice, chat=stage.group, data=make_picture((300, 200 + number))
    )
    return await stage.joke(photo)


async def test_a_flag_hides_the_joke_and_tells_the_admins_with_the_photo(stage):
    assert stage.ming == 1003
    joke = await stage.joke(stage.send_photo())
    assert await stage.press(joke, 0) == stage.words("rated", emoji="😂")
    assert await stage.press(joke, FLAG) == stage.words("flag-done")
    await hidden(stage, joke)
    assert stage.labels(joke) == ["↩️", "🔁"]
    await stage.quiet()
    (notice,) = notices(stage)
    assert notice["photo"] and joke["text"] in notice["caption"]
    database = stage.app.database
    assert not await list_best_jokes(database, stage.alice, minimum=1, limit=5)
    assert not await list_latest_jokes(database, stage.alice, chat_id=None, limit=5)
    assert not await list_recently_rated(database, 5)
    assert not len((await read_ratings_since(database, 0)).value)
    assert not len(await read_ratings_of_photos(database, [1]))


async def test_a_hidden_joke_takes_no_ratings_and_is_not_explained(stage):
    joke = await stage.joke(stage.send_photo())
    rate = callback_data(joke)[0]
    await stage.press(joke, FLAG)
    await hidden(stage, joke)
    assert await stage.press_data(joke, rate, forged=True) == stage.words("flag-is-hidden")
    assert await stage.value("SELECT count(*) FROM ratings") == 0
    asked = stage.world.send_text(stage.alice, stage.alice, "/explain", joke["message_id"])
    assert (await stage.answer(asked))["text"] == stage.words("flag-is-hidden")


async def test_the_one_who_hid_it_brings_it_back_and_it_counts_again(stage):
    joke = await stage.joke(stage.send_photo())
    await stage.press(joke, 1)
    await stage.press(joke, FLAG)
    await hidden(stage, joke)
    assert await stage.press_data(joke, f"y:{callback_data(joke)[0].split(':')[1]}") == stage.words("flag-undone")
    await shown(stage, joke)
    await stage.shows(joke, "😂", "🙂 1", "😐", "🔁")
    assert len((await read_ratings_since(stage.app.database, 0)).value) == 1


async def test_an_admin_restores_a_joke_and_members_cannot_flag_it_again(stage):
    joke = await group_joke(stage)
    assert await stage.press(joke, FLAG, person=stage.bob) == stage.words("flag-done")
    await hidden(stage, joke)
    await stage.quiet()
    assert await decide(stage, "restore") == stage.words("flag-restore-done", "zh")
    await shown(stage, joke)
    assert await stage.press(joke, FLAG, person=stage.bob) == stage.words("flag-settled")
    assert await decide(stage, "keep") == stage.words("flag-keep-done", "zh")
    await hidden(stage, joke)
    unflag = f"y:{callback_data(joke)[0].split(':')[1]}"
    assert await stage.press_data(joke, unflag, person=stage.bob) == stage.words("flag-kept")
    marked = [label["text"] for row in notices(stage)[0]["reply_markup"]["inline_keyboard"] for label in row]
    assert [text for text in marked if text.startswith("✔️")] == [f"✔️ {stage.words('flag-keep', 'zh')}"]


async def test_an_admin_bans_who_asked_for_it(stage):
    joke = await group_joke(stage)
    await stage.press(joke, FLAG, person=stage.bob)
    await stage.quiet()
    answer = await decide(stage, "ban")
    assert answer == stage.words("flag-ban-done", "zh", person=str(stage.alice))
    assert await stage.value("SELECT person_id FROM bans WHERE lifted_at IS NULL") == stage.alice


async def test_the_buttons_of_a_notice_do_nothing_for_others(stage):
    joke = await stage.joke(stage.send_photo())
    await stage.press(joke, FLAG)
    await stage.quiet()
    joke_id = callback_data(joke)[0].split(":")[1]
    for data in (f"w:restore:{joke_id}:0", f"w:ban:{joke_id}:{stage.bob}"):
        assert await stage.press_data(joke, data, forged=True) == stage.words("not-your-button")
    await hidden(stage, joke)
    assert await stage.value("SELECT count(*) FROM bans") == 0


async def test_a_member_hides_no_more_than_the_days_jokes_and_others_still_can(stage_with):
    stage = await with_admin(stage_with, safety={"max_flags_per_day": 2})
    jokes = [await group_joke(stage, number) for number in range(4)]
    for joke in jokes[:2]:
        assert await stage.press(joke, FLAG, person=stage.bob) == stage.words("flag-done")
    assert await stage.press(jokes[2], FLAG, person=stage.bob) == stage.words("flag-limit", limit=2)
    # Taking a flag back frees no place.
    unflag = f"y:{callback_data(jokes[0])[0].split(':')[1]}"
    assert await stage.press_data(jokes[0], unflag, person=stage.bob) == stage.words("flag-undone")
    assert await stage.press(jokes[2], FLAG, person=stage.bob) == stage.words("flag-limit", limit=2)
    await shown(stage, jokes[2])
    for joke in (jokes[2], jokes[3], jokes[0]):  # Alice asked for them.
        assert await stage.press(joke, FLAG, person=stage.alice) == stage.words("flag-done")
    await stage.quiet()
    assert len(notices(stage)) == 2 + 2, "the admin is told of as many flags of one user as a member has"


async def test_a_groups_administrators_have_no_limit_and_bring_back_what_others_hid(stage_with, monkeypatch):
    asked = 0
    original = group_admins.is_administrator

    async def is_administrator(client, chat_id, user_id):
        nonlocal asked
        asked += 1
        return await original(client, chat_id, user_id)

    monkeypatch.setattr(group_admins, "is_administrator", is_administrator)
    stage = await with_admin(stage_with, safety={"max_flags_per_day": 1})
    group = stage.world.add_group("Family", [stage.bob, stage.alice, stage.ming])
    stage.group = group
    owner = stage.world.chats[group].members[0]
    jokes = [await group_joke(stage, number) for number in range(3)]
    for joke in jokes:
        assert await stage.press(joke, FLAG, person=owner) == stage.words("flag-done")
        await hidden(stage, joke)
    assert asked == 1, "Telegram is asked once a minute"
    await stage.press_data(jokes[0], f"y:{callback_data(jokes[0])[0].split(':')[1]}", person=owner)
    await shown(stage, jokes[0])
    assert await stage.press(jokes[0], FLAG, person=stage.ming) == stage.words("flag-done", "zh")
    await stage.world.wait_for(lambda _: message_of(stage, jokes[0])["text"].startswith("🚩"), 60)
    unflag = f"y:{callback_data(jokes[0])[0].split(':')[1]}"
    assert await stage.press_data(jokes[0], unflag, person=owner) == stage.words("flag-undone")


async def test_a_stranger_to_a_flag_cannot_bring_the_joke_back(stage):
    joke = await group_joke(stage)
    await stage.press(joke, FLAG, person=stage.bob)
    await hidden(stage, joke)
    third = stage.world.add_user("Carol").id
    stage.world.chats[stage.group].members.append(third)
    unflag = f"y:{callback_data(joke)[0].split(':')[1]}"
    assert await stage.press_data(joke, unflag, person=third) == stage.words("flag-not-yours")
    await hidden(stage, joke)


async def test_a_private_users_photo_is_not_shown_to_admins(stage):
    await stage.answer(stage.world.send_text(stage.alice, stage.alice, "/private"))
    joke = await stage.joke(stage.send_photo())
    await stage.press(joke, FLAG)
    await stage.quiet()
    (notice,) = notices(stage)
    assert "photo" not in notice and joke["text"] in notice["text"]


async def test_forgetting_who_flagged_it_leaves_the_joke_hidden(stage):
    joke = await group_joke(stage)
    await stage.press(joke, FLAG, person=stage.bob)
    asked = stage.world.send_text(stage.bob, stage.bob, "/forget")
    question = await stage.answer(asked)
    await stage.press(question, 0, person=stage.bob)
    await stage.quiet()
    assert await stage.value("SELECT count(*) FROM flags") == 0
    assert await stage.value("SELECT count(*) FROM hidden_jokes") == 1
