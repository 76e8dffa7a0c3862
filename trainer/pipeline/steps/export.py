"""The steps queued and exporting: the new model's name, the model to start from, the dataset."""

import asyncio
import shutil

from configs.blocklist import BlockList
from storage.learning import datasets, models, promotion, runs, tainted_models
from storage.learning.dataset_files import DatasetError
from storage.learning.models import Model
from storage.learning.reasons import EndReason
from storage.learning.runs import Run
from trainer.dataset.export import DatasetExporter, NothingToLearnError
from trainer.dataset.token_budget import load_token_budget
from trainer.judge.versions import load_serving_judge
from trainer.pipeline.run_context import RunContext


async def begin_run(context: RunContext, run: Run) -> Run:
    """queued → exporting. Files in the run's folder belong to another run (a restored backup reuses run ids)."""
    await context.check(run)
    context.workspace.clear()
    return await runs.advance(context.database, run, "exporting", model_name=await free_name(context, run))


async def free_name(context: RunContext, run: Run) -> str:
    """A name without a model or directory: run-7, or run-7-2 if the run was restarted."""
    taken = {model.name for model in await models.all_models(context.database)}
    names = (f"run-{run.id}" if number == 1 else f"run-{run.id}-{number}" for number in range(1, 1000))
    return next(name for name in names if name not in taken and not (context.workspace.models / name).exists())


async def export(context: RunContext, run: Run) -> Run:
    """exporting → training, or undecided if there are too few new jokes."""
    await context.check(run)
    champion = await context.champion()
    start = await start_model(context, champion)
    context.workspace.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if run.given_dataset:
        dataset = (await datasets.get_dataset(context.database, run.given_dataset)).name
        if not (context.settings.storage.datasets / dataset).is_dir():
            raise DatasetError(
                f"The files of dataset {dataset[:12]} are missing. Import it again.",
                code="dataset-gone",
                dataset=dataset[:12],
            )
    else:
        try:
            dataset = await new_dataset(context, run, start)
        except NothingToLearnError as error:
            return await runs.advance(context.database, run, "undecided", reason=error)
    return await runs.advance(
        context.database, run, "training", dataset=dataset, champion_id=champion.id, start_id=start.id
    )


async def start_model(context: RunContext, champion: Model) -> Model:
    """The model whose weights a run starts from.

    A tainted champion is never the start, whatever the setting.
    """
    if champion.base_id is None:
        return champion
    tainted = {model.id for model in await tainted_models.list_tainted_models(context.database)}
    if context.settings.retrain.start_from == "champion" and champion.id not in tainted:
        return champion
    return await models.get_model(context.database, champion.base_id)


async def new_dataset(context: RunContext, run: Run, start: Model) -> str:
    """Export a dataset and return its name. Raises NothingToLearnError, DatasetError, ModelDirectoryError."""
    settings, storage = context.settings, context.settings.storage
    budget = await asyncio.to_thread(load_token_budget, await context.directory(start), settings.selection.max_length)
    exporter = DatasetExporter(
        context.database,
        storage.photos,
        storage.datasets,
        settings.selection,
        budget,
        settings.retrain.min_pairs,
        replay_all=start.is_base,
        blocked=BlockList.of(settings.safety),
        judge=await load_serving_judge(context.database, storage.judges),
    )
    exported = await exporter.export()
    name = exported.directory.name
    earlier = await runs.get_concluded_run(context.database, name)
    if earlier and run.started_by in ("schedule", "pairs"):
        raise NothingToLearnError(
            f"Nothing has changed since run {earlier.id}, which trained on the same pairs and was {earlier.state}. "
            "More ratings will help.",
            code="unchanged",
            run=earlier.id,
            state=earlier.state,
        )
    return name


async def restart_from_export(context: RunContext, run: Run, limit: int = 3) -> Run:
    """Go back to exporting after a user with rows in the dataset was forgotten.

    All artifacts made from these rows are removed first, so that an interruption does no harm. A run with a given
    dataset fails, because that can't be exported again; so does a run that was restarted `limit` times.
    """
    if run.given_dataset or run.restarts >= limit:
        why = (
            "the dataset it was given holds rows of a person"
            if run.given_dataset
            else f"it began again {run.restarts} times, for people"
        )
        reason = EndReason(
            f"It ends here: {why} who asked to be forgotten since.",
            "forgotten-given" if run.given_dataset else "forgotten-often",
            {"times": run.restarts},
        )
        return await promotion.end_run(context.database, run, "failed", reason)
    if run.candidate_id:
        await models.retire_model(context.database, run.candidate_id, "retired", tainted_models.FORGOTTEN_DATA)
        await models.mark_files_removed(context.database, run.candidate_id)
    if run.model_name:
        await asyncio.to_thread(shutil.rmtree, context.workspace.models / run.model_name, ignore_errors=True)
    await asyncio.to_thread(context.workspace.clear)
    return await runs.advance(
        context.database,
        run,
        "exporting",
        dataset=None,
        candidate_id=None,
        model_name=await free_name(context, run),
        restarts=run.restarts + 1,
    )
