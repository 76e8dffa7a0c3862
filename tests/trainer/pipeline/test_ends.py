"""A run ends with a verdict, is stopped, is cancelled, or restarts: each cleanly, with the champion in service."""

import asyncio
import json
import os
import signal

import psutil
import pytest

from storage.learning import datasets, models, promotion, runs
from storage.maintenance.forget_person import forget_user
from trainer.pipeline.run_context import RunCancelled
from trainer.pipeline.runner import run_pipeline
from trainer.pipeline.step_process import StepProcesses, python_module
from trainer.pipeline.steps.all_steps import ALL_STEPS
from trainer.pipeline.workspace import WorkspaceLocked, is_run_active, run_lock

pytestmark = pytest.mark.timeout(2400)
"""Each starts trainings, and a training starts slowly on a busy machine."""


async def test_a_stopped_run_is_gone_on_with_and_a_cancelled_one_ends(pipeline):
    process = pipeline.start("_pipeline", 1, hold=1)
    await pipeline.until(process, lambda: len(pipeline.steps()) >= 1)
    process.send_signal(signal.SIGTERM)
    assert await pipeline.end(process) == 143, pipeline.log()
    run, done = await pipeline.run(), len(pipeline.steps())
    # Somebody asked for the stop, so it counts as no attempt.
    assert (run.state, run.attempts) == ("training", 0) and f"iter_{done}.pth" in {
        path.name for path in (pipeline.place.directory / "xtuner").iterdir()
    }
    process = pipeline.start("_pipeline", 1)
    await pipeline.until(process, lambda: is_run_active(pipeline.memory.root / "runs"))
    await runs.request_cancel(pipeline.database, 1)
    assert await pipeline.end(process) == 0, pipeline.log()
    run = await pipeline.run()
    assert (run.state, run.reason, await pipeline.serving()) == ("cancelled", "It was cancelled.", "base")
    assert not (pipeline.place.directory / "xtuner").exists()
    assert [model.name for model in await models.all_models(pipeline.database)] == ["base"]


async def test_a_person_who_is_forgotten_during_the_training_is_in_nothing_that_is_made(pipeline):
    memory = pipeline.memory
    theirs = await memory.rated("333", text="A joke that must not be learnt", person=77)
    process = pipeline.start("_pipeline", 1, TRAINING_EPOCHS=400)
    await pipeline.until(process, lambda: len(pipeline.steps()) >= 1)
    (before,) = await datasets.all_datasets(memory.database)
    assert f'"joke-{theirs}"' in (memory.folder / before.name / "train.json").read_text()
    # The files are busy, so forgetting waits with them; the run notices at once, and makes everything anew.
    await forget_user(memory.database, 77, memory.photos, memory.folder, wait_s=0)
    await pipeline.until(process, lambda: len(list(memory.folder.glob("[0-9a-f]*"))) == 2)
    await pipeline.until(process, lambda: "run 1: training" in pipeline.log().split("run 1: training", 1)[1])
    process.send_signal(signal.SIGTERM)
    assert await pipeline.end(process) == 143, pipeline.log()
    run = await pipeline.run()
    assert (run.state, run.restarts, run.dataset != before.name) == ("training", 1, True)
    assert (await pipeline.states()).count("exporting") == 2
    for file in memory.folder.glob("*/train.json"):
        assert "must not be learnt" not in file.read_text()


async def test_too_little_new_is_an_answer(pipeline):
    assert await pipeline.call("_pipeline", 1, RETRAIN_MIN_PAIRS=50) == 0
    run = await pipeline.run()
    assert run.state == "undecided" and run.candidate_id is None
    assert run.reason.startswith("Too little new: ") and "a run wants 50" in run.reason
    assert await datasets.all_datasets(pipeline.database) == []


async def test_every_line_of_its_process_knows_the_run(pipeline):
    assert await pipeline.call("_pipeline", 1, RETRAIN_MIN_PAIRS=50, LOG_FORMAT="json") == 0
    lines = [json.loads(line) for line in (pipeline.memory.root / "pipeline.log").read_text().splitlines()]
    assert {line["run"] for line in lines} == {1}
    assert [line["message"] for line in lines][-1].startswith("run 1: undecided: Too little new")


async def test_what_a_run_has_no_room_for_is_said_before_it_trains(pipeline):
    assert await pipeline.call("_pipeline", 1, RETRAIN_DISK_RESERVE_GB=10**6) == 1
    run = await pipeline.run()
    assert run.state == "failed" and "1000000.0 GB of disk" in run.reason and not pipeline.place.adapter.exists()


async def test_the_clock_trains_on_the_same_pairs_once(pipeline):
    """A person may ask again, and a run that failed has answered nothing."""
    database, base = pipeline.database, await models.get_model(pipeline.database, "base")
    assert await pipeline.call("_pipeline", 1, bomb="in training") == -signal.SIGKILL
    run = await pipeline.run()
    await datasets.mark_dataset(database, run.dataset, "trained")
    await runs.advance(database, run, "failed", reason="for the test")
    for starter, state in (("pairs", "training"), ("schedule", "undecided"), ("admin", "training")):
        run = await runs.create_run(database, starter)
        await pipeline.call("_pipeline", run.id, bomb="in training")
        run = await runs.get_run(database, run.id)
        assert run.state == state
        if starter == "pairs":
            run = await runs.advance(database, run, "merging")
            new = models.NewModel("run-2", base.id, base.id, base.id, run.dataset, run.id, "/models/run-2", "sha", "{}")
            await promotion.record_verdict(
                database,
                await promotion.record_merge(database, run, new),
                base.id,
                {"answer": "reject", "reasons": [], "measures": {}},
            )
        if starter == "schedule":
            assert "since run 2, which trained on the same pairs and was rejected" in run.reason


async def test_a_model_is_judged_beside_the_champion_of_that_moment(pipeline):
    """From a run whose training and merge are taken as done: the step itself is driven here."""
    database, base = pipeline.database, await models.get_model(pipeline.database, "base")
    run = await runs.advance(database, await pipeline.run(), "exporting", model_name="run-1")
    run = await runs.advance(
        database, run, "training", dataset=(await pipeline.memory.exporter().export()).directory.name
    )
    run = await runs.advance(database, run, "merging")
    candidate = pipeline.place.models / "run-1"
    candidate.mkdir(parents=True)
    for file in pipeline.model.iterdir():
        os.link(file, candidate / file.name)
    (candidate / "model.json").write_text("{}")
    await promotion.record_merge(
        database, run, models.NewModel("run-1", base.id, base.id, base.id, run.dataset, 1, str(candidate), "sha", "{}")
    )
    process = pipeline.start("_pipeline", 1, gate="wait")
    await pipeline.until(process, lambda: (pipeline.place.directory / "waiting").exists())
    other = await models.register_base(database, "other", str(pipeline.model))
    await promotion.promote(database, other.id, "admin")
    process.send_signal(signal.SIGTERM)
    assert await pipeline.end(process) == 143, pipeline.log()
    assert await pipeline.call("_pipeline", 1, gate="reject") == 0, pipeline.log()
    run = await pipeline.run()
    assert (run.state, run.champion_id, run.reason, run.judged["measures"]) == (
        "rejected",
        other.id,
        "So it was said.",
        {"likelihood": 1.5},
    )
    # A rejected model never serves, so its files go at once.
    model = await models.get_model(database, run.candidate_id)
    assert model.status == "rejected" and model.removed_at and not candidate.exists()


async def test_two_processes_are_never_at_a_run(pipeline):
    folder = pipeline.settings().storage.runs
    assert not is_run_active(folder)
    async with run_lock(folder, wait_s=0):
        assert is_run_active(folder)
        with pytest.raises(WorkspaceLocked):
            async with run_lock(folder, wait_s=0.2):
                raise AssertionError
    assert not is_run_active(folder)
    with pytest.raises(runs.RunError, match="no run 9"):
        await run_pipeline(pipeline.settings(), 9, ALL_STEPS)


async def test_a_child_holds_the_lock_after_its_parent_until_it_ends(tmp_path):
    """Here the parent only lets go of the lock; a kill closes the same descriptor.

    A child gives way to whatever else runs.
    """
    running, looked, free = None, asyncio.Event(), asyncio.Event()

    async def watch():
        looked.set()
        if free.is_set():
            raise RunCancelled

    async with run_lock(tmp_path, wait_s=0) as descriptor:
        running = asyncio.create_task(
            StepProcesses(descriptor, 10, nice=3).run(
                python_module("http.server", 0, "--bind", "127.0.0.1"), tmp_path / "log", watch
            )
        )
        await looked.wait()
    assert is_run_active(tmp_path)
    (child,) = (one for one in psutil.Process().children() if "http.server" in one.cmdline())
    assert child.nice() == psutil.Process().nice() + 3
    free.set()
    with pytest.raises(RunCancelled):
        await running
    assert not is_run_active(tmp_path)


async def test_a_child_that_does_not_listen_is_killed_after_the_grace(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "deaf.py").write_text(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', "
        "flush=True)\ntime.sleep(600)\n"
    )

    async def watch():
        if (tmp_path / "log").read_text():
            raise RunCancelled

    async with run_lock(tmp_path, wait_s=0) as descriptor:
        with pytest.raises(RunCancelled):
            await StepProcesses(descriptor, 0.3).run(python_module("deaf"), tmp_path / "log", watch)
    assert not is_run_active(tmp_path)
