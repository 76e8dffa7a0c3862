"""Anonymous administrators and channels share user ids: the chat in whose name they write counts as the sender."""

import asyncio
import shutil

import pytest

from bot.engine.stub.engine import StubReply
from bot.sandbox.groups import promote
from bot.sandbox.telegram_objects import SandboxChat, SandboxUser
from bot.telegram.senders import normalize_senders
from storage import database as module
from storage.database import Database
from storage.learning.bans import list_active_bans
from tests.bot.conftest import make_picture

CHANNEL = {"id": -1_001_999_999_999, "type": "channel", "title": "Daily cats", "username": "daily_cats"}
CHANNEL_SENDER = {"id": CHANNEL["id"], "is_bot": False, "first_name": "Daily cats", "username": "daily_cats"}
CHANNEL_BOT = {"id": 136817688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}


def stand_in(chat_id, title):
    return {"id": chat_id, "is_bot": False, "first_name": title}


@pytest.fixture
async def stage(stage_with):
    """Bob is an anonymous administrator of one group, Ming of another; Alice is the bot's admin."""
    return two_groups(await stage_with(telegram={"admins": [1001]}))


def two_groups(stage):
    stage.other = stage.world.add_group("Another group", [stage.alice, stage.bob, stage.ming])
    promote(stage.world, stage.group, stage.bob, anonymous=True)
    promote(stage.world, stage.other, stage.ming, anonymous=True)
    return stage


async def say(stage, person, chat, text, reply_to=None):
    return await stage.answer(stage.world.send_text(person, chat, text, reply_to))


def post_as_channel(stage, **content):
    """A channel's message in the group, as Telegram sends it to bots."""
    chat = stage.world.chats[stage.group]
    message = stage.world.post_message(chat, CHANNEL_BOT, {"sender_chat": CHANNEL, **content})
    stage.world.updates.put("message", message)
    return message


async def test_private_holds_for_one_group_and_not_for_the_other(stage):
    assert (await say(stage, stage.bob, stage.group, "/private"))["text"] == stage.words("private-on-chat")
    assert (await say(stage, stage.ming, stage.other, "/private"))["text"] == stage.words("private-on-chat")
    assert (await say(stage, stage.bob, stage.group, "/private"))["text"] == stage.words("private-off-chat")
    await stage.quiet()
    assert await stage.value("SELECT person_id FROM private_people") == stage.other


async def test_a_groups_share_of_the_queue_is_its_own(stage_with):
    gate = asyncio.Event()
    stage = two_groups(await stage_with(StubReply(gate=gate), limits={"max_queued_photos_per_user": 3}))
    for number in range(3):
        stage.send_photo("/joke", person=stage.bob, chat=stage.group, data=make_picture(colour=(number, 1, 1)))
    await stage.until(lambda: len(stage.engine.asked) == 3)
    other = stage.send_photo("/joke", person=stage.ming, chat=stage.other, data=make_picture(colour=(9, 9, 1)))
    await stage.until(lambda: len(stage.engine.asked) == 4)
    gate.set()
    await stage.joke(other)


async def test_photos_jokes_and_names_are_the_chats(stage):
    await stage.joke(stage.send_photo("/joke", person=stage.bob, chat=stage.group))
    mine = await say(stage, stage.bob, stage.group, "/mine")
    assert mine["caption"].startswith(stage.words("mine-title"))
    assert (await say(stage, stage.ming, stage.other, "/mine"))["text"] == stage.words("mine-none")
    users = (await say(stage, stage.alice, stage.alice, "/users"))["text"]
    assert f"Joke lovers · {stage.group}" in users and "1087968824" not in users
    senders = await stage.app.database.rows("SELECT person_id FROM photo_senders UNION SELECT person_id FROM jokes")
    assert [row[0] for row in senders] == [stage.group]


async def test_forget_erases_what_was_sent_in_the_groups_name_and_nothing_else(stage):
    await stage.joke(stage.send_photo("/joke", person=stage.bob, chat=stage.group))
    joke = await stage.joke(stage.send_photo("/joke", chat=stage.group, data=make_picture(colour=(1, 2, 3))))
    await stage.joke(
        stage.send_photo("/joke", person=stage.ming, chat=stage.other, data=make_picture(colour=(4, 4, 4)))
    )
    await stage.press(joke, 0)
    ask = await say(stage, stage.bob, stage.group, "/forget")
    assert ask["text"] == stage.words("forget-ask-chat")
    assert await stage.press(ask, 0, person=stage.ming) == stage.words("forget-not-yours", "zh")  # a member
    await stage.press(ask, 0, person=stage.bob)
    await stage.world.wait_for(
        lambda world: (
            world.message(stage.group, ask["message_id"])["text"]
            == stage.words("forget-done", photos=1, jokes=1, ratings=0)
        )
    )
    assert await stage.value("SELECT count(*) FROM jokes") == 2
    assert (await stage.press(joke, 1)).startswith(stage.words("rated", emoji="🙂"))
    assert await stage.value("SELECT count(*) FROM deliveries WHERE chat_id = ?", stage.group) == 1


async def test_a_language_is_a_persons_and_not_a_chats(stage):
    answer = await say(stage, stage.bob, stage.group, "/language zh")
    assert answer["text"] == stage.words("language-own-name") and "reply_markup" not in answer


async def test_a_channel_is_told_to_ask_under_ones_own_name(stage):
    forget = post_as_channel(stage, text="/forget", entities=[{"type": "bot_command", "offset": 0, "length": 7}])
    assert (await stage.answer(forget))["text"] == stage.words("own-name")


async def test_a_ban_of_a_channel_or_of_a_groups_anonymous_admins_hits_no_others(stage):
    rude = post_as_channel(stage, text="Your jokes are bad.")
    answer = await say(stage, stage.alice, stage.group, "/ban", rude["message_id"])
    assert f"Daily cats · @daily_cats · {CHANNEL['id']}" in answer["text"]
    assert f"Another group · {stage.other}" in (await ban_by_reply(stage, stage.ming, stage.other))["text"]
    await stage.joke(stage.send_photo("/joke", person=stage.bob, chat=stage.group))
    assert {ban.person_id for ban in await list_active_bans(stage.app.database)} == {CHANNEL["id"], stage.other}
    assert (
        stage.words("unban-done", who="?")[:5]
        in (await say(stage, stage.alice, stage.alice, f"/unban {CHANNEL['id']}"))["text"]
    )


async def ban_by_reply(stage, person, chat):
    message = stage.world.send_text(person, chat, "Hm.")
    return await say(stage, stage.alice, chat, "/ban", message["message_id"])


@pytest.mark.parametrize("number", [1087968824, 136817688, 777000, 2**52, -(2**52)])
async def test_a_shared_or_impossible_number_cannot_be_banned(stage, number):
    assert (await say(stage, stage.alice, stage.alice, f"/ban {number}"))["text"] == stage.words("ban-how")
    assert await list_active_bans(stage.app.database) == []


async def test_a_user_with_an_empty_name_or_none_is_answered(stage):
    person = stage.world.add_user("").id
    await stage.joke(stage.send_photo(person=person))
    chat = stage.world.chats[person]
    nameless = {"id": person, "is_bot": False}
    message = stage.world.post_message(chat, nameless, {"text": "/help"})
    stage.world.updates.put("message", message)
    await stage.answer(message)
    await stage.quiet()
    assert await stage.value("SELECT count(*) FROM inbox WHERE state = 'failed'") == 0
    assert f"? · {person}" in (await say(stage, stage.alice, stage.alice, "/users"))["text"]


def test_missing_first_names_are_filled_in_at_any_depth():
    nameless = {"id": 1, "is_bot": False, "first_name": None}
    update = {"message": {"from": nameless, "entities": [{"user": {"is_bot": False}}]}}
    normalize_senders(update)
    assert update["message"]["from"]["first_name"] == update["message"]["entities"][0]["user"]["first_name"] == ""


async def test_ids_up_to_52_bits_are_stored_and_their_buttons_work(stage):
    big = 2**52 - 1
    stage.world.users[big] = SandboxUser(big, "Big", "en")
    stage.world.chats[big] = SandboxChat(big, "private", "Big", [big], stage.world.private_message_ids)
    joke = await stage.joke(stage.send_photo(person=big))
    assert await stage.press(joke, 0, person=big) == stage.words("rated", emoji="😂")
    ask = await say(stage, big, big, "/forget")
    assert await stage.press(ask, 1, person=big) == ""


async def test_what_an_older_version_stored_under_a_shared_id_becomes_the_chats(tmp_path, monkeypatch):
    older = tmp_path / "migrations"
    older.mkdir()
    for number, file in module.migrations():
        if number < 23:  # 0023_users.sql
            shutil.copy(file, older)
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", older)
        database = await Database.open(tmp_path / "jokebot.sqlite3")
    async with database.write() as connection:
        for statement in OLD_ROWS:
            await connection.execute(statement)
    await database.close()
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    try:
        for table in ("jokes", "photo_senders", "private_people"):
            assert [row[0] for row in await database.rows(f"SELECT person_id FROM {table}")] == [-100], table
        assert await database.value("SELECT count(*) FROM known_people") == 0
    finally:
        await database.close()


OLD_ROWS = (
    "INSERT INTO models (id, name, status, created_at) VALUES (1, 'base', 'champion', 1)",
    "INSERT INTO photos VALUES (1, 'aa', 5, 640, 480, 9000, 'image/jpeg', 2)",
    "INSERT INTO photo_senders VALUES (1, 1087968824, 2)",
    "INSERT INTO jokes (id, photo_id, model_id, person_id, language, style, prompt, text, temperature, top_p, "
    "max_tokens, latency_s, created_at) VALUES (1, 1, 1, 1087968824, 'en', 'pun', 'Ask', 'Ha', 1, 1, 9, 1, 3)",
    "INSERT INTO deliveries VALUES (1, 1, -100, 7, 7, 3)",
    "INSERT INTO private_people VALUES (1087968824, 9)",
    "INSERT INTO known_people VALUES (1087968824, 'Group', 'GroupAnonymousBot')",
)


@pytest.mark.parametrize(
    "message, sender",
    [
        ({"from": {"id": 7, "first_name": "Ann"}, "chat": {"id": -5}}, {"id": 7, "first_name": "Ann"}),
        ({"from": {"id": 1087968824}, "chat": {"id": -5, "title": "Friends"}}, stand_in(-5, "Friends")),
        ({"from": {"id": 136817688}, "chat": {"id": -5}, "sender_chat": CHANNEL}, CHANNEL_SENDER),
        ({"from": {"id": 777000}, "chat": {"id": -5}, "sender_chat": {"id": -6}}, stand_in(-6, "")),
        ({"from": {"id": 777000}, "chat": {"id": 777000}}, None),
    ],
)
def test_the_sender_of_a_message_and_of_the_one_it_replies_to(message, sender):
    update = {"message": {**message, "reply_to_message": {**message}}}
    for _ in range(2):  # an update that is handled again
        normalize_senders(update)
        assert update["message"].get("from") == update["message"]["reply_to_message"].get("from") == sender
