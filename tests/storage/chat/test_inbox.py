"""The inbox stores each update exactly once and keeps the offset."""

import pytest

from storage.chat import inbox
from storage.database import Database


async def test_a_repeated_update_is_received_once(database):
    assert await inbox.add_updates(database, [{"update_id": 7}, {"update_id": 8}]) == [7, 8]
    assert await inbox.add_updates(database, [{"update_id": 8}, {"update_id": 9}]) == [9]
    assert [update["update_id"] for update, _ in await inbox.list_pending_updates(database)] == [7, 8, 9]
    assert await inbox.next_offset(database) == 10


async def test_a_finished_update_is_not_pending_and_pruning_keeps_the_offset(database):
    await inbox.add_updates(database, [{"update_id": 1}, {"update_id": 2}])
    await inbox.mark_finished(database, 1)
    await inbox.mark_finished(database, 2)
    assert await inbox.list_pending_updates(database) == []
    assert await inbox.delete_finished(database, older_than_s=-1) == 1
    assert await inbox.next_offset(database) == 3


async def test_the_offset_follows_the_latest_update_even_when_numbers_start_anew(database):
    await inbox.add_updates(database, [{"update_id": 900}])
    async with database.write() as connection:
        await connection.execute("UPDATE inbox SET received_at = received_at - 7 * 86400")
    assert await inbox.next_offset(database) == 0
    await inbox.add_updates(database, [{"update_id": 5}])
    assert await inbox.next_offset(database) == 6


async def test_updates_already_in_work_are_not_handed_out_again(database):
    await inbox.add_updates(database, [{"update_id": number} for number in range(5)])
    await inbox.count_attempts(database, 1, 3)
    rows = await inbox.list_pending_updates(database, besides={0, 2}, limit=2)
    assert [(update["update_id"], attempts) for update, attempts in rows] == [(1, 1), (3, 1)]


async def test_updates_are_there_again_after_a_restart(tmp_path):
    first = await Database.open(tmp_path / "inbox.sqlite3")
    await inbox.add_updates(first, [{"update_id": 5, "message": {"text": "猫 <b>"}}])
    await inbox.count_attempts(first, 5)
    await first.close()
    second = await Database.open(tmp_path / "inbox.sqlite3")
    assert await inbox.list_pending_updates(second) == [({"update_id": 5, "message": {"text": "猫 <b>"}}, 1)]
    assert await inbox.add_updates(second, [{"update_id": 5}]) == []
    await second.close()


async def test_an_empty_inbox_asks_from_the_beginning(database):
    assert await inbox.next_offset(database) == 0
    assert await inbox.list_pending_updates(database) == []
    assert await inbox.delete_finished(database) == 0


async def test_updates_come_in_order_and_in_portions(database):
    await inbox.add_updates(database, [{"update_id": number} for number in (12, 10, 11, 13)])
    assert [update["update_id"] for update, _ in await inbox.list_pending_updates(database, limit=2)] == [10, 11]
    assert [update["update_id"] for update, _ in await inbox.list_pending_updates(database, after=11)] == [12, 13]


async def test_one_bad_update_leaves_none_of_its_batch(database):
    with pytest.raises(KeyError):
        await inbox.add_updates(database, [{"update_id": 1}, {"no_id": True}])
    assert await inbox.list_pending_updates(database) == []


async def test_a_finished_payload_is_forgotten_and_a_failure_is_marked(database):
    await inbox.add_updates(database, [{"update_id": 1, "text": "private"}, {"update_id": 2, "text": "private"}])
    await inbox.mark_finished(database, 1)
    await inbox.mark_finished(database, 2, failed=True)
    rows = [tuple(row) for row in await database.rows("SELECT state, payload FROM inbox ORDER BY update_id")]
    assert rows == [("done", None), ("failed", None)]


async def test_pruning_spares_what_is_pending_or_recent(database):
    await inbox.add_updates(database, [{"update_id": number} for number in (1, 2, 3)])
    await inbox.mark_finished(database, 2)
    assert await inbox.delete_finished(database) == 0
    assert await inbox.delete_finished(database, older_than_s=-1) == 1
    assert [update["update_id"] for update, _ in await inbox.list_pending_updates(database)] == [1, 3]


async def test_what_an_answer_has_come_to_is_kept_with_its_update(database):
    await inbox.add_updates(database, [{"update_id": 7}])
    assert await inbox.get_progress(database, 7) == inbox.AnswerProgress()
    await inbox.record_message(database, 7, 41)
    await inbox.count_attempts(database, 7)
    assert await inbox.get_progress(database, 7) == inbox.AnswerProgress(message_id=41, attempts=1)
    assert await inbox.get_progress(database, 8) == inbox.AnswerProgress()


async def test_what_is_known_of_an_album_is_noted_with_its_unfinished_updates_alone(database):
    def item(number: int, chat: int = 5, album: str = "7") -> dict:
        return {"update_id": number, "message": {"chat": {"id": chat}, "media_group_id": album}}

    await inbox.add_updates(
        database, [item(1), item(2), item(3), item(4, chat=6), item(5, album="8"), {"update_id": 6}]
    )
    await inbox.mark_finished(database, 1)
    assert await inbox.record_album_note(database, 5, "7", "told", {"hint": "a “quoted” 猫"}) == {2, 3}
    assert await inbox.list_album_updates(database, 5, "7") == [
        {**item(number), "told": {"hint": "a “quoted” 猫"}} for number in (2, 3)
    ]
    assert [update for update, _ in await inbox.list_pending_updates(database) if "told" not in update] == [
        item(4, chat=6),
        item(5, album="8"),
        {"update_id": 6},
    ]
