"""What was: runs with their outcome, the models there are, and what people thought of their jokes."""

import asyncio
import dataclasses
from typing import Any

from bot.i18n.formatting import MINUTE_S
from bot.i18n.localizer import Localizer
from bot.i18n.reasons import reason_text
from bot.panel.overview import thinned
from bot.retraining.evaluation_summary import EvaluationSummary, rows
from bot.retraining.run_progress import read_losses
from bot.retraining.run_report import has_picture
from configs.settings import Settings
from storage.chat import daily_history, recent_ratings
from storage.chat.metrics import ratings_by_model
from storage.database import Database
from storage.learning import models, promotion, runs, trials
from storage.learning.models import Model
from storage.learning.run_files import gallery_of
from storage.learning.runs import Run

RUNS, DAYS, RECENT = 30, 30, 24
"""Most runs, days and lately rated jokes on the page."""
VERDICTS = {"funny": 3, "somewhat": 2, "unfunny": 1}
OUTCOMES = {"promoted": "good", "rejected": "bad", "failed": "bad", "undecided": "open", "cancelled": "open"}


async def past(database: Database, say: Localizer) -> dict[str, Any]:
    """The part of the picture that reads all ratings, through a connection of its own."""
    async with database.separate_reader() as beside:
        days, latest = await daily_history.days(beside, DAYS), await recent_ratings.last_rated(beside, RECENT)
        return {
            "runs": [run_line(say, run) for run in await runs.history(beside, RUNS) if run.finished],
            "models": await _models(beside, say),
            "back": await _back(beside),
            "by_model": await _verdicts(beside),
            "days": [
                {"at": one.day.isoformat(), "funny": one.funny, "somewhat": one.somewhat, "unfunny": one.unfunny}
                for one in days
            ],
            "recent": [dataclasses.asdict(one) for one in latest],
        }


def run_line(say: Localizer, run: Run) -> dict[str, Any]:
    """A finished run in a list."""
    took = say.duration(run.finished_at - run.created_at) if run.finished_at else ""
    return {
        "id": run.id,
        "state": run.state,
        "label": say(f"run-state-{run.state}"),
        "tone": OUTCOMES.get(run.state, "open"),
        "began": run.created_at,
        "took": took,
        "by": say(f"panel-by-{run.started_by}"),
        "model": run.candidate_id,
        "why": reason_text(say.translator, say.language, run.why) if run.reason else "",
    }


async def run_details(database: Database, settings: Settings, say: Localizer, run: Run) -> dict[str, Any]:
    """All about a run: the measures side by side, how long each step took, the losses, what both models said to the
    same photos.

    `said` names a photo by its place in the verdict's gallery.
    """
    trial, times = await trials.trial_of_run(database, run.id), await runs.timeline(database, run.id)
    ends = [*(at for _, at in times[1:]), run.finished_at or times[-1][1]] if times else []
    steps = [
        {"label": say(f"run-state-{state}"), "seconds": max(0.0, end - at), "took": _took(say, end - at)}
        for (state, at), end in zip(times, ends, strict=True)
        if state not in runs.FINISHED
    ]
    dataset = settings.storage.datasets / (run.dataset or "-")
    verdict, taught = run.judged, await asyncio.to_thread(rows, dataset)
    measured = EvaluationSummary(say, settings.gate)
    said = [
        {"photo": number, "old": item.champion, "new": item.candidate}
        for number, item in enumerate(gallery_of(verdict))
    ]
    return {
        **run_line(say, run),
        "steps": steps,
        "measures": [dataclasses.asdict(one) for one in measured.all(verdict, trial)],
        "taught": say("panel-taught", rows=taught) if taught else "",
        "said": sorted(said, key=lambda one: one["old"] == one["new"]),
        "losses": thinned(await asyncio.to_thread(read_losses, settings.storage.runs / str(run.id))),
        "picture": has_picture(run),
    }


def _took(say: Localizer, seconds: float) -> str:
    """A step may be over in seconds, which `duration` would call a minute."""
    return say("status-seconds", seconds=max(1, round(seconds))) if seconds < MINUTE_S else say.duration(seconds)


async def _models(database: Database, say: Localizer) -> list[dict[str, Any]]:
    known = await models.all_models(database)
    liked = {one.model_id: one for one in await daily_history.liked_by_model(database, len(known))}
    told, barred = (
        await recent_ratings.jokes_by_model(database),
        {one.id for one in await promotion.saw_forgotten(database)},
    )
    run = await runs.current_run(database)
    if run and run.state == "judging":
        barred.add(run.candidate_id or 0)
    ended = {one.id: one for one in await runs.history(database, RUNS) if one.finished and one.reason}
    names = {one.id: f"{one.id} {one.name}" for one in known}

    def line(model: Model) -> dict[str, Any]:
        one = liked.get(model.id)
        low, high = daily_history.wilson(one.liked, one.ratings) if one else (0.0, 1.0)
        may = model.status in promotion.MAY_SERVE and not model.removed_at and model.id not in barred
        return {
            "id": model.id,
            "name": model.name,
            "status": model.status,
            "label": say(f"model-status-{model.status}"),
            "made": model.created_at,
            "parent": names.get(model.parent_id or 0, ""),
            "start": names.get(model.start_id or 0, ""),
            "run": model.run_id,
            "jokes": told.get(model.id, 0),
            "liked": one.liked / one.ratings if one else None,
            "low": low,
            "high": high,
            "ratings": one.ratings if one else 0,
            "counted": say("measure-ratings", ratings=one.ratings) if one else "",
            "why": reason_text(say.translator, say.language, ended[model.run_id].why) if model.run_id in ended else "",
            "may": may,
            "gone": bool(model.removed_at),
        }

    return [line(model) for model in reversed(known)]


async def _verdicts(database: Database) -> list[dict[str, Any]]:
    """How many ratings of each value each model's jokes have now, the newest model first."""
    counted = await ratings_by_model(database)
    return [
        {
            "model": f"{model.id} {model.name}",
            **{name: counted.get((model.name, value), 0) for name, value in VERDICTS.items()},
        }
        for model in reversed(await models.all_models(database))
        if any((model.name, value) in counted for value in VERDICTS.values())
    ]


async def _back(database: Database) -> str:
    """The model that a step back would put into service, or ""."""
    before = await promotion.previous_champion(database)
    return f"{before.id} {before.name}" if before else ""
