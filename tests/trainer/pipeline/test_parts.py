"""A run's start model, replay, required resources, kept files, and preview."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from configs.chat_templates import OLD_TEMPLATE
from configs.settings import RetrainSettings, SelectionSettings, TrainingSettings
from storage.learning import datasets, models, promotion, runs
from storage.learning.datasets import RecordRow
from storage.learning.models import NewModel
from storage.learning.run_files import PLAN, read_progress
from storage.maintenance.forget_person import forget_rows, forget_user
from trainer.dataset.token_budget import ModelDirectoryError
from trainer.merge.base_model import BaseCheckpoint
from trainer.pipeline import cleanup, resources
from trainer.pipeline.run_context import RunContext, TrainingDataErased
from trainer.pipeline.step_process import StepFailed, StepKilled
from trainer.pipeline.steps.export import restart_from_export, start_model
from trainer.pipeline.steps.train import load_or_make_plan, run_training, train
from trainer.pipeline.workspace import RunWorkspace
from trainer.xtuner.entry import check_base, plan_for
from trainer.xtuner.plan import TrainingPlan
from trainer.xtuner.progress import ProgressWriter


@pytest.fixture
def job(pipeline):
    def make(**more):
        return RunContext(pipeline.database, pipeline.settings(**more), pipeline.place, None)

    return make


@pytest.fixture
def promoted(pipeline):
    """Puts a model into service that was trained on these jokes; its directory is there."""

    async def promote(*jokes):
        database, base = pipeline.database, await models.get_model(pipeline.database, "base")
        run = await runs.current_run(database) or await runs.create_run(database, "command")
        name, directory = f"run-{run.id}", pipeline.memory.root / "models" / f"run-{run.id}"
        directory.mkdir(parents=True)
        await datasets.register_dataset(
            database, f"dataset-{run.id}", "ratings", [RecordRow(f"joke-{joke}", "train", joke) for joke in jokes]
        )
        (pipeline.memory.folder / f"dataset-{run.id}").mkdir(parents=True)
        run = await runs.advance(
            database, await runs.advance(database, run, "exporting"), "training", dataset=f"dataset-{run.id}"
        )
        await datasets.mark_dataset(database, run.dataset, "trained")
        serving = await models.get_champion(database)
        run = await promotion.record_merge(
            database,
            await runs.advance(database, run, "merging"),
            NewModel(name, serving.id, base.id, base.id, run.dataset, run.id, str(directory), "sha", "{}"),
        )
        await promotion.record_verdict(database, run, serving.id, {"answer": "promote", "reasons": [], "measures": {}})
        await promotion.promote(database, run.candidate_id, "canary")
        return await models.get_model(database, run.candidate_id)

    return promote


async def test_a_run_starts_where_the_setting_says_except_after_a_deletion(pipeline, job, promoted):
    theirs = await pipeline.memory.rated("3", person=77)
    base, champion = await models.get_model(pipeline.database, "base"), await promoted(theirs)
    assert (await start_model(job(), champion)).id == base.id
    assert (await start_model(job(RETRAIN_START_FROM="champion"), champion)).id == champion.id
    await forget_rows(pipeline.database, 77)
    assert (await start_model(job(RETRAIN_START_FROM="champion"), champion)).id == base.id


async def test_a_person_who_is_forgotten_between_export_and_training_sends_the_run_back(pipeline, job):
    memory, database = pipeline.memory, pipeline.database
    await memory.rated("333", text="A joke that must not be learnt", person=77)
    run = await runs.advance(database, await pipeline.run(), "exporting", model_name="run-1")
    dataset = (await memory.exporter().export()).directory
    run = await runs.advance(
        database, run, "training", dataset=dataset.name, start_id=(await models.get_model(database, "base")).id
    )
    await forget_user(database, 77, memory.photos, memory.folder)
    assert not dataset.exists()
    with pytest.raises(TrainingDataErased):
        await train(job(), run)
    again = await restart_from_export(job(), run)
    assert (again.state, again.dataset, again.restarts, again.model_name) == ("exporting", None, 1, "run-1")


async def test_what_was_made_of_a_forgotten_persons_rows_goes_before_the_run_begins_again(pipeline, job):
    database, base = pipeline.database, await models.get_model(pipeline.database, "base")
    theirs = await pipeline.memory.rated("3", person=77)
    run = await pipeline.run()
    await datasets.register_dataset(database, "theirs", "ratings", [RecordRow("joke-1", "train", theirs)])
    for state, changes in (
        ("exporting", {"model_name": "run-1"}),
        ("training", {"dataset": "theirs"}),
        ("merging", {}),
    ):
        run = await runs.advance(database, run, state, **changes)
    await datasets.mark_dataset(database, "theirs", "trained")
    directory = pipeline.place.models / "run-1"
    for path in (directory, pipeline.place.gate):
        path.mkdir(parents=True)
    run = await promotion.record_merge(
        database, run, NewModel("run-1", base.id, base.id, base.id, "theirs", 1, str(directory), "sha", "{}")
    )
    await job().check(run)
    await forget_rows(database, 77)
    with pytest.raises(TrainingDataErased):
        await job().check(run)
    again = await restart_from_export(job(), run)
    assert (again.state, again.candidate_id, again.model_name) == ("exporting", None, "run-1-2")
    assert not directory.exists() and not pipeline.place.gate.exists()
    model = await models.get_model(database, "run-1")
    assert model.status == "retired" and model.removed_at and "forgotten" in model.reason


async def test_a_run_without_its_models_files_says_what_to_do(job, pipeline, promoted):
    champion = await promoted()
    with pytest.raises(ModelDirectoryError, match="are gone from /nowhere"):
        await job().directory(replace(champion, directory="/nowhere"))
    with pytest.raises(ModelDirectoryError, match="jokebot models add"):
        await job(MODEL_NAME="another").directory(await models.get_model(pipeline.database, "base"))


async def test_a_run_from_the_base_repeats_all_that_was_learnt(memory):
    """Four learnt and two new jokes: with one replayed for each new one there are four rows, from the base six."""
    old = [await memory.rated("333", text=f"old {number}") for number in range(4)]
    await datasets.register_dataset(
        memory.database, "old", "ratings", [RecordRow(f"joke-{joke}", "train", joke) for joke in old]
    )
    (memory.folder / "old").mkdir(parents=True)
    await datasets.mark_dataset(memory.database, "old", "learnt")
    for number in range(2):
        await memory.rated("333", text=f"new {number}")
    settings = {"holdout_share": 1e-9, "min_posterior": 0.5, "max_rows": 6}
    exporter = memory.exporter(**settings)
    assert (await exporter.export()).manifest["origins"] == {"new": 2, "replayed": 2, "imported": 0}
    whole = await replace(exporter, replay_all=True).export()
    assert whole.manifest["origins"] == {"new": 2, "replayed": 4, "imported": 0}
    # New ones are never pushed out by old ones: three rows have room for both new jokes and one old one.
    short = await replace(exporter, settings=SelectionSettings(**{**settings, "max_rows": 3}), replay_all=True).export()
    assert short.manifest["origins"]["new"] >= 1 and short.manifest["counts"]["train"] == 3


async def test_only_what_is_not_needed_is_removed(pipeline, promoted):
    one, two, three = await promoted(), await promoted(), await promoted()
    folder = pipeline.place.models
    run = await runs.create_run(pipeline.database, "command")
    await runs.advance(
        pipeline.database, await runs.advance(pipeline.database, run, "exporting", model_name="run-4"), "cancelled"
    )
    # What a killed and a cancelled merge left; what is a person's; what the registry knew before a backup was restored.
    for stray in (".run-9.part", "run-4", "internvl2-2b", "run-88"):
        (folder / stray).mkdir()
    for number in (1, 2, 3):
        place = RunWorkspace.of_run(number, pipeline.settings().storage)
        (place.directory / "xtuner").mkdir(parents=True)
        (place.directory / "loss.png").touch()
        place.adapter.touch()
    await cleanup.clean_up(pipeline.database, pipeline.settings(RETRAIN_KEEP_MODELS=0, RETRAIN_KEEP_RUNS=3))
    assert sorted(path.name for path in folder.iterdir()) == ["internvl2-2b", "run-2", "run-3", "run-88"]
    assert (await models.get_model(pipeline.database, one.id)).removed_at and not (
        await models.get_model(pipeline.database, two.id)
    ).removed_at
    assert pipeline.model.is_dir() and three.status == "champion"
    runs_folder = pipeline.settings().storage.runs
    assert sorted(path.relative_to(runs_folder).as_posix() for path in runs_folder.rglob("*.png")) == [
        "2/loss.png",
        "3/loss.png",
    ]
    assert not list(runs_folder.rglob("xtuner")) and not list(runs_folder.rglob("adapter.safetensors"))


async def test_a_training_that_is_done_without_an_adapter_is_another_ones(pipeline, job):
    """A restored backup counts runs anew, and their folders are still there."""
    database = pipeline.database
    run = await runs.advance(database, await pipeline.run(), "exporting", model_name="run-1")
    dataset = (await pipeline.memory.exporter().export()).directory
    run = await runs.advance(
        database, run, "training", dataset=dataset.name, start_id=(await models.get_model(database, "base")).id
    )
    plan = await load_or_make_plan(job(), run)
    assert plan == await load_or_make_plan(job(), run) == TrainingPlan.load(pipeline.place.directory)
    ProgressWriter(plan.out).update(state="done")
    await load_or_make_plan(job(), run)
    assert read_progress(plan.out) == {}


async def test_a_checkpoint_that_breaks_a_training_is_not_gone_on_with_again(pipeline):
    class Broken(RunContext):
        async def run_step(self, run, step, module, *arguments):
            ProgressWriter(self.workspace.directory).update(state="failed", reason="crash", message="Cut off.")
            raise StepFailed("Cut off.")

    job = Broken(pipeline.database, pipeline.settings(), pipeline.place, None)
    plan = plan_for(pipeline.model, check_base(pipeline.model), pipeline.place.directory, pipeline.settings())
    plan.write()
    with pytest.raises(StepFailed, match="Cut off"):
        await run_training(job, await pipeline.run(), plan)
    (plan.work / "last_checkpoint").write_text("iter_3.pth")
    with pytest.raises(StepKilled, match="can't go on from its checkpoint"):
        await run_training(job, await pipeline.run(), plan)
    assert not plan.work.exists() and not (plan.out / PLAN).exists()


def test_a_plan_names_its_template_and_one_of_an_earlier_version_has_the_old_one(pipeline):
    plan = plan_for(pipeline.model, check_base(pipeline.model), pipeline.place.directory, pipeline.settings())
    plan.write()
    assert TrainingPlan.load(plan.out) == plan and plan.template == "internlm2-chat"
    stored = json.loads((plan.out / PLAN).read_text(encoding="utf-8"))
    del stored["template"]
    (plan.out / PLAN).write_text(json.dumps(stored), encoding="utf-8")
    assert TrainingPlan.load(plan.out).template == OLD_TEMPLATE


async def test_a_run_under_way_keeps_its_files(pipeline):
    run = await runs.advance(pipeline.database, await pipeline.run(), "exporting", model_name="run-1")
    await runs.advance(pipeline.database, run, "training")
    for path in (
        pipeline.place.models / "run-1",
        pipeline.place.models / ".run-1.part",
        pipeline.place.directory / "xtuner",
    ):
        path.mkdir(parents=True)
    await cleanup.clean_up(pipeline.database, pipeline.settings(RETRAIN_KEEP_RUNS=1))
    assert (pipeline.place.models / "run-1").is_dir() and (pipeline.place.models / ".run-1.part").is_dir()
    assert (pipeline.place.directory / "xtuner").is_dir()


def test_an_adapters_size_is_told_from_the_bases_shapes():
    """InternVL2-2B at rank 128 has an adapter of 577 MB (measured); its shapes alone, without weights."""

    def tensor(*shape):
        return SimpleNamespace(values=np.broadcast_to(np.float32(0), shape))

    layer = {
        "attention.wqkv": (4096, 2048),
        "attention.wo": (2048, 2048),
        "feed_forward.w1": (8192, 2048),
        "feed_forward.w2": (2048, 8192),
        "feed_forward.w3": (8192, 2048),
    }
    tensors = {
        f"language_model.model.layers.{number}.{name}.weight": tensor(*shape)
        for number in range(24)
        for name, shape in layer.items()
    }
    tensors |= {
        "language_model.output.weight": tensor(92553, 2048),
        "language_model.model.tok_embeddings.weight": tensor(92553, 2048),
        "mlp1.1.weight": tensor(2048, 4096),
        "mlp1.3.weight": tensor(2048, 2048),
        "vision_model.x.weight": tensor(1024, 1024),
    }
    assert resources.trained_bytes(BaseCheckpoint(None, {"model.safetensors": tensors}), 128) == pytest.approx(
        577e6, rel=0.06
    )


def test_too_little_memory_is_said(pipeline, model):
    with pytest.raises(resources.InsufficientResources, match="of memory, the reserve included"):
        resources.check_memory(BaseCheckpoint.open(model), RetrainSettings(memory_reserve_gb=10**6))
    resources.check_disk(
        pipeline.memory.root,
        BaseCheckpoint.open(model),
        TrainingSettings(lora_rank=8),
        RetrainSettings(disk_reserve_gb=0),
    )
    resources.check_memory(BaseCheckpoint.open(model), RetrainSettings(memory_reserve_gb=0))
