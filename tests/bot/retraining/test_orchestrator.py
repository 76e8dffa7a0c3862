"""A run's process is started, supervised, restarted after a crash, and ended with the bot; requests are served."""

import asyncio
import json
import os
import subprocess
import sys

import pytest
from pydantic import SecretStr

from bot.retraining import orchestrator
from bot.retraining.pipeline_process import train_environment
from configs.child_environment import SECRETS
from configs.settings import Settings, TrainingSettings, load_settings
from storage.chat import control_requests
from storage.database import Database
from storage.learning import runs
from tests.bot.retraining.conftest import add_model

FAILED = {"row": {"state": "failed", "reason": "The play is over.", "finished_at": 1}}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(orchestrator, "RETRY_DELAYS_S", (0.01, 0.01))
    monkeypatch.setattr(orchestrator, "POLL_INTERVAL_S", 0.05)


async def becomes(stage, *states):
    """Wait until the latest run is in one of these states."""
    for _ in range(6000):
        run = next(iter(await runs.list_runs(stage.app.database, 1)), None)
        if run and run.state in states:
            return run
        await asyncio.sleep(0.01)
    raise TimeoutError(f"the run is {run and run.state}")


async def test_a_run_that_the_command_line_queued_is_picked_up(admins_stage, theatre):
    theatre.play({"row": {"state": "training"}}, FAILED)
    other = await Database.open(admins_stage.settings.storage.database)
    await runs.create_run(other, "command")
    await other.close()
    assert (await becomes(admins_stage, "failed")).reason == "The play is over."


async def test_a_process_that_dies_is_begun_again_and_goes_on(admins_stage, theatre):
    theatre.play({"row": {"state": "training"}}, {"die": True}, {"row": {"state": "merging"}}, {"die": True}, FAILED)
    await runs.create_run(admins_stage.app.database, "command")
    await becomes(admins_stage, "failed")
    assert [state for state, _ in await runs.list_states(admins_stage.app.database, 1)] == [
        "queued",
        "training",
        "merging",
        "failed",
    ]


async def test_a_process_that_gets_nowhere_ends_the_run_with_its_last_words(admins_stage, theatre):
    theatre.play(*[act for _ in range(9) for act in ({"say": "No module named torch."}, {"end": 1})])
    await runs.create_run(admins_stage.app.database, "command")
    run = await becomes(admins_stage, "failed")
    assert "without getting anywhere" in run.reason and "No module named torch." in run.reason


async def test_a_run_goes_on_after_the_bot_was_stopped_and_its_process_is_ended_with_the_bot(curtain, theatre):
    theatre.play({"row": {"state": "training"}}, {"wait": "never"}, FAILED)
    async with curtain() as stage:
        await runs.create_run(stage.app.database, "command")
        await becomes(stage, "training")
    theatre.go("never")
    async with curtain() as stage:
        await becomes(stage, "failed")


async def test_a_cancelled_run_whose_process_does_not_notice_is_stopped_all_the_same(
    stage_with, sections, theatre, monkeypatch
):
    monkeypatch.setattr(orchestrator, "CANCEL_TIMEOUT_S", 0.0)
    stage = await stage_with(**sections | {"retrain": sections["retrain"] | {"stop_grace_s": 0.2}})
    theatre.play({"row": {"state": "training"}}, {"wait": "never"})
    run = await runs.create_run(stage.app.database, "command")
    await becomes(stage, "training")
    await runs.request_cancel(stage.app.database, run.id)
    await becomes(stage, "cancelled")


async def test_the_command_line_is_obeyed_and_told_what_came_of_it(admins_stage):
    database = admins_stage.app.database
    model = await add_model(database, "run-1")
    admins_stage.engine.models = ["run-1"]
    done = await control_requests.wait_for_answer(
        database, await control_requests.add_request(database, "promote", model.id), wait_s=60
    )
    assert done.done and "run-1" in done.answer
    refused = await control_requests.wait_for_answer(
        database, await control_requests.add_request(database, "promote", model.id), wait_s=60
    )
    assert not refused.done and "in service already" in refused.answer


def test_a_runs_process_gets_the_settings_and_no_secrets_of_the_chat(admins_stage, monkeypatch):
    for name in (*SECRETS, "JOKEBOT_TELEGRAM_ADMINS"):
        monkeypatch.setenv(name, "1:secret")
    settings = admins_stage.settings
    settings = settings.model_copy(
        update={"engine": settings.engine.model_copy(update={"api_key": SecretStr("1:secret")})}
    )
    found = train_environment(settings)
    assert "1:secret" not in found.values()
    assert found["JOKEBOT_RETRAIN_MIN_PAIRS"] == "10" and found["JOKEBOT_STORAGE_DIRECTORY"] == str(
        admins_stage.settings.storage.directory
    )
    assert json.dumps(found)


def test_a_runs_process_sees_the_gpus_of_training_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    own = Settings(training={"gpu_ids": [1, "GPU-ab"]}, lmdeploy={"gpu_ids": "0"}, storage={"directory": tmp_path})
    found = train_environment(own)
    assert (found["CUDA_VISIBLE_DEVICES"], found["CUDA_DEVICE_ORDER"]) == ("1,GPU-ab", "PCI_BUS_ID")
    for name in set(os.environ) | set(found):
        monkeypatch.delenv(name) if name not in found else monkeypatch.setenv(name, found[name])
    read = load_settings()
    assert read.training.gpu_ids == own.training.gpu_ids and read.lmdeploy.gpu_ids == ["0"]
    assert read.training.gpu_count == 2 and TrainingSettings(gpus=3).gpu_count == 3


def test_the_loop_and_its_pictures_cost_a_starting_bot_neither_numpy_nor_matplotlib():
    code = "import sys, bot.app; print(*sorted({'numpy', 'matplotlib', 'torch', 'openai'} & sys.modules.keys()))"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=60
        ).stdout.strip()
        == ""
    )
