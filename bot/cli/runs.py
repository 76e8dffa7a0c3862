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
from storage.learning.run_files import gallery_of
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
        one = await runs.get_run(database, arguments.run)
        said = {
            "training": training(progress_of(one, settings)),
            "trial": trial(await get_trial_of_run(database, one.id), settings.canary.ratings),
        }
        console.print(details(one, await runs.list_states(database, one.id), said, await names(database)))


async def names(database: Database) -> dict[int, str]:
    return {model.id: f"{model.id} ({model.name})" for model in await models.all_models(database)}


def listing(latest: list[Run]) -> Any:
    """A table of runs, newest first, or a note that there are none."""
    from rich.table import Table

    if not latest:
        return "There were no runs yet; `jokebot retrain` or /retrain begins one."
    table = Table(box=None, header_style="bold")
    for title in ("run", "began", "by", "state", "model", "why"):
        table.add_column(title, overflow="fold")
    for one in latest:
        table.add_row(
            str(one.id),
            clock(one.created_at),
            one.started_by,
            coloured(one.state),
            "" if one.candidate_id is None else str(one.candidate_id),
            plain(one.reason),
        )
    return table


def details(one: Run, timeline: list[tuple[str, float]], said: dict[str, str], known: dict[int, str]) -> Any:
    """A run with all its data; `said` are further lines by title."""
    from rich.table import Table

    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    ends = [at for _, at in timeline[1:]] + [one.finished_at or time.time()]
    table.add_row(f"run {one.id}", coloured(one.state))
    for title, value in (
        ("why", one.reason),
        ("by", one.started_by),
        ("dataset", (one.dataset or one.given_dataset or "")[:12]),
        ("starts from", known.get(one.start_id, "")),
        ("beside", known.get(one.champion_id, "")),
        ("model", known.get(one.candidate_id, "")),
        *said.items(),
    ):
        if value:
            table.add_row(title, plain(value))
    for (state, at), end in zip(timeline, ends, strict=True):
        table.add_row(state, f"{clock(at)}  {'' if state in runs.FINISHED else lasted(end - at)}")
    for name, value in one.judged.get("measures", {}).items():
        table.add_row(name, plain(measure(value)))
    for item in gallery_of(one.judged):
        table.add_row(Path(item.photo).stem[:12], plain(f"{item.champion}\n→ {item.candidate}"))
    return table


def measure(value: Any) -> str:
    """A gate measurement in one line: champion → candidate, if it has both."""
    if isinstance(value, float):
        return f"{value:.3g}"
    if value is None:
        return "–"
    if not isinstance(value, dict):
        return str(value)
    if value.keys() >= {"champion", "candidate"}:
        return f"{measure(value['champion'])} → {measure(value['candidate'])}"
    return ", ".join(f"{name} {measure(part)}" for name, part in value.items())


def progress_of(one: Run, settings: Settings) -> dict[str, Any]:
    from storage.learning.run_files import read_progress

    return read_progress(settings.storage.runs / str(one.id))


def training(progress: dict[str, Any]) -> str:
    """The training's progress as text; empty before it starts."""
    if not progress.get("steps"):
        return ""
    left = f", {lasted(progress['eta_s'])} left" if progress.get("state") == "running" and progress.get("eta_s") else ""
    loss = f", loss {progress['loss']:.3g}" if progress.get("loss") is not None else ""
    return f"step {progress.get('step', 0)} of {progress['steps']}{loss}{left}"


def trial(one: TrialRecord | None, most: int) -> str:
    """The ratings of a trial as text; empty before the first."""
    seen = json.loads(one.measures) if one else {}
    arms = [(name, seen.get(name) or {}) for name in ("champion", "candidate")]
    if not all(arm.get("ratings") for _, arm in arms):
        return ""
    shares = ", ".join(f"{name} {arm['likes'] / arm['ratings']:.0%} liked" for name, arm in arms)
    return f"{sum(arm['ratings'] for _, arm in arms)} of {most:,} ratings: {shares}"


def coloured(state: str) -> Any:
    from rich.text import Text

    return Text(state, style=COLOURS.get(state, "cyan"))


def plain(text: str) -> Any:
    """Text with rich's markup escaped."""
    from rich.text import Text

    return Text(text)


def clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def lasted(seconds: float) -> str:
    """A duration as text."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
