"""Admins get one message when an alert begins and one when it ends, in their language, also across restarts."""

import os
import re
import stat

import pytest

from bot.app import run_until_stopped
from bot.maintenance import backup_job
from bot.monitoring import alert_checks, alerts, host_stats
from bot.sandbox.server import Sandbox
from bot.sandbox.telegram_objects import FIRST_USER_ID
from bot.telegram.polling import TokenRejected
from storage.chat.alerts import begin_alert
from storage.database import DatabaseError
from tests.bot.conftest import TOKEN, make_settings
from tests.bot.database_lock import locked
from tests.bot.telegram.test_webhook import free_port

ADMINS = {"admins": [FIRST_USER_ID, FIRST_USER_ID + 2]}
ONLY = {"engine_min": 0, "disk_gb": 0, "database_min": 0, "gpu_min": 0, "webhook_min": 0}
"""All checks off; a test turns on its own."""


@pytest.fixture(autouse=True)
def prompt(monkeypatch):
    """Checks and messages without delay."""
    for module, name, value in (
        (alerts, "CHECK_INTERVAL_S", 0.05),
        (alerts, "SEND_INTERVAL_S", 0.05),
        (alerts, "RECOVERY_S", 0.2),
        (alert_checks, "EXPENSIVE_INTERVAL_S", 0.0),
        (backup_job, "START_S", 0.0),
        (backup_job, "CHECK_INTERVAL_S", 0.1),
    ):
        monkeypatch.setattr(module, name, value)


def heard(stage, person, beginning):
    """How many of the bot's messages to a user begin like this."""
    return sum(
        one["from"]["is_bot"] and one.get("text", "").startswith(beginning) for one in stage.world.messages(person)
    )


async def told(stage, name, person=None, times=1, language="en", **values):
    """Wait until a user has got this message exactly so many times."""
    person = person or stage.alice
    text = stage.words(
        f"alert-{name}",
        language,
        **{
            "time": "@",
            "why": "@",
            "free": "@",
            "minutes": 7,
            "waiting": 9,
            "had": 2,
            "now": 1,
            "began": "@",
            **values,
        },
    )
    beginning = text.split("@")[0].split("7")[0].split("9")[0].split("2")[0]
    assert len(beginning) > 5
    await stage.world.wait_for(lambda _: heard(stage, person, beginning) >= times, 60)
    assert heard(stage, person, beginning) == times
    return beginning


async def test_an_engine_that_is_gone_is_told_once_and_once_when_it_is_back_over_a_restart_too(stage_with):
    stage = await stage_with(telegram=ADMINS, alerts={**ONLY, "engine_min": 0.001})
    models, stage.engine.models[:] = list(stage.engine.models), []
    began = await told(stage, "engine-began")
    await told(stage, "engine-began", stage.ming)
    await stage.restart()
    seen = stage.engine.model_requests
    await stage.until(lambda: stage.engine.model_requests > seen + 5)
    assert heard(stage, stage.alice, began) == 1
    stage.engine.models[:] = models
    ended = await told(stage, "engine-ended")
    stage.engine.models[:] = []
    await told(stage, "engine-began", times=2)
    stage.engine.models[:] = models
    await told(stage, "engine-ended", times=2)
    assert ended != began and heard(stage, stage.bob, began) == 0


async def test_each_admin_hears_it_in_their_language(stage_with):
    stage = await stage_with(telegram=ADMINS, alerts={**ONLY, "engine_min": 0.001})
    await stage.answer(stage.world.send_text(stage.ming, stage.ming, "/models"))
    stage.engine.models.clear()
    await told(stage, "engine-began", stage.ming, language="zh")


async def test_an_engine_that_is_away_for_a_moment_is_no_news(stage_with):
    stage = await stage_with(telegram=ADMINS, alerts={**ONLY, "engine_min": 60})
    stage.engine.models.clear()
    await stage.until(lambda: "engine" in stage.app.alerts._failing_since)
    assert not stage.app.alerts.lasting


async def test_a_disk_that_is_nearly_full_and_one_with_room_again(stage_with, monkeypatch):
    room = {"free": 1e9}
    monkeypatch.setattr(host_stats, "free_disk_bytes", lambda folder: room["free"])
    stage = await stage_with(telegram=ADMINS, alerts={**ONLY, "disk_gb": 2.0})
    began = await told(stage, "disk-began")
    room["free"] = 2.1e9
    stage.app.alerts._passing_since.clear()
    await stage.until(lambda: "disk" in stage.app.alerts._failing_since)
    assert "disk" in stage.app.alerts.lasting, "at the edge nothing flutters"
    room["free"] = 9e9
    await told(stage, "disk-ended")
    assert heard(stage, stage.alice, began) == 1


async def test_a_backup_that_fails_and_one_that_works_again(stage_with, tmp_path):
    place = tmp_path / "place"
    place.write_text("no folder")
    stage = await stage_with(telegram=ADMINS, alerts=ONLY, backup={"directory": place})
    await told(stage, "backup-began")
    place.unlink()
    await told(stage, "backup-ended")


async def test_a_database_that_cannot_be_written_is_told_while_it_cannot(stage_with):
    stage = await stage_with(telegram=ADMINS, alerts={**ONLY, "database_min": 0.001})
    async with locked(stage):
        began = await told(stage, "database-began")
    await told(stage, "database-ended")
    await stage.restart()
    await stage.quiet()
    assert heard(stage, stage.alice, began) == 1
    assert await stage.value("SELECT count(*) FROM alerts WHERE what = 'database' AND ended_at IS NOT NULL") == 1


async def test_a_webhook_that_telegram_cannot_use_is_told_with_what_telegram_says(stage_with):
    listen = f"127.0.0.1:{free_port()}"
    url = f"http://{listen}/telegram"
    stage = await stage_with(
        telegram={**ADMINS, "mode": "webhook", "webhook_url": url, "webhook_listen": listen, "webhook_secret": "right"},
        alerts={**ONLY, "webhook_min": 10},
    )
    await stage.world.wait_for(lambda _: stage.calls("setWebhook"))
    await stage.sandbox.webhook.set(url, "wrong")
    stage.world.send_text(stage.bob, stage.bob, "hello?")
    await stage.world.wait_for(lambda _: heard(stage, stage.alice, "🔴 Telegram can't reach me") == 1, 60)
    told_so = next(one["text"] for one in stage.world.messages(stage.alice) if one.get("text", "").startswith("🔴"))
    assert told_so.endswith("one update waits: Wrong response from the webhook: 403 Forbidden")
    await stage.sandbox.webhook.set(url, "right")
    await told(stage, "webhook-ended")


async def test_a_graphics_card_that_goes_is_missed_also_after_a_restart(stage_with, tmp_path, monkeypatch):
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")

    def cards(number):
        fresh = tool.with_name("fresh")
        fresh.write_text(
            "#!/bin/sh\n" + "echo 'NVIDIA H100 80GB HBM3, 61440, 81559'\n" * number + f"exit {0 if number else 9}\n"
        )
        fresh.chmod(stat.S_IRWXU)
        fresh.rename(tool)

    cards(1)
    stage = await stage_with(telegram=ADMINS, alerts={**ONLY, "gpu_min": 0.001})
    await stage.until(lambda: "gpu" in stage.app.alerts._checked_at and not stage.app.alerts._failing_since)
    (card,) = await host_stats.list_gpus()
    assert (card.name, round(card.used_gb), round(card.all_gb)) == ("NVIDIA H100 80GB HBM3", 64, 86)
    await stage.until(lambda: stage.app.alerts._checks["gpu"].probe.__self__._gpu_count == 1)
    cards(0)
    began = await told(stage, "gpu-began", had=1, now=0)
    await stage.restart()
    cards(1)
    await told(stage, "gpu-ended")
    assert heard(stage, stage.alice, began) == 1


async def test_a_refused_token_is_told_once_it_is_taken_again(stage_with, tmp_path):
    stage = await stage_with(telegram=ADMINS, alerts=ONLY)
    await stage.process.aclose()
    async with Sandbox.running(port=0, token="999999:another") as other:
        for _ in range(2):
            with pytest.raises(TokenRejected):
                await run_until_stopped(
                    make_settings(other.url, stage.engine.url, stage.settings.storage.directory, telegram=ADMINS)
                )
    await stage.restart()
    await stage.world.wait_for(lambda _: heard(stage, stage.alice, "🔴 On 20"), 60)
    (text,) = (one["text"] for one in stage.world.messages(stage.alice) if "token" in one.get("text", ""))
    assert "Telegram refused my token" in text and re.search(
        r"🟢 It takes my token again, (a minute|\d minutes) later\.$", text
    )


async def test_a_bot_with_a_damaged_database_says_so_once_before_it_stops(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "jokebot.sqlite3").write_bytes(b"\xa5" * 40_000)
    async with Sandbox.running(port=0, token=TOKEN) as sandbox:
        settings = make_settings(sandbox.url, sandbox.url, folder, telegram=ADMINS)
        for _ in range(2):
            with pytest.raises(DatabaseError):
                await run_until_stopped(settings)
        (said,) = (one["text"] for one in sandbox.world.messages(FIRST_USER_ID))
    assert said.startswith("🔴 I have to stop: The database") and "jokebot restore" in said


async def test_an_admin_who_shut_the_bot_out_keeps_nobody_else_from_hearing(stage_with):
    stage = await stage_with(telegram=ADMINS, alerts={**ONLY, "engine_min": 0.001})
    stage.world.block(stage.alice)
    stage.engine.models.clear()
    await told(stage, "engine-began", stage.ming)


async def test_a_backup_folder_that_cannot_be_read_is_told_as_a_failed_backup(stage_with, monkeypatch):
    def unreadable(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(backup_job, "list_backups", unreadable)
    stage = await stage_with(telegram=ADMINS, alerts=ONLY)
    began = await told(stage, "backup-began")
    await stage.joke(stage.send_photo())
    assert heard(stage, stage.alice, began) == 1


async def test_a_job_that_fails_every_other_time_is_told_once(stage_with, monkeypatch):
    monkeypatch.setattr(alerts, "RECOVERY_S", 60.0)
    stage = await stage_with(telegram=ADMINS, alerts=ONLY)
    for _ in range(3):
        await stage.app.alerts.job_failed("erasure", KeyError("x"))
        await stage.app.alerts.job_succeeded("erasure")
        await stage.app.alerts.run_checks()
    await told(stage, "job-began", job=stage.words("job-erasure"))
    assert "job:erasure" in stage.app.alerts.lasting
    answer = await stage.answer(stage.world.send_text(stage.alice, stage.alice, "/status"))
    assert answer["text"].startswith("🔴") and f"{stage.words('job-erasure')} (KeyError)" in answer["text"]


async def test_what_was_told_of_a_job_that_there_is_no_more_is_over(stage_with, monkeypatch):
    stage = await stage_with(telegram=ADMINS, alerts=ONLY)
    await stage.app.alerts.job_failed("of-an-older-version", KeyError("x"))
    await told(stage, "job-began", job="of-an-older-version")
    await stage.restart()
    await stage.until(lambda: "job:of-an-older-version" in stage.app.alerts.lasting)
    monkeypatch.setattr(alerts, "STALE_S", 0.0)
    await told(stage, "job-ended", job="of-an-older-version")


async def test_an_alert_that_cannot_be_put_into_words_keeps_no_other_from_being_told(stage_with):
    stage = await stage_with(telegram=ADMINS, alerts=ONLY)
    for what in ("unheard-of", "token"):
        await begin_alert(stage.app.database, what, {})
    await stage.world.wait_for(lambda _: heard(stage, stage.alice, "🔴 On 20") == 1, 60)
    await told(stage, "job-began", job=stage.words("job-alert-messages"))
