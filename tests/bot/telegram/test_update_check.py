"""A malformed update is set aside and logged; those behind it are handled."""

import json

import pytest

from bot.telegram.dispatcher import UpdateDispatcher
from bot.telegram.http import AiohttpRequest
from bot.telegram.update_check import MAX_DEPTH, malformed_reason
from configs.settings import LimitSettings
from storage.chat import inbox
from storage.database import Database
from tests.waiting import until

CHAT = '"chat": {"id": 7, "type": "private"}'
DEEP = "[" * 3000 + "]" * 3000
MALFORMED = {
    "surrogate": f'{{"update_id": 50, "message": {{{CHAT}, "text": "x \\ud800 y"}}}}',
    "null chat": '{"update_id": 50, "message": {"chat": null, "media_group_id": "1"}}',
    "no update_id": f'{{"message": {{{CHAT}, "text": "hello"}}}}',
    "deep": f'{{"update_id": 50, "message": {{{CHAT}, "x": ["]}}", {DEEP}]}}}}',
    "deeper than SQLite": '{"update_id": 50, "x": %s}' % ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)),
    "list": '{"update_id": 50, "message": []}',
    "null": "null",
    "a user id over 52 bits": f'{{"update_id": 50, "message": {{{CHAT}, "from": {{"id": {2**52}}}}}}}',
    "a chat id over SQLite's": f'{{"update_id": 50, "message": {{"chat": {{"id": {-(2**63) - 1}}}}}}}',
    "a message id over SQLite's": f'{{"update_id": 50, "callback_query": {{"message": {{"message_id": {2**64}}}}}}}',
    "no number": f'{{"update_id": 50, "message": {{{CHAT}, "from": {{"id": NaN}}}}}}',
}


@pytest.mark.parametrize("kind", MALFORMED)
async def test_a_malformed_update_is_set_aside_and_those_behind_it_are_handled(tmp_path, caplog, kind):
    payload = f'{{"ok": true, "result": [{MALFORMED[kind]}, {{"update_id": 51, "message": {{{CHAT}}}}}]}}'
    updates = AiohttpRequest.parse_json_payload(payload.encode())["result"]
    handled = []

    async def handle(update):
        handled.append(update["update_id"])
        return True

    database = await Database.open(tmp_path / "jokebot.sqlite3")
    try:
        dispatcher = UpdateDispatcher(database, LimitSettings(), handle, handle)
        await dispatcher.start()
        for _ in range(2):
            await dispatcher.receive(updates)
        await until(lambda: handled == [51])
        await dispatcher.stop(10)
        assert await inbox.next_offset(database) == 52
        states = {row["update_id"]: row["state"] for row in await database.rows("SELECT * FROM inbox")}
        assert states == ({51: "done"} if kind in ("no update_id", "null") else {50: "failed", 51: "done"})
        assert "set aside" in caplog.text and not await inbox.list_pending_updates(database)
    finally:
        await database.close()


def test_an_ordinary_update_is_not_malformed():
    assert malformed_reason(json.loads(f'{{"update_id": 1, "message": {{"text": "\\ud83d\\ude00", {CHAT}}}}}')) is None
