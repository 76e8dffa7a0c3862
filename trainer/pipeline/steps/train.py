"""The steps training, which makes an adapter, and merging, which makes and registers a model directory."""

import asyncio
import json
import shutil
from pathlib import Path

from storage.checkpoint.identity import fingerprint_content
from storage.checkpoint.template import template_of
from storage.learning import dataset_files, datasets, models, promotion, runs
from storage.learning.dataset_files import DatasetError
from storage.learning.model_files import model_digest
from storage.learning.models import Model, NewModel
from storage.learning.run_files import PLAN, read_progress
from storage.learning.runs import Run, require
from trainer.merge.adapter import ABOUT
from trainer.merge.base_model import BaseCheckpoint
from trainer.pipeline import resources
from trainer.pipeline.launcher import TrainingLauncher
from trainer.pipeline.run_context import RunContext, TrainingDataErased
from trainer.pipeline.step_process import StepFailed, StepKilled
from trainer.xtuner.entry import check_base, plan_for
from trainer.xtuner.plan import TrainingPlan


async def train(context: RunContext, run: Run) -> Run:
    """training → merging. The datasets' lock is held, so that no row is erased during the training."""
    async with dataset_files.lock(context.settings.storage.datasets):
        try:
            await datasets.mark_dataset(context.database, require(run.dataset), "trained")
        except DatasetError as error:
            # A user was forgotten since the export, and the dataset was rewritten under another name.
            raise TrainingDataErased from error
        await context.check(run)
        plan = await load_or_make_plan(context, run)
        if not context.workspace.adapter.exists():
            await run_training(context, run, plan)
        await context.check(run)
    return await runs.advance(context.database, run, "merging")


async def load_or_make_plan(context: RunContext, run: Run) -> TrainingPlan:
    """The run's plan. A stored plan with the same dataset and start is used, even if the settings have changed."""
    base = await context.directory(await models.get_model(context.database, require(run.start_id)))
    dataset = (context.settings.storage.datasets / require(run.dataset)).resolve()
    try:
        plan = TrainingPlan.load(context.workspace.directory)
        # A finished training without an adapter belongs to another run, from before a backup was restored.
        done = read_progress(plan.out).get("state") == "done" and not context.workspace.adapter.exists()
        if (plan.dataset, plan.base) == (dataset, base) and not done:
            return plan
    except (OSError, ValueError, KeyError):
        pass
    checkpoint = check_base(base)
    await asyncio.to_thread(check_resources, context, base)
    context.workspace.clear()
    plan = plan_for(dataset, checkpoint, context.workspace.directory, context.settings)
    plan.write()
    return plan


def check_resources(context: RunContext, directory: Path) -> None:
    """Check disk space and memory. Raises InsufficientResources."""
    base, settings = BaseCheckpoint.open(directory), context.settings
    resources.check_disk(context.settings.storage.directory, base, settings.training, settings.retrain)
    resources.check_memory(base, settings.retrain)


async def run_training(context: RunContext, run: Run, plan: TrainingPlan) -> None:
    """Run, or resume, the training as a child process, or elsewhere by the launcher in the settings.

    Raises the exceptions of `RunContext.run_step`, with the reason from progress.json.
    """
    resumed = (plan.work / "last_checkpoint").exists()
    template = context.settings.training.launcher
    try:
        if template:
            await TrainingLauncher(template).run(context, run, plan)
        else:
            await context.run_step(run, "training", "trainer.xtuner.entry", plan.out)
    except StepFailed as error:
        progress = read_progress(plan.out)
        if resumed and progress.get("reason") == "crash":
            # The checkpoint may be damaged: the next attempt begins at the first step.
            await asyncio.to_thread(shutil.rmtree, plan.work, ignore_errors=True)
            (plan.out / PLAN).unlink()
            raise StepKilled(
                f"The training can't go on from its checkpoint: {error}", code="checkpoint", what=str(error)
            ) from error
        if (message := progress.get("message")) and progress.get("reason"):
            raise StepFailed(message, code=f"training-{progress['reason']}", what=message) from error
        raise


async def merge(context: RunContext, run: Run) -> Run:
    """merging → judging: make a model directory, renamed when complete, and register it."""
    await context.check(run)
    start = await models.get_model(context.database, require(run.start_id))
    out = context.workspace.models / require(run.model_name)
    if not out.is_dir():
        out.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        await context.run_step(
            run,
            "merging",
            "trainer.merge",
            context.workspace.directory,
            "--base",
            await context.directory(start),
            "--out",
            out,
            "--sync",
        )
    await context.check(run)
    new = await asyncio.to_thread(new_model, context, run, start, out)
    return await promotion.record_merge(context.database, run, new)


def new_model(context: RunContext, run: Run, start: Model, out: Path) -> NewModel:
    """The registry's entry for a run's model. Reads all its files."""
    about = json.loads((context.workspace.directory / ABOUT).read_text(encoding="utf-8"))
    return NewModel(
        name=require(run.model_name),
        parent_id=require(run.champion_id),
        base_id=start.base_id or start.id,
        start_id=start.id,
        dataset=require(run.dataset),
        run_id=run.id,
        directory=str(out),
        digest=model_digest(out),
        measures=json.dumps({"training": about["measures"]}),
        template=template_of(out),
        content=fingerprint_content(out),
    )
