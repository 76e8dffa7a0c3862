"""Automatic runs: by the schedule, with missed times caught up once, and by enough new pairs."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from apscheduler.triggers.interval import IntervalTrigger

from bot.retraining import scheduler as clock
from bot.retraining.scheduler import NAME, parse_cron
from configs.errors import SettingsError
from storage.chat import schedule
from storage.learning import runs

SUNDAY = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def sections(sections):
    sections["retrain"] |= {"cron": "30 4 * * *"}
    return sections


async def history(stage):
    return [(run.started_by, run.state) for run in await runs.list_runs(stage.app.database)]


async def due_now(stage):
    """Wait until the bot has scheduled its next run, then make that due now."""
    for _ in range(6000):
        if await schedule.get_due_time(stage.app.database, NAME):
            break
        await asyncio.sleep(0.01)
    await schedule.set_due_time(stage.app.database, NAME, time.time() - 1)


async def test_a_time_that_passed_while_the_bot_was_down_is_met_once_at_its_start(curtain, theatre):
    theatre.pairs(20)
    theatre.play({"wait": "never"})
    async with curtain() as stage:
        await due_now(stage)
    async with curtain() as stage:
        await stage.until(lambda: theatre.data.joinpath("played").exists())
        assert await history(stage) == [("schedule", "queued")]
        assert time.time() < await schedule.get_due_time(stage.app.database, NAME) <= time.time() + 86400
    async with curtain() as stage:
        assert await history(stage) == [("schedule", "queued")]


async def test_the_clock_ticks_by_itself_and_never_twice_for_times_that_were_missed(
    stage_with, sections, theatre, monkeypatch
):
    monkeypatch.setattr(clock, "parse_cron", lambda line: IntervalTrigger(seconds=1))
    theatre.pairs(20)
    theatre.play({"wait": "never"})
    stage = await stage_with(**sections)
    await stage.until(lambda: stage.app.schedule._jobs.get_jobs_by_name(NAME))
    (job,) = stage.app.schedule._jobs.get_jobs_by_name(NAME)
    assert (job.job.coalesce, job.job.max_instances, job.job.misfire_grace_time) == (True, 1, None)
    await stage.until(lambda: theatre.data.joinpath("played").exists())
    assert await history(stage) == [("schedule", "queued")]


async def test_the_clock_begins_a_run_only_where_there_is_enough_to_learn(admins_stage, theatre):
    theatre.play({"wait": "never"})
    """Enough pairs, a quarter of which no run has had."""
    for new, fresh, expected in ((11, 11, []), (12, 0, []), (12, 2, []), (12, 3, [("schedule", "queued")])):
        theatre.pairs(new, fresh=fresh)
        await due_now(admins_stage)
        await admins_stage.app.schedule.run_due()
        assert await history(admins_stage) == expected


async def test_new_pairs_begin_a_run_but_those_that_a_run_has_had_do_not(stage_with, sections, theatre):
    sections["retrain"] |= {"start_at_new_pairs": 30}
    stage = await stage_with(**sections)
    theatre.play({"wait": "never"})
    theatre.pairs(50, fresh=29)
    await stage.app.schedule.check_new_pairs()
    assert await history(stage) == []
    theatre.pairs(50, fresh=30)
    await stage.app.schedule.check_new_pairs()
    assert await history(stage) == [], "nobody has rated since the last look"
    await stage.press(await stage.joke(stage.send_photo()), 0)
    await stage.app.schedule.check_new_pairs()
    assert [by for by, _ in await history(stage)] == ["pairs"]
    await stage.app.schedule.check_new_pairs()
    assert len(await history(stage)) == 1


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("0 4 * * 0", [6]),
        ("0 4 * * 7", [6]),
        ("0 4 * * 1-5", [0, 1, 2, 3, 4]),
        ("0 4 * * 5-7", [4, 5, 6]),
        ("0 4 * * sun", [6]),
        ("0 4 * * 0,3", [2, 6]),
        ("0 4 * * 1-5/2", [0, 2, 4]),
        ("0 4 * * *", list(range(7))),
    ],
)
def test_weekdays_are_crons_own(line, days):
    times, at = parse_cron(line), SUNDAY
    found = set()
    for _ in range(8):
        at = times.get_next_fire_time(at, at)
        found.add(at.weekday())
    assert sorted(found) == days


@pytest.mark.parametrize("line", ["61 4 * * *", "0 4 * * 8", "0 4 * * caturday"])
def test_a_time_that_does_not_exist_is_a_mistake_in_the_settings(line):
    with pytest.raises(SettingsError, match="JOKEBOT_RETRAIN_CRON"):
        parse_cron(line)
