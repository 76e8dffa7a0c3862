"""Groups as in Telegram: administrators, anonymous ones, and the upgrade to a supergroup with a new id."""

import pytest

from bot.sandbox.errors import SandboxError
from bot.sandbox.groups import add_basic_group, promote, upgrade

ALICE, BOB, MING = 1001, 1002, 1003


async def test_administrators_and_members_have_different_statuses(sandbox, call):
    group = sandbox.world.group_id
    promote(sandbox.world, group, BOB)
    promote(sandbox.world, group, MING, anonymous=True)
    statuses = [
        (await call("getChatMember", chat_id=group, user_id=user))[1]["result"]["status"] for user in (ALICE, BOB, MING)
    ]
    assert statuses == ["creator", "administrator", "administrator"]
    _, answer = await call("getChatAdministrators", chat_id=group)
    assert [(member["user"]["id"], member["is_anonymous"]) for member in answer["result"]] == [
        (ALICE, False),
        (BOB, False),
        (MING, True),
    ]


async def test_only_members_and_the_bot_can_be_administrators(sandbox, call):
    group = sandbox.world.add_group("Other", [ALICE])
    with pytest.raises(SandboxError, match="Bob is not in the chat"):
        promote(sandbox.world, group, BOB)
    with pytest.raises(SandboxError, match="no group"):
        promote(sandbox.world, ALICE, ALICE)
    promote(sandbox.world, group, sandbox.world.bot["id"])
    _, answer = await call("getChatMember", chat_id=group, user_id=sandbox.world.bot["id"])
    assert answer["result"]["status"] == "administrator"


async def test_an_anonymous_administrator_speaks_in_the_groups_name_and_presses_in_their_own(sandbox, call):
    world, group = sandbox.world, sandbox.world.group_id
    promote(world, group, BOB, anonymous=True)
    message = world.send_text(BOB, group, "hello")
    assert (message["from"]["username"], message["sender_chat"]["id"]) == ("GroupAnonymousBot", group)
    _, sent = await call(
        "sendMessage",
        chat_id=group,
        text="joke",
        reply_markup={"inline_keyboard": [[{"text": "😂", "callback_data": "3"}]]},
    )
    world.press(BOB, group, sent["result"]["message_id"], "3")
    _, answer = await call("getUpdates")
    assert answer["result"][-1]["callback_query"]["from"]["id"] == BOB
    assert "sender_chat" not in world.send_text(ALICE, group, "hello")


async def test_a_group_that_hides_members_reports_administrators_only(sandbox, call):
    group = sandbox.world.group_id
    sandbox.world.chats[group].hides_members = True
    status, answer = await call("getChatMember", chat_id=group, user_id=BOB)
    assert (status, answer["description"]) == (400, "Bad Request: CHAT_ADMIN_REQUIRED")
    _, answer = await call("getChatAdministrators", chat_id=group)
    assert [member["user"]["id"] for member in answer["result"]] == [ALICE]


async def test_an_upgrade_sends_both_chats_a_service_message_and_the_old_id_is_refused(sandbox, call):
    world = sandbox.world
    old = add_basic_group(world, "Small circle", [ALICE, BOB])
    promote(world, old, BOB)
    assert world.chats[old].type == "group"
    new = upgrade(world, old)
    _, answer = await call("getUpdates")
    first, second = (update["message"] for update in answer["result"])
    assert (first["chat"]["id"], first["migrate_to_chat_id"], second["chat"]["id"], second["migrate_from_chat_id"]) == (
        old,
        new,
        new,
        old,
    )
    status, answer = await call("sendMessage", chat_id=old, text="hello")
    assert (status, answer["parameters"]) == (400, {"migrate_to_chat_id": new})
    assert (await call("sendMessage", chat_id=new, text="hello"))[0] == 200
    assert [
        (await call("getChatMember", chat_id=new, user_id=user))[1]["result"]["status"] for user in (ALICE, BOB)
    ] == ["creator", "administrator"]
    with pytest.raises(SandboxError):
        upgrade(world, new)
