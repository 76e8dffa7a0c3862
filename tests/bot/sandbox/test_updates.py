"""getUpdates: an update stays until a higher offset confirms it, and only one poller may wait."""

import asyncio
import time

import pytest

ALICE = 1001


@pytest.fixture
def poll(call):
    async def get(**parameters):
        status, answer = await call("getUpdates", **parameters)
        assert status == 200, answer
        return answer["result"]

    return get


def ids(updates):
    return [update["update_id"] for update in updates]


async def test_updates_are_repeated_until_they_are_confirmed(sandbox, poll):
    for text in ("a", "b", "c"):
        sandbox.world.send_text(ALICE, ALICE, text)
    first = await poll()
    assert [update["message"]["text"] for update in first] == ["a", "b", "c"]
    assert await poll() == first
    assert await poll(offset=first[1]["update_id"]) == first[1:]
    assert await poll() == first[1:], "what an offset confirmed stays confirmed"
    assert await poll(offset=first[2]["update_id"] + 1) == []
    assert len(sandbox.updates) == 0


async def test_ids_rise_by_one_even_across_an_empty_queue(sandbox, poll):
    sandbox.world.send_text(ALICE, ALICE, "a")
    (first,) = await poll()
    assert await poll(offset=first["update_id"] + 1) == []
    sandbox.world.send_text(ALICE, ALICE, "b")
    assert ids(await poll()) == [first["update_id"] + 1]


async def test_a_negative_offset_keeps_the_newest(sandbox, poll):
    for text in "abcde":
        sandbox.world.send_text(ALICE, ALICE, text)
    assert [update["message"]["text"] for update in await poll(offset=-2)] == ["d", "e"]
    assert len(sandbox.updates) == 2


async def test_the_limit_is_kept_between_1_and_100(sandbox, poll):
    for number in range(130):
        sandbox.world.send_text(ALICE, ALICE, str(number))
    assert len(await poll()) == 100
    assert len(await poll(limit=7)) == 7
    assert len(await poll(limit=1000)) == 100
    assert len(await poll(limit=-3)) == 1


async def test_a_long_poll_returns_as_soon_as_something_happens(sandbox, poll):
    waiting = asyncio.create_task(poll(timeout=50))
    await sandbox.world.wait_for(lambda world: sandbox.calls)
    started = time.monotonic()
    sandbox.world.send_text(ALICE, ALICE, "now")
    assert [update["message"]["text"] for update in await waiting] == ["now"]
    assert time.monotonic() - started < 45


async def test_a_long_poll_ends_empty_at_its_time_out(poll):
    started = time.monotonic()
    assert await poll(timeout=1) == []
    assert time.monotonic() - started >= 0.9


async def test_the_older_of_two_pollers_gets_a_conflict(sandbox, call, poll):
    older = asyncio.create_task(call("getUpdates", timeout=50))
    await sandbox.world.wait_for(lambda world: sandbox.calls)
    newer = asyncio.create_task(poll(timeout=50))
    status, answer = await older
    assert (status, answer["error_code"]) == (409, 409)
    assert answer["description"] == (
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    )
    sandbox.world.send_text(ALICE, ALICE, "for the newer")
    assert len(await newer) == 1


async def test_only_allowed_kinds_are_queued_from_then_on(sandbox, poll, call):
    sandbox.world.block(ALICE)
    assert [set(update) - {"update_id"} for update in await poll()] == [{"my_chat_member"}]
    await poll(offset=-1, allowed_updates=["message"])
    sandbox.world.block(ALICE, False)
    sandbox.world.send_text(ALICE, ALICE, "hi")
    assert [set(update) - {"update_id"} for update in await poll()] == [{"my_chat_member"}, {"message"}]
    await poll(allowed_updates=[])
    sandbox.world.block(ALICE)
    assert len(await poll()) == 3


async def test_updates_are_dropped_after_a_day(sandbox):
    now = [1_000_000.0]
    sandbox.updates._clock = lambda: now[0]
    sandbox.world.send_text(ALICE, ALICE, "old")
    now[0] += 24 * 3600 + 1
    sandbox.world.send_text(ALICE, ALICE, "new")
    assert [update["message"]["text"] for update in await sandbox.updates.get()] == ["new"]


async def test_a_repeated_update_keeps_its_id(sandbox, poll):
    sandbox.world.send_text(ALICE, ALICE, "twice")
    (update,) = await poll()
    assert await poll(offset=update["update_id"] + 1) == []
    sandbox.updates.repeat(update)
    assert await poll() == [update]


async def test_stopping_the_sandbox_ends_a_long_poll(sandbox, call):
    waiting = asyncio.create_task(call("getUpdates", timeout=50))
    await sandbox.world.wait_for(lambda world: sandbox.calls)
    started = time.monotonic()
    await sandbox.stop()
    assert await waiting == (200, {"ok": True, "result": []})
    assert time.monotonic() - started < 45
