"""A run leaves each state once, also with concurrent processes, and there is one unfinished run at a time."""

import asyncio

import pytest

from configs.errors import JokebotError
from storage.database import Database
from storage.learning import runs
from storage.learning.reasons import EndReason


async def test_there_is_one_run_at_a_time(database):
    run = await runs.create_run(database, "admin", asked_by=7)
    assert await runs.current_run(database) == run and (run.state, run.asked_by) == ("queued", 7)
    with pytest.raises(runs.RunInProgress, match="Run 1 is queued"):
        await runs.create_run(database, "schedule")
    await runs.advance(database, run, "cancelled")
    assert await runs.current_run(database) is None
    assert (await runs.create_run(database, "schedule")).id == 2


async def test_of_many_who_begin_a_run_at_once_one_does(database):
    began = await asyncio.gather(*(runs.create_run(database, "pairs") for _ in range(8)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in began) == ["Run"] + ["RunInProgress"] * 7


async def test_of_two_processes_one_moves_the_run_and_the_other_is_told(database):
    other = await Database.open(database.path)
    run = await runs.create_run(database, "command")
    moved = await asyncio.gather(
        runs.advance(database, run, "exporting", model_name="one"),
        runs.advance(other, run, "exporting", model_name="two"),
        return_exceptions=True,
    )
    await other.close()
    winner, loser = sorted(moved, key=lambda one: isinstance(one, Exception))
    assert isinstance(loser, runs.RunStateChanged)
    assert await runs.get_run(database, run.id) == winner
    assert [state for state, _ in await runs.list_states(database, run.id)] == ["queued", "exporting"]


async def test_why_a_run_ended_is_kept_as_a_sentence_and_as_a_code(database):
    run = await runs.create_run(database, "command")
    again = await runs.record_reason(database, run, JokebotError("It was killed.", code="killed", signal="SIGKILL"))
    assert again.why == EndReason("It was killed.", "killed", {"signal": "SIGKILL"})
    ended = await runs.advance(
        database, again, "failed", reason=EndReason("Kein Platz.", "no-disk", {"free": "0.5", "codes": ["a"]})
    )
    assert (
        (await runs.get_run(database, run.id)).why
        == ended.why
        == EndReason("Kein Platz.", "no-disk", {"free": "0.5", "codes": ["a"]})
    )
    plain = await runs.advance(database, await runs.create_run(database, "command"), "failed", reason="no room")
    assert plain.why == EndReason("no room")


async def test_a_run_takes_no_way_that_there_is_not(database):
    run = await runs.create_run(database, "command")
    with pytest.raises(ValueError, match="queued doesn't become canary"):
        await runs.advance(database, run, "canary")
    with pytest.raises(ValueError, match="state"):
        await runs.advance(database, run, "exporting", state="promoted")
    failed = await runs.advance(database, run, "failed", reason="no room")
    assert failed.finished and failed.finished_at and failed.reason == "no room"
    with pytest.raises(ValueError, match="failed doesn't become exporting"):
        await runs.advance(database, failed, "exporting")


async def test_a_cancel_is_a_wish_that_a_finished_run_does_not_hear(database):
    run = await runs.create_run(database, "command")
    first = (await runs.request_cancel(database, run.id)).cancel_at
    assert first and (await runs.request_cancel(database, run.id)).cancel_at == first
    await runs.advance(database, run, "cancelled")
    done = await runs.advance(database, await runs.create_run(database, "command"), "failed")
    assert (await runs.request_cancel(database, done.id)).cancel_at is None
    with pytest.raises(runs.RunError, match="no run 99"):
        await runs.request_cancel(database, 99)


async def test_attempts_count_for_one_step(database):
    run = await runs.create_run(database, "command")
    run = await runs.count_attempt(database, await runs.count_attempt(database, run))
    assert run.attempts == 2
    assert (await runs.count_attempt(database, run, -1)).attempts == 1
    moved = await runs.advance(database, run, "exporting")
    assert moved.attempts == 0
    with pytest.raises(runs.RunStateChanged):
        await runs.count_attempt(database, run)
