"""`jokebot runs`: list runs, or show one."""

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

from configs.settings import Settings
from storage.database import Database
from storage.learning import models, runs
from storage.learning.run_files import TrainingProgress, gallery_of
from storage.learning.runs import Run
from storage.learning.trials import TrialRecord, get_trial_of_run

HELP = "list the runs, or show one with its steps and results"
ENVIRONMENT = "bot"
COLOURS = {"promoted": "green", "failed": "red", "rejected": "yellow", "undecided": "yellow", "cancelled": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=int, nargs="?", metavar="RUN", help="number of the run (default: list the latest)")
    parser.add_argument("--last", type=int, default=20, metavar="N", help="number of runs to list (default: 20)")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from rich.console import Console

    asyncio.run(show(arguments, settings, Console()))
    return 0


async def show(arguments: argparse.Namespace, settings: Settings, console: Any) -> None:
    """Print one run, or the latest ones. Raises RunError for an unknown number."""
    async with Database.connect(settings.storage) as database:
        if arguments.run is None:
            console.print(listing(await runs.list_runs(database, arguments.last)))
            return
        run = await runs.get_run(database, arguments.run)
        progress = {
            "training": format_training(read_run_progress(run, settings)),
            "trial": format_trial(await get_trial_of_run(database, run.id), settings.canary.max_ratings),
        }
        console.print(details(run, await runs.list_states(database, run.id), progress, await model_names(database)))


async def model_names(database: Database) -> dict[int, str]:
    return {model.id: f"{model.id} ({model.name})" for model in await models.all_models(database)}


def listing(latest: list[Run]) -> Any:
    """A table of runs, newest first, or a note that there are none."""
    from rich.table import Table

    if not latest:
        return "There were no runs yet; `jokebot retrain` or /retrain starts one."
    table = Table(box=None, header_style="bold")
    for title in ("run", "began", "by", "state", "model", "why"):
        table.add_column(title, overflow="fold")
    for run in latest:
        table.add_row(
            str(run.id),
            format_time(run.created_at),
            run.started_by,
            coloured(run.state),
            "" if run.candidate_id is None else str(run.candidate_id),
            literal(run.reason),
        )
    return table


def details(run: Run, timeline: list[tuple[str, float]], progress: dict[str, str], names: dict[int, str]) -> Any:
    """A table of a run's data. `progress` holds further lines by title, `names` the names by model id."""
    from rich.table import Table

    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    ends = [at for _, at in timeline[1:]] + [run.finished_at or time.time()]
    table.add_row(f"run {run.id}", coloured(run.state))
    for title, value in (
        ("why", run.reason),
        ("by", run.started_by),
        ("dataset", (run.dataset or run.given_dataset or "")[:12]),
        ("starts from", names.get(run.start_id or 0, "")),
        ("beside", names.get(run.champion_id or 0, "")),
        ("model", names.get(run.candidate_id or 0, "")),
        *progress.items(),
    ):
        if value:
            table.add_row(title, literal(value))
    for (state, at), end in zip(timeline, ends, strict=True):
        table.add_row(state, f"{format_time(at)}  {'' if state in runs.FINISHED else format_duration(end - at)}")
    for name, value in run.judged.get("measures", {}).items():
        table.add_row(name, literal(format_measure(value)))
    for item in gallery_of(run.judged):
        table.add_row(Path(item.photo).stem[:12], literal(f"{item.champion}\n→ {item.candidate}"))
    return table


def format_measure(value: Any) -> str:
    """A measure of the gate in one line: champion → candidate, if it has both."""
    if isinstance(value, float):
        return f"{value:.3g}"
    if value is None:
        return "–"
    if not isinstance(value, dict):
        return str(value)
    if value.keys() >= {"champion", "candidate"}:
        return f"{format_measure(value['champion'])} → {format_measure(value['candidate'])}"
    return ", ".join(f"{name} {format_measure(part)}" for name, part in value.items())


def read_run_progress(run: Run, settings: Settings) -> TrainingProgress:
    from storage.learning.run_files import read_progress

    return read_progress(settings.storage.runs / str(run.id))


def format_training(progress: TrainingProgress) -> str:
    """The training's progress as text; empty before it starts."""
    if not progress.get("steps"):
        return ""
    running = progress.get("state") == "running" and progress.get("eta_s")
    left = f", {format_duration(progress['eta_s'])} left" if running else ""
    loss = f", loss {progress['loss']:.3g}" if progress.get("loss") is not None else ""
    return f"step {progress.get('step', 0)} of {progress['steps']}{loss}{left}"


def format_trial(record: TrialRecord | None, max_ratings: int) -> str:
    """The ratings of a trial as text; empty before the first."""
    measures = json.loads(record.measures) if record else {}
    variants = [(name, measures.get(name) or {}) for name in ("champion", "candidate")]
    if not all(counts.get("ratings") for _, counts in variants):
        return ""
    shares = ", ".join(f"{name} {counts['likes'] / counts['ratings']:.0%} liked" for name, counts in variants)
    return f"{sum(counts['ratings'] for _, counts in variants)} of {max_ratings:,} ratings: {shares}"


def coloured(state: str) -> Any:
    from rich.text import Text

    return Text(state, style=COLOURS.get(state, "cyan"))


def literal(text: str) -> Any:
    """Text that rich prints as it is, without reading markup."""
    from rich.text import Text

    return Text(text)


def format_time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def format_duration(seconds: float) -> str:
    """A duration as text."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
