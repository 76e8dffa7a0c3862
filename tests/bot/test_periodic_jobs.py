"""A fault in a background job ends nothing: photos are answered, admins hear of it once, also over a restart."""

import asyncio
import sqlite3
from dataclasses import replace

import pytest

from bot.i18n.translator import Translator
from bot.monitoring import alerts
from bot.runtime.periodic import Periodic, StepCancelled
from bot.sandbox.telegram_objects import FIRST_USER_ID
from configs.errors import JokebotError
from tests.waiting import until

JOBS = (
    "engine-greeting",
    "command-menu",
    "retrain-schedule",
    "prune-inbox",
    "check-database",
    "erasure",
    "backup",
    "alert-checks",
    "alert-messages",
    "weekly-digest",
    "user-names",
    "run-orchestrator",
    "run-messages",
    "control-requests",
    "champion-monitor",
)
WORDS = Translator()


class Clock:
    """Sleeps at once, and notes for how long; after `rounds` sleeps the job is cancelled."""

    def __init__(self, rounds: int) -> None:
        self.slept: list[float] = []
        self._rounds = rounds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == self._rounds:
            raise asyncio.CancelledError


class Observer:
    """Notes what it is told, in order."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    async def job_failed(self, name: str, error: Exception) -> None:
        self.heard.append(type(error))

    async def job_succeeded(self, name: str) -> None:
        self.heard.append("ok")


def failing(*errors: BaseException | None):
    """A step that raises these, one a round."""
    left = list(errors)

    async def step() -> None:
        if (error := left.pop(0)) is not None:
            raise error

    return step


async def ran(step, rounds: int, **options):
    """What a job of every 5 s slept and what its observer heard."""
    clock, observer = Clock(rounds), Observer()
    with pytest.raises(asyncio.CancelledError):
        await Periodic("job", 5.0, step, sleep=clock.sleep, **options).run(observer)
    return clock.slept, observer.heard


async def test_an_error_that_passes_is_no_defect():
    step = failing(sqlite3.OperationalError("locked"), JokebotError("no"), OSError(28, "full"), None)
    assert await ran(step, 4) == ([5.0] * 4, ["ok"])


@pytest.mark.parametrize("error", [KeyError("x"), PermissionError(13, "no"), ExceptionGroup("both", [KeyError("x")])])
async def test_after_a_defect_the_pause_is_longer_and_the_observer_hears_of_it(error):
    assert await ran(failing(error, None), 2) == ([60.0, 5.0], [type(error), "ok"])


async def test_a_step_that_is_cancelled_from_within_goes_on():
    assert await ran(failing(asyncio.CancelledError(), None), 2) == ([60.0, 5.0], [StepCancelled, "ok"])


async def test_what_is_fatal_ends_the_job():
    with pytest.raises(KeyError):
        await Periodic("job", 5.0, failing(KeyError("x")), fatal=(KeyError,)).run(Observer())


async def test_a_job_that_is_done_once_is_tried_until_it_succeeds():
    clock, observer = Clock(9), Observer()
    await Periodic("job", 5.0, failing(OSError(), None), once=True, sleep=clock.sleep).run(observer)
    assert (clock.slept, observer.heard) == ([5.0], ["ok"])


async def test_the_first_round_may_wait():
    assert await ran(failing(None), 2, first_after_s=9.0) == ([9.0, 5.0], ["ok"])


async def test_an_observer_that_fails_ends_no_job():
    class Deaf(Observer):
        async def job_succeeded(self, name: str) -> None:
            raise KeyError(name)

    clock = Clock(2)
    with pytest.raises(asyncio.CancelledError):
        await Periodic("job", 5.0, failing(None, None), sleep=clock.sleep).run(Deaf())


async def test_every_job_of_the_bot_is_tried_here_and_has_words(stage):
    assert sorted(job.name for job in stage.app.jobs) == sorted(JOBS)
    for language in WORDS.languages:
        assert len({WORDS.say(language, f"job-{name}") for name in JOBS}) == len(JOBS)


@pytest.mark.parametrize(
    "error", [KeyError("a defect"), PermissionError(13, "Permission denied", "/backups")], ids=["defect", "permission"]
)
@pytest.mark.parametrize("name", JOBS)
async def test_a_job_that_fails_disturbs_no_photo_and_is_told_once(stage_with, monkeypatch, name, error):
    rounds, broken, run = [], [True], Periodic.run

    async def breaking(job: Periodic, observer: object) -> None:
        async def step() -> None:
            rounds.append(name)
            if broken:
                raise error
            await job.step()

        if job.name != name:
            await run(job, observer)
        else:
            failing_job = replace(
                job, every_s=0.01, first_after_s=0.0, defect_pause_s=0.01, step=step, sleep=asyncio.sleep
            )
            await run(failing_job, observer)

    monkeypatch.setattr(Periodic, "run", breaking)
    for constant, value in (("LOOK_S", 0.05), ("TELL_S", 0.05), ("WELL_S", 0.1)):
        monkeypatch.setattr(alerts, constant, value)
    stage = await stage_with(telegram={"admins": [FIRST_USER_ID]}, alerts={"engine_min": 0})
    await until(lambda: len(rounds) > 3)
    await stage.joke(stage.send_photo(person=stage.bob))
    await heard(stage, f"alert-job-began {name}")
    await stage.restart()
    count = len(rounds)
    await until(lambda: len(rounds) > count + 3)
    await stage.joke(stage.send_photo(person=stage.bob))
    assert await heard(stage, f"alert-job-began {name}") == 1
    broken.clear()
    assert await heard(stage, f"alert-job-ended {name}") == 1


async def heard(stage, what: str) -> int:
    """Wait until the admin was told that; how often."""
    message, job = what.split()
    said = stage.words(message, job=stage.words(f"job-{job}"), why="@").split("@")[0]

    def times() -> int:
        return sum(one.get("text", "").startswith(said) for one in stage.world.messages(stage.alice))

    await stage.world.wait_for(lambda _: times(), 60)
    return times()
