"""Each admin is notified once of a run's result, and not of old runs."""

import time

from storage.learning import promotion, run_notices, runs
from storage.maintenance.forget_person import forget_rows

ADMIN, OTHER = 1, 2


async def ended(database, count=1):
    for _ in range(count):
        run = await promotion.end_run(database, await runs.create_run(database, "command"), "failed", "No.")
    return run


async def untold(database, what="ended", chats=(ADMIN, OTHER)):
    return [(run.id, chat) for run, chat in await run_notices.pending_notices(database, chats, what)]


async def test_what_one_admin_was_told_the_other_was_not(database):
    run = await ended(database)
    assert await untold(database) == [(run.id, ADMIN), (run.id, OTHER)]
    await run_notices.mark_notified(database, run.id, ADMIN, "ended")
    await run_notices.mark_notified(database, run.id, ADMIN, "ended")
    assert await untold(database) == [(run.id, OTHER)]


async def test_a_run_under_way_and_one_that_was_never_judged_are_no_news(database):
    await runs.create_run(database, "command")
    assert await untold(database) == [] == await untold(database, "judged")
    await promotion.end_run(database, await runs.current_run(database), "cancelled", "")
    assert await untold(database, "judged") == []


async def test_old_stories_are_not_told(database, monkeypatch):
    last = await ended(database, run_notices.RECENT_RUNS + 2)
    assert [run for run, _ in await untold(database, chats=[ADMIN])] == list(range(3, last.id + 1))
    now = time.time()
    monkeypatch.setattr(run_notices.time, "time", lambda: now + run_notices.RECENT_S + 1)
    assert await untold(database) == []


async def test_a_forgotten_admin_is_in_no_run_any_more(database):
    run = await runs.create_run(database, "admin", asked_by=7)
    await run_notices.track_message(database, run.id, 7, 100)
    await run_notices.track_message(database, run.id, -50, 101)
    await run_notices.track_message(database, run.id, -50, 102)
    assert await run_notices.all_tracked_messages(database, run.id) == {-50: 102, 7: 100}
    await forget_rows(database, 7)
    assert await run_notices.all_tracked_messages(database, run.id) == {-50: 102}
    assert (await runs.get_run(database, run.id)).asked_by is None
