"""What goes on just now: the run under way, who answers, and how the queue, the engine and the disk are."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.engine.fair_queue import FairQueue
from bot.engine.router import ServedModel
from bot.engine.servers.base import ModelServers
from bot.i18n.localizer import Localizer
from bot.retraining.run_progress import RunProgress, RunProgressReader, read_losses
from storage.chat.metrics import inbox_pending
from storage.database import Database
from storage.learning import runs
from storage.learning.runs import STEPS, Run

POINTS = 240
"""A loss curve has at most so many points; a longer one is averaged."""
TONES = {
    "ready": "good",
    "given": "good",
    "asleep": "open",
    "starting": "open",
    "checking": "open",
    "restarting": "bad",
    "ended": "bad",
    "draining": "open",
}
LITTLE_DISK = 0.05


class PanelOverview:
    """The part of the picture that is read anew each time: a few short queries, and the run's files.

    The data is in `folder`.
    """

    def __init__(
        self, database: Database, servers: ModelServers, queue: FairQueue, progress: RunProgressReader, folder: Path
    ) -> None:
        self._database, self._servers, self._queue, self._progress, self._folder = (
            database,
            servers,
            queue,
            progress,
            folder,
        )

    async def read(self, localize: Localizer) -> dict[str, Any]:
        """As JSON: the run under way or None, who answers, how all is, the servers, and why they pause or ""."""
        run, paused = await runs.current_run(self._database), self._servers.paused
        return {
            "run": await self._under_way(localize, run) if run else None,
            "service": self._service(),
            "health": await self._health(localize),
            "servers": self._servers_shown(localize),
            "paused": localize(f"panel-paused-{paused}") if paused else "",
        }

    async def _under_way(self, localize: Localizer, run: Run) -> dict[str, Any]:
        """A run that goes on: its steps, how far the present one is, its losses so far."""
        progress, losses = (
            await self._progress.read(run),
            await asyncio.to_thread(read_losses, self._progress.run_folder(run)),
        )
        place = STEPS.index(run.state) if run.state in STEPS else len(STEPS)
        steps = [
            {
                "label": localize(f"run-state-{name}"),
                "state": "done" if number < place else "now" if number == place else "todo",
            }
            for number, name in enumerate((*STEPS, "canary"))
        ]
        return {
            "id": run.id,
            "state": run.state,
            "label": localize(f"run-state-{run.state}"),
            "steps": steps,
            "share": progress.share if progress.of else None,
            "counted": _counted(localize, run, progress),
            "left": localize("run-left", time=localize.duration(progress.eta_s)) if progress.eta_s else "",
            "stopping": localize("run-stopping") if run.cancel_at else "",
            "began": run.created_at,
            "by": localize(f"panel-by-{run.started_by}"),
            "losses": thinned(losses),
        }

    def _service(self) -> list[dict[str, Any]]:
        """Who answers photos now, and which share of them."""
        router = self._servers.router

        def arm(one: ServedModel, share: float, status: str) -> dict[str, Any]:
            return {"id": one.model.id, "name": one.model.name, "share": share, "status": status}

        canary = [arm(router.canary, router.share, "canary")] if router.canary else []
        return [arm(router.champion, 1 - router.share, "champion"), *canary]

    async def _health(self, localize: Localizer) -> list[dict[str, str]]:
        queue, pending, ready = self._queue, await inbox_pending(self._database), await self._servers.ready()
        disk = await asyncio.to_thread(shutil.disk_usage, self._folder)
        return [
            {
                "label": localize("panel-engine"),
                "value": localize("panel-engine-up" if ready else "panel-engine-down"),
                "tone": "good" if ready else "bad",
            },
            {
                "label": localize("panel-waiting"),
                "value": localize.number(queue.waiting),
                "tone": "open" if queue.waiting else "",
            },
            {"label": localize("panel-in-flight"), "value": localize.number(queue.in_flight), "tone": ""},
            {"label": localize("panel-inbox"), "value": localize.number(pending), "tone": ""},
            {
                "label": localize("panel-disk"),
                "value": localize("panel-gigabytes", free=round(disk.free / 1e9)),
                "tone": "bad" if disk.free < LITTLE_DISK * disk.total else "",
            },
        ]

    def _servers_shown(self, localize: Localizer) -> list[dict[str, Any]]:
        return [
            {
                "name": one.name,
                "model": f"{one.model_id} {one.model}",
                "state": localize(f"panel-server-{one.state}"),
                "tone": TONES.get(one.state, ""),
                "says": one.details,
                "outstanding": one.outstanding,
                "restarts": localize("panel-restarts", restarts=one.restarts) if one.restarts else "",
            }
            for one in self._servers.status()
        ]


def _counted(localize: Localizer, run: Run, progress: RunProgress) -> str:
    """What is counted in this step, else what it does."""
    if not progress.of:
        return localize(f"run-doing-{run.state}")
    match run.state:
        case "training" if progress.loss is not None:
            return localize("run-step", done=progress.done, of=progress.of, loss=f"{progress.loss:.3g}")
        case "judging":
            return localize("run-answers", done=progress.done, of=progress.of)
        case "canary":
            return localize("run-ratings", done=progress.done, of=progress.of)
        case _:
            return localize(f"run-doing-{run.state}")


def thinned(losses: Sequence[float], most: int = POINTS) -> list[list[float]]:
    """The curve as [step, loss] with at most `most` points, each the mean of as many steps as the others."""
    width = max(1, -(-len(losses) // most))
    parts = [(start, losses[start : start + width]) for start in range(0, len(losses), width)]
    return [[start + (len(part) + 1) / 2, round(sum(part) / len(part), 5)] for start, part in parts]
