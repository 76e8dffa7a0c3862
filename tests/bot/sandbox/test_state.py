"""The sandbox's state: user actions, waiting for conditions, and memory limits."""

import asyncio

import pytest

from bot.sandbox.errors import SandboxError
from bot.sandbox.files import FileStore
from bot.sandbox.server import Sandbox

ALICE, BOB = 1001, 1002
KEYBOARD = {"inline_keyboard": [[{"text": "😂", "callback_data": "3"}]]}


async def test_the_initial_state_has_three_users_and_a_group(sandbox):
    world = sandbox.world
    assert [(user.name, user.language_code) for user in world.users.values()] == [
        ("Alice", "en"),
        ("Bob", "en"),
        ("小明", "zh"),
    ]
    assert world.private_chat(ALICE) == ALICE
    assert world.chats[world.group_id].members == [1001, 1002, 1003]


async def test_wait_for_returns_at_the_event_that_meets_the_condition(sandbox, call):
    waiting = asyncio.create_task(
        sandbox.world.wait_for(lambda world: [m for m in world.messages(ALICE) if m["text"] == "two"])
    )
    for text in ("one", "two"):
        await call("sendMessage", chat_id=ALICE, text=text)
    assert [message["text"] for message in await waiting] == ["two"]


async def test_a_timeout_of_wait_for_describes_the_state(sandbox, call):
    sandbox.world.send_text(ALICE, ALICE, "hello?")
    await call("sendMessage", chat_id=ALICE, text="joke", reply_markup=KEYBOARD)
    with pytest.raises(TimeoutError) as caught:
        await sandbox.world.wait_for(lambda world: False, timeout_s=0.05)
    for part in ("1 updates are unconfirmed", "hello?", "joke", "['3']", "sendMessage 200"):
        assert part in str(caught.value)


async def test_only_a_forged_press_needs_no_button(sandbox, call):
    _, sent = await call("sendMessage", chat_id=ALICE, text="joke", reply_markup=KEYBOARD)
    message_id = sent["result"]["message_id"]
    with pytest.raises(SandboxError, match="no button 'evil'"):
        sandbox.world.press(ALICE, ALICE, message_id, "evil")
    sandbox.world.press(ALICE, ALICE, message_id, "evil", forged=True)
    _, answer = await call("getUpdates")
    assert answer["result"][-1]["callback_query"]["data"] == "evil"


async def test_message_ids_are_counted_as_telegram_does(sandbox):
    world = sandbox.world
    other = world.add_group("Other", [BOB])
    chats = (ALICE, BOB, world.group_id, world.group_id, other)
    users = (ALICE, BOB, ALICE, BOB, BOB)
    ids = [world.send_text(user, chat, "x")["message_id"] for user, chat in zip(users, chats, strict=True)]
    assert ids == [1, 2, 1, 2, 1]


async def test_an_edit_leaves_the_update_that_was_sent_before_as_it_was(sandbox, call):
    _, sent = await call("sendMessage", chat_id=ALICE, text="old", reply_markup=KEYBOARD)
    sandbox.world.press(ALICE, ALICE, sent["result"]["message_id"], "3")
    await call("editMessageText", chat_id=ALICE, message_id=sent["result"]["message_id"], text="new")
    _, answer = await call("getUpdates")
    assert answer["result"][0]["callback_query"]["message"]["text"] == "old"
    assert sandbox.world.messages(ALICE)[0]["text"] == "new"


async def test_a_user_edits_only_their_own_messages(sandbox):
    message = sandbox.world.send_text(ALICE, sandbox.world.group_id, "mine")
    with pytest.raises(SandboxError, match="of their own"):
        sandbox.world.edit_text(BOB, sandbox.world.group_id, message["message_id"], "yours")


async def test_an_album_has_2_to_10_pictures(sandbox, picture):
    for count in (1, 11):
        with pytest.raises(SandboxError, match="2 to 10"):
            sandbox.world.send_album(ALICE, ALICE, [picture()] * count)


async def test_invalid_pictures_can_be_sent_as_photos(sandbox, call, picture):
    for data in (b"", b"nonsense", picture(2000, 2000)[:2000]):
        message = sandbox.world.send_photo(ALICE, ALICE, data)
        for size in message["photo"]:
            assert (await call("getFile", file_id=size["file_id"]))[0] == 200


async def test_old_messages_and_calls_are_dropped(http):
    async with Sandbox.running(messages_kept=3, calls_kept=2) as sandbox:
        for number in range(5):
            sandbox.world.send_text(ALICE, ALICE, str(number))
        for _ in range(4):
            async with http.get(f"{sandbox.url}/bot{sandbox.token}/getMe") as response:
                assert response.status == 200
        assert [message["text"] for message in sandbox.world.messages(ALICE)] == ["2", "3", "4"]
        assert len(sandbox.calls) == 2


async def test_the_least_recently_used_files_are_dropped():
    files = FileStore(limit_bytes=250)
    first, second = files.add(b"1" * 100, "documents", "text/plain"), files.add(b"2" * 100, "documents", "text/plain")
    assert files.get(first.id) is first
    third = files.add(b"3" * 100, "documents", "text/plain")
    assert (files.get(second.id), files.at_path(second.path), files.bytes) == (None, None, 200)
    assert files.get(first.id) and files.at_path(third.path) is third
    giant = files.add(b"4" * 1000, "documents", "text/plain")
    assert files.get(giant.id) is giant and files.bytes == 1000


async def test_equal_files_are_stored_once(sandbox, picture):
    files = sandbox.world.files
    first = sandbox.world.send_photo(ALICE, ALICE, picture())
    stored_bytes = files.bytes
    second = sandbox.world.send_photo(BOB, BOB, picture())
    assert first["photo"] == second["photo"] and files.bytes == stored_bytes


async def test_a_dropped_file_is_refused(http, picture):
    async with Sandbox.running(file_bytes=30_000) as sandbox:
        first = sandbox.world.send_photo(ALICE, ALICE, picture(1000, 800))["photo"]
        sandbox.world.send_document(ALICE, ALICE, b"x" * 29_000, "x.bin")
        for size in first:
            async with http.get(
                f"{sandbox.url}/bot{sandbox.token}/getFile", params={"file_id": size["file_id"]}
            ) as response:
                assert (await response.json())[
                    "description"
                ] == "Bad Request: wrong file_id or the file is temporarily unavailable"


def test_a_token_has_a_number_and_letters():
    with pytest.raises(SandboxError, match="form 123456:letters"):
        Sandbox("127.0.0.1", "nonsense")
