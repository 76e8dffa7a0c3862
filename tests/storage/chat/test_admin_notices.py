"""Each admin is told once what came of a run, and nobody is told old stories."""

import time

import pytest

from storage.chat import admin_notices
from storage.learning import promotion, runs
from storage.maintenance.forget_person import set_language

ADMIN, OTHER = 1, 2


async def ended(database, count=1):
    for _ in range(count):
        run = await promotion.end_run(database, await runs.create_run(database, "command"), "failed", "No.")
    return run


async def untold(database, what="ended", chats=(ADMIN, OTHER)):
    return [(run.id, chat) for run, chat in await admin_notices.untold(database, chats, what)]


async def test_what_one_admin_was_told_the_other_was_not(database):
    run = await ended(database)
    assert await untold(database) == [(run.id, ADMIN), (run.id, OTHER)]
    await admin_notices.tell(database, run.id, ADMIN, "ended")
    await admin_notices.tell(database, run.id, ADMIN, "ended")
    assert await untold(database) == [(run.id, OTHER)]


async def test_a_run_under_way_and_one_that_was_never_judged_are_no_news(database):
    await runs.create_run(database, "command")
    assert await untold(database) == [] == await untold(database, "judged")
    await promotion.end_run(database, await runs.current_run(database), "cancelled", "")
    assert await untold(database, "judged") == []


async def test_old_stories_are_not_told(database, monkeypatch):
    last = await ended(database, admin_notices.RECENT_RUNS + 2)
    assert [run for run, _ in await untold(database, chats=[ADMIN])] == list(range(3, last.id + 1))
    now = time.time()
    monkeypatch.setattr(admin_notices.time, "time", lambda: now + admin_notices.RECENT_S + 1)
    assert await untold(database) == []


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_an_admins_language_is_the_one_they_spoke_last(database, language):
    assert await admin_notices.language_of(database, ADMIN) is None
    for spoken in ("en", "zh", language):
        await admin_notices.note_language(database, ADMIN, spoken)
    assert await admin_notices.language_of(database, ADMIN) == language


async def test_a_language_that_an_admin_chose_goes_before_the_one_they_spoke(database):
    await admin_notices.note_language(database, ADMIN, "en")
    await set_language(database, ADMIN, "zh")
    assert await admin_notices.language_of(database, ADMIN) == "zh"
    await set_language(database, ADMIN, None)
    assert await admin_notices.language_of(database, ADMIN) == "en"
