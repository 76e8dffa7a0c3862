"""The history on the admin pages: finished runs, the models, and users' ratings."""

import asyncio
import dataclasses
from typing import Any

from bot.i18n.formatting import MINUTE_S
from bot.i18n.localizer import Localizer
from bot.i18n.reasons import reason_text
from bot.panel.overview import thinned
from bot.retraining.evaluation_summary import EvaluationSummary, count_training_rows
from bot.retraining.run_progress import read_losses
from bot.retraining.run_report import has_picture
from configs.settings import Settings
from storage.chat import daily_history, recent_ratings
from storage.chat.metrics import count_ratings_by_model
from storage.chat.round_wins import ModelWinRate, read_win_rates
from storage.database import Database
from storage.learning import models, promotion, runs, tainted_models, trials
from storage.learning.models import Model
from storage.learning.run_files import gallery_of
from storage.learning.runs import Run

MAX_RUNS, MAX_DAYS, MAX_RECENT = 30, 30, 24
"""The maximum of runs, days and recently rated jokes on the page."""
VERDICTS = {"funny": 3, "somewhat": 2, "unfunny": 1}
OUTCOMES = {"promoted": "good", "rejected": "bad", "failed": "bad", "undecided": "open", "cancelled": "open"}


async def read_history(database: Database, localize: Localizer) -> dict[str, Any]:
    """The history as JSON. Reads all ratings, through a separate connection."""
    async with database.separate_reader() as reader:
        days, latest = (
            await daily_history.list_days(reader, MAX_DAYS),
            await recent_ratings.list_recently_rated(reader, MAX_RECENT),
        )
        return {
            "runs": [run_line(localize, run) for run in await runs.list_runs(reader, MAX_RUNS) if run.finished],
            "models": await _models(reader, localize),
            "back": await _rollback_target(reader),
            "by_model": await _ratings_by_model(reader),
            "days": [
                {"at": day.day.isoformat(), "funny": day.funny, "somewhat": day.somewhat, "unfunny": day.unfunny}
                for day in days
            ],
            "recent": [dataclasses.asdict(rating) for rating in latest],
        }


def run_line(localize: Localizer, run: Run) -> dict[str, Any]:
    """A finished run's entry in the list."""
    took = localize.duration(run.finished_at - run.created_at) if run.finished_at else ""
    return {
        "id": run.id,
        "state": run.state,
        "label": localize(f"run-state-{run.state}"),
        "tone": OUTCOMES.get(run.state, "open"),
        "began": run.created_at,
        "took": took,
        "by": localize(f"panel-by-{run.started_by}"),
        "model": run.candidate_id,
        "why": reason_text(localize.translator, localize.language, run.why) if run.reason else "",
    }


async def run_details(database: Database, settings: Settings, localize: Localizer, run: Run) -> dict[str, Any]:
    """A run's details: the measures, the duration of each step, the losses, and both models' jokes for each photo.

    In `said`, `photo` is an index into the verdict's gallery.
    """
    trial, times = await trials.get_trial_of_run(database, run.id), await runs.list_states(database, run.id)
    ends = [*(at for _, at in times[1:]), run.finished_at or times[-1][1]] if times else []
    steps = [
        {
            "label": localize(f"run-state-{state}"),
            "seconds": max(0.0, end - at),
            "took": _format_seconds(localize, end - at),
        }
        for (state, at), end in zip(times, ends, strict=True)
        if state not in runs.FINISHED
    ]
    dataset = settings.storage.datasets / (run.dataset or "-")
    verdict, row_count = run.judged, await asyncio.to_thread(count_training_rows, dataset)
    summary = EvaluationSummary(localize, settings.gate)
    jokes = [
        {"photo": number, "old": item.champion, "new": item.candidate}
        for number, item in enumerate(gallery_of(verdict))
    ]
    return {
        **run_line(localize, run),
        "steps": steps,
        "measures": [dataclasses.asdict(row) for row in summary.rows(verdict, trial)],
        "taught": localize("panel-taught", rows=row_count) if row_count else "",
        "said": sorted(jokes, key=lambda pair: pair["old"] == pair["new"]),
        "losses": thinned(await asyncio.to_thread(read_losses, settings.storage.runs / str(run.id))),
        "picture": has_picture(run),
    }


def _format_seconds(localize: Localizer, seconds: float) -> str:
    """A duration in seconds below a minute, which `Localizer.duration` would round up to a minute."""
    return (
        localize("status-seconds", seconds=max(1, round(seconds))) if seconds < MINUTE_S else localize.duration(seconds)
    )


async def _models(database: Database, localize: Localizer) -> list[dict[str, Any]]:
    registered = await models.all_models(database)
    likes = {liked.model_id: liked for liked in await daily_history.list_model_likes(database, len(registered))}
    joke_counts = await recent_ratings.count_jokes_by_model(database)
    barred = {model.id for model in await tainted_models.list_tainted_models(database)}
    run = await runs.current_run(database)
    if run and run.state == "judging":
        barred.add(run.candidate_id or 0)
    ended = {run.id: run for run in await runs.list_runs(database, MAX_RUNS) if run.finished and run.reason}
    names = {model.id: f"{model.name} ({model.id})" for model in registered}
    beaten = {model.model_id: model for model in (await read_win_rates(database)).models}

    def entry(model: Model) -> dict[str, Any]:
        liked = likes.get(model.id)
        low, high = daily_history.wilson_interval(liked.liked, liked.ratings) if liked else (0.0, 1.0)
        may_serve = model.status in promotion.MAY_SERVE and not model.removed_at and model.id not in barred
        return {
            "id": model.id,
            "name": model.name,
            "status": model.status,
            "label": localize(f"model-status-{model.status}"),
            "made": model.created_at,
            "parent": names.get(model.parent_id or 0, ""),
            "start": names.get(model.start_id or 0, ""),
            "run": model.run_id,
            "jokes": joke_counts.get(model.id, 0),
            "liked": liked.liked / liked.ratings if liked else None,
            "low": low,
            "high": high,
            "ratings": liked.ratings if liked else 0,
            "counted": localize("measure-ratings", ratings=liked.ratings) if liked else "",
            "people": _against_people(localize, beaten.get(model.id)),
            "why": reason_text(localize.translator, localize.language, ended[model.run_id].why)
            if model.run_id in ended
            else "",
            "may": may_serve,
            "gone": bool(model.removed_at),
        }

    return [entry(model) for model in reversed(registered)]


def _against_people(localize: Localizer, found: ModelWinRate | None) -> dict[str, Any] | None:
    """A model's share of wins over users' entries in rounds, without numbers where the rounds are too few."""
    if found is None:
        return None
    if found.rate is None:
        return {"liked": None, "counted": localize("panel-beats-few", rounds=found.rounds)}
    rate, counted = found.rate, localize("panel-beats-rounds", rounds=found.rounds)
    return {"liked": rate.share, "low": rate.low, "high": rate.high, "counted": counted}


async def _ratings_by_model(database: Database) -> list[dict[str, Any]]:
    """The number of ratings of each value for each model, the newest model first."""
    counts = await count_ratings_by_model(database)
    return [
        {
            "model": f"{model.name} ({model.id})",
            **{name: counts.get((model.name, value), 0) for name, value in VERDICTS.items()},
        }
        for model in reversed(await models.all_models(database))
        if any((model.name, value) in counts for value in VERDICTS.values())
    ]


async def _rollback_target(database: Database) -> str:
    """The model that a rollback would deploy, or ""."""
    model = await promotion.get_previous_champion(database)
    return f"{model.name} ({model.id})" if model else ""
