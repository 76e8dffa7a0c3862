"""Chats that are kept in a folder for the sandbox's next start."""

import io

from PIL import Image

from bot.sandbox.server import Sandbox
from tests.waiting import until

ALICE = 1001


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(buffer, "JPEG")
    return buffer.getvalue()


async def test_a_conversation_is_there_again_after_a_restart(tmp_path):
    async with Sandbox.running(folder=tmp_path) as before:
        world = before.world
        carol = world.add_user("Carol", "zh")
        group = world.add_group("Friends", [carol.id, ALICE])
        photo = world.send_photo(ALICE, ALICE, jpeg(), "look")
        world.send_text(carol.id, group, "hello")
        waiting = world.updates.pending()
        chats = {chat: world.messages(chat) for chat in world.chats}
    async with Sandbox.running(folder=tmp_path) as after:
        world = after.world
        assert {chat: world.messages(chat) for chat in world.chats} == chats
        assert world.user(carol.id) == carol and world.chats[group].title == "Friends"
        assert [update for _, update in world.updates.pending()] == [update for _, update in waiting]
        file = world.files.get(photo["photo"][-1]["file_id"])
        assert file and world.files.at_path(file.path) is file and await world.files.read(file)
        assert world.send_text(ALICE, ALICE, "again")["message_id"] > photo["message_id"]
        assert world.send_photo(ALICE, ALICE, jpeg())["photo"][-1]["file_id"] == file.id


async def test_changes_are_saved_without_a_stop(tmp_path):
    async with Sandbox.running(folder=tmp_path) as first:
        first.world.send_text(ALICE, ALICE, "before the kill")
        await until((tmp_path / "chats.json").exists)
        async with Sandbox.running(folder=tmp_path) as second:
            assert [message["text"] for message in second.world.messages(ALICE)] == ["before the kill"]


async def test_a_deleted_picture_leaves_the_folder_and_a_damaged_snapshot_empty_chats(tmp_path):
    async with Sandbox.running(folder=tmp_path, file_bytes=2000) as sandbox:
        sandbox.world.send_document(ALICE, ALICE, b"1" * 1500)
    (old,) = (tmp_path / "files").iterdir()
    async with Sandbox.running(folder=tmp_path, file_bytes=2000) as sandbox:
        sandbox.world.send_document(ALICE, ALICE, b"2" * 1500)
    (new,) = (tmp_path / "files").iterdir()
    assert new != old
    (tmp_path / "chats.json").write_text("{")
    async with Sandbox.running(folder=tmp_path) as sandbox:
        assert sandbox.world.messages(ALICE) == []
