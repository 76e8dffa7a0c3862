"""Who may use the bot: strangers and unknown groups wait for an admin's answer, and admins are not flooded."""

import pytest

from bot.messaging import access_notices
from bot.monitoring import doctor
from bot.sandbox.groups import add_basic_group, upgrade
from storage.chat import access, held_updates
from storage.database import MIGRATIONS
from tests.bot.conftest import callback_data, make_picture

ADMIN = 1001
WAIT, WAIT_GROUP = "access-wait", "access-wait-group"


@pytest.fixture(autouse=True)
def closed(monkeypatch):
    """Settings have their own default here, and rounds follow each other quickly."""
    monkeypatch.delenv("JOKEBOT_ACCESS_STRANGERS")
    monkeypatch.setattr(access_notices, "CHECK_INTERVAL_S", 0.2)


@pytest.fixture
async def stage(stage_with):
    """Alice is the admin; Bob and Ming are strangers."""
    return await stage_with(telegram={"admins": [ADMIN]})


def said_to(stage, chat):
    return [one.get("text", "") for one in stage.world.messages(chat) if one["from"]["is_bot"]]


def questions(stage, admin=ADMIN):
    """The bot's messages to an admin with both buttons."""
    return [one for one in stage.world.messages(admin) if len(callback_data(one)) == 2 and "🚪" in one.get("text", "")]


async def question(stage, number=1, admin=ADMIN):
    """Wait until that many questions are open in an admin's chat; returns the last."""
    found = await stage.world.wait_for(
        lambda _: questions(stage, admin) if len(questions(stage, admin)) == number else None
    )
    return found[-1]


async def says(stage, chat, key, language="en", **values):
    """Wait until the bot has said that in a chat."""
    await stage.world.wait_for(lambda _: stage.words(key, language, **values) in said_to(stage, chat))


async def ask(stage, person):
    """A stranger's first message; returns the question to the admin."""
    before = len(questions(stage))
    await stage.answer(stage.world.send_text(person, person, "/start"))
    return await question(stage, before + 1)


async def test_a_stranger_is_told_once_to_wait_and_the_admin_is_asked_once_over_a_restart_too(stage):
    for text in ("/start", "hello?", "/help"):
        stage.world.send_text(stage.bob, stage.bob, text)
    asked = await question(stage)
    await stage.quiet()
    await stage.restart()
    stage.send_photo(person=stage.bob)
    stage.world.send_text(stage.bob, stage.bob, "/best")
    await stage.quiet()
    assert said_to(stage, stage.bob) == [stage.words(WAIT, id="")]
    assert questions(stage) == [asked] and f"Bob · {stage.bob}" in asked["text"]
    assert not stage.engine.asked and await stage.value("SELECT count(*) FROM photos") == 0


async def test_who_is_let_in_is_welcomed_and_the_photos_sent_meanwhile_are_answered(stage):
    photos = [stage.send_photo(person=stage.bob, data=make_picture(colour=(n * 30, 0, 0))) for n in range(12)]
    asked = await question(stage)
    await stage.quiet()
    assert await stage.value("SELECT count(*) FROM held_updates") == held_updates.MAX_HELD
    await stage.press(asked, 0)
    for photo in photos[: held_updates.MAX_HELD]:
        await stage.joke(photo)
    await stage.quiet()
    assert stage.words("access-welcome") in said_to(stage, stage.bob)
    await stage.joke(stage.send_photo(person=stage.bob))
    await stage.restart()
    await stage.joke(stage.send_photo(person=stage.bob))
    assert said_to(stage, stage.bob).count(stage.words("access-welcome")) == 1


async def test_a_caption_of_a_held_album_holds_for_all_its_photos(stage):
    photos = stage.world.send_album(
        stage.bob, stage.bob, [make_picture(colour=(n * 50, 9, 9)) for n in range(3)], [None, "#deadpan", None]
    )
    asked = await question(stage)
    await stage.quiet()
    await stage.press(asked, 0)
    for photo in photos:
        await stage.joke(photo)
    assert await stage.value("SELECT count(*) FROM jokes WHERE style = 'deadpan'") == 3


async def test_who_is_refused_hears_it_once_kindly_and_nothing_more(stage):
    stage.send_photo(person=stage.bob)
    await stage.press(await question(stage), 1)
    await says(stage, stage.bob, "access-refused")
    heard = said_to(stage, stage.bob)
    stage.send_photo(person=stage.bob)
    stage.world.send_text(stage.bob, stage.bob, "please")
    await stage.quiet()
    await stage.restart()
    stage.world.send_text(stage.bob, stage.bob, "please!")
    await stage.quiet()
    assert said_to(stage, stage.bob) == heard and not stage.engine.asked
    assert await stage.value("SELECT count(*) FROM held_updates") == 0


async def test_a_decision_is_shown_to_all_admins_and_can_be_changed(stage_with):
    stage = await stage_with(telegram={"admins": [ADMIN, 1003]})
    await ask(stage, stage.bob)
    asked, others = await question(stage), await question(stage, 1, stage.ming)
    assert others["text"].startswith("🚪 Bob")
    await stage.press(asked, 1)
    shown = [(ADMIN, asked), (stage.ming, others)]

    async def show(state):
        for admin, message in shown:
            await stage.world.wait_for(
                lambda world, admin=admin, message=message: world.message(admin, message["message_id"])[
                    "text"
                ].startswith(state)
            )

    await show("🚫")
    await stage.press(stage.world.message(stage.ming, others["message_id"]), 0, person=stage.ming)
    await show("✅")
    await stage.joke(stage.send_photo(person=stage.bob))


async def test_many_strangers_at_once_do_not_flood_the_admin(stage):
    people = [stage.world.add_user(f"Guest {number}").id for number in range(40)]
    for person in people:
        stage.world.send_text(person, person, "/start")
    await stage.world.wait_for(lambda _: all(said_to(stage, person) for person in people))
    last = await question(stage, access_notices.MAX_OPEN)
    await stage.quiet()
    assert len(said_to(stage, ADMIN)) == access_notices.MAX_OPEN
    assert "37 more are waiting" in last["text"]
    await stage.press(questions(stage)[0], 0)
    await stage.world.wait_for(lambda _: len(said_to(stage, ADMIN)) == access_notices.MAX_OPEN + 1)
    refused = await stage.answer(stage.world.send_text(ADMIN, ADMIN, "/requests refuse"))
    assert refused["text"] == stage.words("requests-refused", count=39)
    await stage.world.wait_for(lambda _: not questions(stage))
    assert len(said_to(stage, ADMIN)) == access_notices.MAX_OPEN + 2


async def test_requests_asks_again_at_the_end_of_the_chat(stage):
    assert await answer(stage, "/requests") == stage.words("requests-waiting", count=0)
    first = await ask(stage, stage.bob)
    assert await answer(stage, "/requests") == stage.words("requests-waiting", count=1)
    again = await question(stage, 2)
    assert again["message_id"] > first["message_id"] and again["text"] == first["text"]
    assert await answer(stage, "/requests, please") == stage.words("requests-how")


async def answer(stage, text, person=ADMIN):
    return (await stage.answer(stage.world.send_text(person, person, text)))["text"]


async def test_an_admin_who_cannot_be_reached_is_asked_later(stage, monkeypatch):
    monkeypatch.setattr(access_notices, "RETRY_S", 0.2)
    stage.world.block(ADMIN)
    await stage.answer(stage.world.send_text(stage.bob, stage.bob, "/start"))
    await stage.quiet()
    stage.world.block(ADMIN, False)
    await question(stage)


async def test_only_admins_decide(stage):
    asked = await ask(stage, stage.bob)
    message = stage.world.messages(stage.bob)[-1]
    data = callback_data(asked)[0]
    assert await stage.press_data(message, data, person=stage.bob, forged=True) == stage.words("access-button")
    assert await stage.value("SELECT state FROM access") == "waiting"


async def test_the_settings_name_users_and_groups(stage_with):
    stage = await stage_with(telegram={"admins": [ADMIN]}, access={"users": [1002], "chats": [-1_001_000_000_001]})
    await stage.joke(stage.send_photo(person=stage.bob))
    await stage.joke(stage.send_photo("/joke", person=stage.ming, chat=stage.group))
    assert await answer(stage, "hello", stage.ming) == stage.words(WAIT, "zh", id="")
    elsewhere = stage.world.add_group("Elsewhere", [stage.ming, stage.bob])
    await stage.joke(stage.send_photo("/joke", person=stage.bob, chat=elsewhere))


async def test_a_group_waits_for_the_admins_answer_and_talk_among_members_is_none_of_its_business(stage):
    group = stage.world.add_group("Cat friends", [stage.bob, stage.ming])
    asked = await question(stage)
    assert "Cat friends" in asked["text"] and f"Bob · {stage.bob}" in asked["text"]
    await says(stage, group, WAIT_GROUP)
    stage.world.send_text(stage.ming, group, "who invited a bot?")
    photo = stage.send_photo("/joke", person=stage.ming, chat=group)
    await stage.quiet()
    assert len(said_to(stage, group)) == 1 and len(questions(stage)) == 1
    await stage.press(asked, 0)
    await stage.joke(photo)
    await stage.press(await stage.joke(photo), 0, person=stage.ming)


async def test_the_bot_leaves_a_group_that_is_refused_and_one_that_adds_it_again(stage):
    group = stage.world.add_group("Cat friends", [stage.bob])
    await stage.press(await question(stage), 1)
    await stage.until(lambda: len(stage.calls("leaveChat")) == 1)
    assert said_to(stage, group) == [stage.words(WAIT_GROUP), stage.words("access-refused-group")]
    chat = stage.world.chats[group]
    chat.left = False
    stage.world.put_membership_update(chat, stage.world.user(stage.bob), "left", "member")
    await stage.until(lambda: len(stage.calls("leaveChat")) == 2)
    await stage.quiet()
    assert len(said_to(stage, group)) == 2 and not questions(stage)


async def test_a_group_to_which_an_admin_adds_the_bot_is_let_in(stage):
    group = stage.world.add_group("Family", [stage.alice, stage.ming])
    await stage.quiet()
    await stage.joke(stage.send_photo("/joke", person=stage.ming, chat=group))
    assert not questions(stage) and not [text for text in said_to(stage, group) if "admins" in text]


async def test_a_group_keeps_its_permission_when_it_becomes_a_supergroup(stage):
    group = add_basic_group(stage.world, "Small", [stage.alice, stage.ming])
    await access.allow_chat(stage.app.database, group, by=ADMIN, title="Small", told="access-welcome-group")
    await stage.joke(stage.send_photo("/joke", person=stage.ming, chat=group))
    new = upgrade(stage.world, group)
    await stage.joke(stage.send_photo("/joke", person=stage.ming, chat=new))


async def test_a_request_ends_when_the_bot_is_blocked_or_removed(stage):
    asked = await ask(stage, stage.bob)
    stage.send_photo(person=stage.bob)
    await stage.quiet()
    stage.world.block(stage.bob)
    await stage.world.wait_for(lambda world: world.message(ADMIN, asked["message_id"])["text"].startswith("↩️"))
    assert await stage.value("SELECT count(*) FROM held_updates") == 0
    stage.world.block(stage.bob, False)
    stage.world.send_text(stage.bob, stage.bob, "/start")
    await question(stage)
    assert said_to(stage, stage.bob).count(stage.words(WAIT, id="")) == 2


async def test_a_ban_ends_a_request(stage):
    asked = await ask(stage, stage.bob)
    await stage.answer(stage.world.send_text(ADMIN, ADMIN, f"/ban {stage.bob}"))
    another = stage.world.add_user("Eve").id
    stage.world.send_text(another, another, "/start")  # begins a round
    await stage.world.wait_for(lambda world: world.message(ADMIN, asked["message_id"])["text"].startswith("🚫"))
    assert stage.words("access-refused") not in said_to(stage, stage.bob)


async def test_a_stranger_can_be_forgotten_and_leaves_nothing(stage):
    photo = stage.send_photo("a secret caption", person=stage.bob)
    asked = await question(stage)
    await stage.quiet()
    assert not stage.answers(photo)[0].get("reply_markup")
    confirm = await stage.answer(stage.world.send_text(stage.bob, stage.bob, "/forget"))
    await stage.press(confirm, 0, person=stage.bob)
    await stage.quiet()
    assert await stage.value("SELECT (SELECT count(*) FROM access) + (SELECT count(*) FROM held_updates)") == 0
    assert await stage.press(asked, 0) == stage.words("access-gone")


async def test_forgetting_does_not_undo_an_admins_decision(stage):
    asked = await ask(stage, stage.bob)
    await stage.press(asked, 0)
    await says(stage, stage.bob, "access-welcome")
    confirm = await stage.answer(stage.world.send_text(stage.bob, stage.bob, "/forget"))
    await stage.press(confirm, 0, person=stage.bob)
    await stage.quiet()
    await stage.joke(stage.send_photo(person=stage.bob))


async def test_without_an_admin_the_bot_tells_its_owner_what_to_do(stage_with, caplog):
    caplog.set_level("WARNING")
    stage = await stage_with()
    assert "no admin is configured" in caplog.text and "JOKEBOT_TELEGRAM_ADMINS" in caplog.text
    said = await answer(stage, "/start", stage.bob)
    assert said == stage.words("access-no-admin", id=str(stage.bob)) and f"ADMINS={stage.bob}" in said
    [finding] = await doctor.check_access(stage.settings)
    assert finding.state == "bad" and "JOKEBOT_TELEGRAM_ADMINS" in finding.todo


async def test_an_owner_who_becomes_the_admin_is_in_and_not_asked_about_themselves(stage_with):
    stage = await stage_with()
    await stage.answer(stage.world.send_text(stage.bob, stage.bob, "/start"))
    await stage.quiet()
    telegram = stage.settings.telegram.model_copy(update={"admins": [stage.bob]})
    stage.settings = stage.settings.model_copy(update={"telegram": telegram})
    await stage.restart()
    await says(stage, stage.bob, "access-welcome")
    await stage.joke(stage.send_photo(person=stage.bob))
    assert not questions(stage, stage.bob)


async def test_strangers_can_be_refused_without_a_question(stage_with):
    stage = await stage_with(telegram={"admins": [ADMIN]}, access={"strangers": "refuse"})
    for _ in range(2):
        stage.send_photo(person=stage.bob)
    group = stage.world.add_group("Cat friends", [stage.bob])
    await stage.until(lambda: len(stage.calls("leaveChat")) == 1)
    await stage.quiet()
    assert said_to(stage, stage.bob) == [stage.words("access-closed")]
    assert said_to(stage, group) == [stage.words("access-closed-group")]
    assert not said_to(stage, ADMIN) and not await stage.value("SELECT count(*) FROM held_updates")
    assert await answer(stage, "/requests") == stage.words("requests-closed")


async def test_an_open_bot_may_limit_the_jokes_of_strangers(stage_with):
    stage = await stage_with(
        telegram={"admins": [ADMIN]}, access={"strangers": "allow", "stranger_jokes_per_day": 2, "users": [1003]}
    )
    for number in range(2):
        await stage.joke(stage.send_photo(person=stage.bob, data=make_picture(colour=(number, 9, 9))))
    full = await stage.answer(stage.send_photo(person=stage.bob, data=make_picture(colour=(99, 9, 9))))
    assert full["text"] == stage.words("daily-full-private", jokes=2)
    stage.send_photo(person=stage.bob, data=make_picture(colour=(98, 9, 9)))
    for person in (stage.alice, stage.ming):
        for number in range(3):
            await stage.joke(stage.send_photo(person=person, data=make_picture(colour=(number, 50, person % 50))))
    await stage.quiet()
    assert len([text for text in said_to(stage, stage.bob) if text == full["text"]]) == 1
    assert await answer(stage, "/requests") == stage.words("requests-open")


async def test_who_used_the_bot_before_this_version_stays(stage_with, monkeypatch):
    monkeypatch.setenv("JOKEBOT_ACCESS_STRANGERS", "allow")
    stage = await stage_with(telegram={"admins": [ADMIN]})
    await stage.joke(stage.send_photo(person=stage.bob))
    await stage.joke(stage.send_photo("/joke", person=stage.ming, chat=stage.group))
    await stage.quiet()
    script = (MIGRATIONS / "0023_users.sql").read_text().split("stays.\n")[1]
    async with stage.app.database.write() as connection:
        for statement in script.split(";"):
            await connection.execute(statement)
    known = await access.list_allowed(stage.app.database)
    assert known == {stage.bob, stage.ming, stage.group}
