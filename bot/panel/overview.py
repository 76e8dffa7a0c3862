"""The current state on the admin pages: the run, the models in service, the queue, the engine and the disk."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.engine.fair_queue import FairQueue
from bot.engine.router import ServedModel
from bot.engine.servers.base import ModelServers
from bot.i18n.localizer import Localizer
from bot.retraining.run_progress import RunProgressReader, describe_progress, read_losses
from storage.chat.metrics import count_pending_updates
from storage.database import Database
from storage.learning import runs
from storage.learning.runs import STEPS, Run

MAX_POINTS = 240
"""The maximum of points in a loss curve; a longer curve is averaged."""
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
LOW_DISK_SHARE = 0.05


class PanelOverview:
    """Reads the current state: a few short queries and the run's files. `folder` is the data folder."""

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
        """The state as JSON: the current run or None, the models in service, the health, the servers, the pause."""
        run, paused = await runs.current_run(self._database), self._servers.paused
        return {
            "run": await self._current_run(localize, run) if run else None,
            "service": self._service(),
            "health": await self._health(localize),
            "servers": self._server_list(localize),
            "paused": localize(f"panel-paused-{paused}") if paused else "",
        }

    async def _current_run(self, localize: Localizer, run: Run) -> dict[str, Any]:
        """The current run: its steps, the progress of the current step, the losses so far."""
        progress, losses = (
            await self._progress.read(run),
            await asyncio.to_thread(read_losses, self._progress.run_folder(run)),
        )
        counted, note = describe_progress(run, progress, localize)
        current = STEPS.index(run.state) if run.state in STEPS else len(STEPS)
        steps = [
            {
                "label": localize(f"run-state-{name}"),
                "state": "done" if number < current else "now" if number == current else "todo",
            }
            for number, name in enumerate((*STEPS, "canary"))
        ]
        return {
            "id": run.id,
            "state": run.state,
            "label": localize(f"run-state-{run.state}"),
            "steps": steps,
            "share": progress.share if progress.total else None,
            "counted": counted or note,
            "left": note if counted else "",
            "stopping": localize("run-stopping") if run.cancel_at else "",
            "began": run.created_at,
            "by": localize(f"panel-by-{run.started_by}"),
            "losses": thinned(losses),
        }

    def _service(self) -> list[dict[str, Any]]:
        """The models that answer photos now, with their shares of the deliveries."""
        router = self._servers.router

        def entry(served: ServedModel, share: float, status: str) -> dict[str, Any]:
            return {"id": served.model.id, "name": served.model.name, "share": share, "status": status}

        canary = [entry(router.canary, router.share, "canary")] if router.canary else []
        return [entry(router.champion, 1 - router.share, "champion"), *canary]

    async def _health(self, localize: Localizer) -> list[dict[str, str]]:
        queue, pending, ready = self._queue, await count_pending_updates(self._database), await self._servers.ready()
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
                "tone": "bad" if disk.free < LOW_DISK_SHARE * disk.total else "",
            },
        ]

    def _server_list(self, localize: Localizer) -> list[dict[str, Any]]:
        return [
            {
                "name": server.name,
                "model": f"{server.model} ({server.model_id})",
                "state": localize(f"panel-server-{server.state}"),
                "tone": TONES.get(server.state, ""),
                "says": server.details,
                "outstanding": server.outstanding,
                "restarts": localize("panel-restarts", restarts=server.restarts) if server.restarts else "",
            }
            for server in self._servers.status()
        ]


def thinned(losses: Sequence[float], max_points: int = MAX_POINTS) -> list[list[float]]:
    """The curve as [step, loss] with at most `max_points` points, each the mean over equally many steps."""
    width = max(1, -(-len(losses) // max_points))
    parts = [(start, losses[start : start + width]) for start in range(0, len(losses), width)]
    return [[start + (len(part) + 1) / 2, round(sum(part) / len(part), 5)] for start, part in parts]
