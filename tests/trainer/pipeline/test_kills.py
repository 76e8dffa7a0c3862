"""After any kill the run resumes, nothing is made twice, and the champion stays in service."""

import os
import signal
from dataclasses import replace

import pytest

from storage.learning import datasets, models, runs
from storage.learning.run_files import read_progress

KILLED = -signal.SIGKILL

pytestmark = pytest.mark.timeout(2400)
"""Each starts trainings, and a training starts slowly on a busy machine."""


async def killed(pipeline, bomb: str, state: str, **how) -> None:
    """Start the process with a bomb; afterwards the run is in `state` and the base serves."""
    assert await pipeline.call("_pipeline", 1, bomb=bomb, **how) == KILLED, (bomb, pipeline.log())
    assert ((await pipeline.run()).state, await pipeline.serving()) == (state, "base"), bomb


async def test_a_run_that_is_killed_everywhere_comes_to_its_trial_and_makes_nothing_twice(pipeline):
    for bomb, state in (
        ("in queued", "queued"),
        ("before exporting", "queued"),
        ("in exporting", "exporting"),
        ("rename [0-9a-f]{64}", "exporting"),
        ("before training", "exporting"),
    ):
        await killed(pipeline, bomb, state)
    exported = await datasets.all_datasets(pipeline.database)
    for bomb in ("in training", "rename plan.json"):
        await killed(pipeline, bomb, "training")

    # The pipeline is killed in the middle of the training: the child is on its leash, writes a checkpoint and ends.
    process = pipeline.start("_pipeline", 1, hold=1)
    await pipeline.until(process, lambda: len(pipeline.steps()) >= 1)
    process.kill()
    assert await pipeline.end(process) == KILLED
    first = read_progress(pipeline.place.directory)["pid"]
    # The child alone is killed: the pipeline begins it again. Then both are, when all is done but the adapter's name.
    process = pipeline.start("_pipeline", 1, bomb="rename adapter.safetensors", hold=2)
    await pipeline.until(
        process, lambda: read_progress(pipeline.place.directory)["pid"] != first and len(pipeline.steps()) >= 2
    )
    os.kill(read_progress(pipeline.place.directory)["pid"], signal.SIGKILL)
    pipeline.go()
    assert await pipeline.end(process) == KILLED, pipeline.log()
    assert (await pipeline.run()).state == "training" and pipeline.steps() == [1, 2, 3, 4]
    assert "The training was ended by SIGKILL" in pipeline.log()

    await killed(pipeline, "before merging", "training")
    adapter = pipeline.place.adapter.stat()
    for bomb, state in (("in merging", "merging"), ("rename run-1", "merging"), ("before judging", "merging")):
        await killed(pipeline, bomb, state)
    merged = (pipeline.place.models / "run-1").stat()
    for bomb in ("in judging", "rename verdict-1.json", "before canary"):
        await killed(pipeline, bomb, "judging")
    assert (pipeline.place.adapter.stat().st_mtime_ns, (pipeline.place.models / "run-1").stat().st_ino) == (
        adapter.st_mtime_ns,
        merged.st_ino,
    )

    assert await pipeline.call("_pipeline", 1, gate="reject") == 0, pipeline.log()
    # The verdict is the one that was made before the last kill.
    assert await pipeline.states() == ["queued", "exporting", "training", "merging", "judging", "canary"]
    assert await datasets.all_datasets(pipeline.database) == [replace(exported[0], state="trained")]
    assert [(model.name, model.status) for model in await models.all_models(pipeline.database)] == [
        ("base", "champion"),
        ("run-1", "candidate"),
    ]
    assert pipeline.steps() == [1, 2, 3, 4]
    assert sorted(path.name for path in pipeline.place.models.iterdir()) == ["run-1"]
    # What only a training needs is gone by now.
    assert not pipeline.place.adapter.exists() and not (pipeline.place.directory / "xtuner").exists()
    assert (pipeline.place.directory / "loss.png").exists()


async def test_a_step_that_is_begun_again_and_again_ends_the_run(pipeline):
    for _ in range(2):
        await killed(pipeline, "in exporting", "exporting", RETRAIN_MAX_STEP_ATTEMPTS=2)
    assert await pipeline.call("_pipeline", 1, RETRAIN_MAX_STEP_ATTEMPTS=2) == 1
    run = await pipeline.run()
    assert (run.state, await pipeline.serving()) == ("failed", "base") and "begun 2 times" in run.reason
    assert (await runs.create_run(pipeline.database, "command")).id == 2
