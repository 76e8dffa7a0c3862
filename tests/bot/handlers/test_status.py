"""/status: a line for everything, and lights before what needs a look."""

import asyncio
import gc
import logging
import stat
import time

import pytest

from bot.engine.fair_queue import FairQueue
from bot.engine.router import ServedModel
from bot.engine.servers.base import ServerStatus
from bot.engine.stub.engine import StubReply
from bot.i18n.formatting import day_and_time
from bot.maintenance import backup_job
from bot.monitoring import alert_checks, host_stats
from bot.monitoring.alerts import AlertManager
from bot.retraining.orchestrator import RunOrchestrator
from bot.sandbox.telegram_objects import FIRST_USER_ID
from configs import __version__
from storage.chat import schedule
from storage.learning import promotion, runs
from storage.learning.models import register_base

ADMIN = {"admins": [FIRST_USER_ID]}
NO_JUDGE = "🟢 No judge yet; it needs 50 ratings"


async def lines(stage, person=None):
    """What /status says, line by line."""
    person = person or stage.alice
    head, empty, *rest = (await stage.answer(stage.world.send_text(person, person, "/status")))["text"].split("\n")
    assert not empty
    return [head, *rest]


@pytest.fixture
def plenty(monkeypatch):
    """A host with much room and no card, whatever this one has."""
    monkeypatch.setattr(host_stats, "free_disk_bytes", lambda folder: 900 * 10**9)
    monkeypatch.setattr(host_stats, "NVIDIA_SMI", "no-such-tool")
    # what earlier tests left behind complains in the log when it goes, and would count as this bot's errors
    gc.collect()


async def test_all_is_well(stage_with, plenty, monkeypatch):
    monkeypatch.setattr(backup_job, "START_S", 0.0)
    stage = await stage_with(telegram=ADMIN)
    await stage.joke(stage.send_photo())
    await stage.until(lambda: any(stage.settings.backup_folder.glob("jokebot-*/backup.json")))
    found = await lines(stage)
    assert found[0].startswith(f"🟢 Jokebot {__version__} · up ")
    assert found[1:4] == ["🟢 Engine answers", "🟢 Nobody waits", "🟢 Model 1 · base"]
    assert found[4].startswith("🟢 900 GB free · data ") and " · database " in found[4]
    due = day_and_time(await schedule.get_due_time(stage.app.database, "retrain"))
    assert found[5].startswith("🟢 Backup ") and found[5].endswith(" ago")
    assert found[6:] == [f"🟢 No run yet. Next: {due}", NO_JUDGE, "🟢 No errors in the last 24 hours"]


async def test_what_needs_a_look_is_seen_at_once(stage_with, plenty, monkeypatch):
    async def idle(self) -> None:
        """Nobody takes the run up before it has failed, and no alert is an error more."""

    monkeypatch.setattr(RunOrchestrator, "_round", idle)
    monkeypatch.setattr(AlertManager, "run_checks", idle)
    monkeypatch.setattr(host_stats, "free_disk_bytes", lambda folder: 10**9)
    stage = await stage_with(telegram=ADMIN, backup={"every_h": 0}, retrain={"cron": ""}, alerts={"disk_gb": 5})
    stage.engine.models.clear()
    run = await runs.create_run(stage.app.database, "command")
    await stage.app.schedule.stop()
    await promotion.end_run(stage.app.database, run, "failed", "why")
    for _ in range(2):
        logging.getLogger("somewhere").error("a mistake")
    found = await lines(stage)
    assert found[0].startswith("🔴 Jokebot") and "🔴 Engine doesn't answer" in found
    assert [line for line in found if line.startswith("🔴 1.0 GB free")]
    assert "🟡 No backups are made (backup.every_h is 0)" in found
    assert [
        line
        for line in found
        if line.startswith(f"🟡 Run {run.id} failed, ") and line.endswith(" ago. Next: when somebody says /retrain")
    ]
    assert [
        line for line in found if line.startswith("🟡 ") and line.endswith(" errors in the last 24 hours, see the log")
    ]


async def test_the_queue_the_canary_and_a_run_under_way(stage_with, plenty):
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate), telegram=ADMIN, engine={"in_flight": 1})
    try:
        router = stage.app.servers.router
        router.set_canary(
            ServedModel(await register_base(stage.app.database, "run-1", None), router.champion.client), 0.0
        )
        for _ in range(3):
            stage.send_photo(person=stage.bob)
        queue = stage.part(FairQueue)
        await stage.until(lambda: queue.waiting == 2)
        queue._tickets[0].entered_at = time.monotonic() - 90
        found = await lines(stage)
        assert [
            line
            for line in found
            if line.startswith("🟡 2 photos wait, the first for ") and line.endswith(" · 1 in work")
        ]
        assert "🟢 Model 1 · base · on trial: 2 · run-1, 0%" in found
    finally:
        gate.set()
    await stage.quiet()


async def test_the_model_before_sleeps_and_nobody_needs_to_look(stage_with, plenty, monkeypatch):
    stage = await stage_with(telegram=ADMIN)
    servers = stage.app.servers
    champion = servers.router.champion.model.id
    states = [
        ServerStatus(champion, "run-1", "server-2", "ready"),
        ServerStatus(champion + 7, "base", "server-1", "asleep"),
    ]
    monkeypatch.setattr(servers, "status", lambda: states)
    assert "🟢 Engine answers · 1 of 1 ready" in await lines(stage)
    states.append(ServerStatus(champion, "run-1", "server-3", "restarting"))
    assert "🟡 Engine answers · 1 of 2 ready" in await lines(stage)


async def test_cards_are_shown_where_there_are_some_and_a_driver_that_hangs_holds_nothing_up(
    stage_with, plenty, tmp_path, monkeypatch
):
    tool = tmp_path / "nvidia-smi"
    monkeypatch.setattr(host_stats, "NVIDIA_SMI", str(tool))
    monkeypatch.setattr(alert_checks, "EXPENSIVE_INTERVAL_S", 3600.0)

    def says(script):
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(stat.S_IRWXU)

    says("echo 'NVIDIA H200, 30000, 143771'; echo 'NVIDIA H200, 100, 143771'")
    stage = await stage_with(telegram=ADMIN)
    found = await lines(stage)
    assert [line for line in found if "H200" in line] == ["🟢 H200 · 31 of 151 GB", "🟢 H200 · 0 of 151 GB"]
    monkeypatch.setattr(host_stats, "NVIDIA_SMI_TIMEOUT_S", 0.2)
    says("exec sleep 600")
    assert "🔴 No graphics card answers nvidia-smi" in await lines(stage)


async def test_a_line_that_cannot_be_had_leaves_the_others(stage_with, plenty, monkeypatch):
    def broken(folder, most_s=0.0):
        raise OSError("gone")

    monkeypatch.setattr(host_stats, "folder_size", broken)
    stage = await stage_with(telegram=ADMIN)
    found = await lines(stage)
    assert "🟡 Disk: can't tell just now" in found and "🟢 Engine answers" in found


async def test_it_is_short_in_every_language(stage_with, plenty):
    stage = await stage_with(telegram={"admins": [FIRST_USER_ID, FIRST_USER_ID + 2]})
    found = await lines(stage, stage.ming)
    assert "🟢 引擎正常" in found and len(found) < 12 and max(map(len, found)) < 80


def test_a_folder_is_weighed_once_for_each_file_and_never_for_long(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "one").write_bytes(b"x" * 1000)
    (tmp_path / "deep" / "again").hardlink_to(tmp_path / "deep" / "er" / "one")
    (tmp_path / "two").write_bytes(b"x" * 500)
    assert host_stats.folder_size(tmp_path) == host_stats.FolderSize(1500, True)
    assert not host_stats.folder_size(tmp_path, -1.0).complete
    assert host_stats.folder_size(tmp_path / "nowhere") == host_stats.FolderSize(0, True)
