"""A fault in a background job does not stop the bot: photos are answered, admins get one alert, even over a restart."""

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
    "decoders",
    "user-names",
    "hidden-votes",
    "base-share",
    "progress-news",
    "oogiri",
    "oogiri-schedule",
    "access",
    "run-orchestrator",
    "run-messages",
    "control-requests",
    "champion-monitor",
    "judge",
)
WORDS = Translator()


class Clock:
    """Records sleeps and returns at once; cancels the job at the `rounds`-th sleep."""

    def __init__(self, rounds: int) -> None:
        self.slept: list[float] = []
        self._rounds = rounds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == self._rounds:
            raise asyncio.CancelledError


class Observer:
    """Records its notifications in order."""

    def __init__(self) -> None:
        self.notifications: list[object] = []

    async def job_failed(self, name: str, error: Exception) -> None:
        self.notifications.append(type(error))

    async def job_succeeded(self, name: str) -> None:
        self.notifications.append("ok")


def failing_step(*errors: BaseException | None):
    """A step that raises one of these in each round; None: no error."""
    remaining = list(errors)

    async def step() -> None:
        if (error := remaining.pop(0)) is not None:
            raise error

    return step


async def run_rounds(step, rounds: int, **options):
    """Run a job with an interval of 5 s; returns its sleeps and its observer's notifications."""
    clock, observer = Clock(rounds), Observer()
    with pytest.raises(asyncio.CancelledError):
        await Periodic("job", 5.0, step, sleep=clock.sleep, **options).run(observer)
    return clock.slept, observer.notifications


async def test_an_error_that_passes_is_no_defect():
    step = failing_step(sqlite3.OperationalError("locked"), JokebotError("no"), OSError(28, "full"), None)
    assert await run_rounds(step, 4) == ([5.0] * 4, ["ok"])


@pytest.mark.parametrize("error", [KeyError("x"), PermissionError(13, "no"), ExceptionGroup("both", [KeyError("x")])])
async def test_after_a_defect_the_pause_is_longer_and_the_observer_hears_of_it(error):
    assert await run_rounds(failing_step(error, None), 2) == ([60.0, 5.0], [type(error), "ok"])


async def test_a_step_that_is_cancelled_from_within_goes_on():
    assert await run_rounds(failing_step(asyncio.CancelledError(), None), 2) == ([60.0, 5.0], [StepCancelled, "ok"])


async def test_what_is_fatal_ends_the_job():
    with pytest.raises(KeyError):
        await Periodic("job", 5.0, failing_step(KeyError("x")), fatal=(KeyError,)).run(Observer())


async def test_a_job_that_is_done_once_is_tried_until_it_succeeds():
    clock, observer = Clock(9), Observer()
    await Periodic("job", 5.0, failing_step(OSError(), None), once=True, sleep=clock.sleep).run(observer)
    assert (clock.slept, observer.notifications) == ([5.0], ["ok"])


async def test_the_first_round_may_wait():
    assert await run_rounds(failing_step(None), 2, first_after_s=9.0) == ([9.0, 5.0], ["ok"])


async def test_an_observer_that_fails_ends_no_job():
    class FailingObserver(Observer):
        async def job_succeeded(self, name: str) -> None:
            raise KeyError(name)

    clock = Clock(2)
    with pytest.raises(asyncio.CancelledError):
        await Periodic("job", 5.0, failing_step(None, None), sleep=clock.sleep).run(FailingObserver())


async def test_every_job_of_the_bot_is_tried_here_and_has_words(stage):
    assert sorted(job.name for job in stage.app.jobs) == sorted(JOBS)
    for language in WORDS.languages:
        assert len({WORDS.format(language, f"job-{name}") for name in JOBS}) == len(JOBS)


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
    for constant, value in (("CHECK_INTERVAL_S", 0.05), ("SEND_INTERVAL_S", 0.05), ("RECOVERY_S", 0.1)):
        monkeypatch.setattr(alerts, constant, value)
    stage = await stage_with(telegram={"admins": [FIRST_USER_ID]}, alerts={"engine_min": 0})
    await until(lambda: len(rounds) > 3)
    await stage.joke(stage.send_photo(person=stage.bob))
    await alert_count(stage, f"alert-job-began {name}")
    await stage.restart()
    count = len(rounds)
    await until(lambda: len(rounds) > count + 3)
    await stage.joke(stage.send_photo(person=stage.bob))
    assert await alert_count(stage, f"alert-job-began {name}") == 1
    broken.clear()
    assert await alert_count(stage, f"alert-job-ended {name}") == 1


async def alert_count(stage, what: str) -> int:
    """Wait for an alert to the admin; returns how often it was sent."""
    message, job = what.split()
    prefix = stage.words(message, job=stage.words(f"job-{job}"), why="@").split("@")[0]

    def times() -> int:
        return sum(sent.get("text", "").startswith(prefix) for sent in stage.world.messages(stage.alice))

    await stage.world.wait_for(lambda _: times(), 60)
    return times()
