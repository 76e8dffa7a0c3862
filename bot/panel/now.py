"""What goes on just now: the run under way, who answers, and how the queue, the engine and the disk are."""
import asyncio
import shutil
from collections.abc import Sequence
from typing import Any

from bot.engine.router import Arm
from bot.i18n.formatting import duration
from bot.loop.news import News
from bot.loop.progress import Progress, read_losses
from bot.panel.speaker import Speaker
from bot.parts import Parts
from storage import runs
from storage.measures import inbox_pending
from storage.runs import STEPS, Run

POINTS = 240
"""A loss curve has at most so many points; a longer one is averaged."""
TONES = {"ready": "good", "given": "good", "asleep": "open", "starting": "open", "checking": "open", "restarting": "bad", "ended": "bad", "draining": "open"}
LITTLE_DISK = 0.05


async def now(parts: Parts, say: Speaker) -> dict[str, Any]:
    """The part of the picture that is read anew each time: a few short queries, and the run's files."""
    run = await runs.current_run(parts.database)
    return {"run": await under_way(parts, say, run) if run else None, "service": _service(parts), "health": await _health(parts, say),
            "servers": _servers(parts, say), "paused": say(f"panel-paused-{parts.servers.paused}") if parts.servers.paused else ""}


async def under_way(parts: Parts, say: Speaker, run: Run) -> dict[str, Any]:
    """A run that goes on: its steps, how far the present one is, its losses so far."""
    folder = parts.settings.storage.runs / str(run.id)
    progress, losses = await News(parts).progress(run), await asyncio.to_thread(read_losses, folder)
    place = STEPS.index(run.state) if run.state in STEPS else len(STEPS)
    steps = [{"label": say(f"run-state-{name}"), "state": "done" if number < place else "now" if number == place else "todo"}
             for number, name in enumerate((*STEPS, "canary"))]
    return {"id": run.id, "state": run.state, "label": say(f"run-state-{run.state}"), "steps": steps, "share": progress.share if progress.of else None,
            "counted": _counted(say, run, progress), "left": say("run-left", time=duration(say.words, say.language, progress.eta_s)) if progress.eta_s else "",
            "stopping": say("run-stopping") if run.cancel_at else "", "began": run.created_at, "by": say(f"panel-by-{run.started_by}"), "losses": thinned(losses)}


def _counted(say: Speaker, run: Run, progress: Progress) -> str:
    """What is counted in this step, else what it does."""
    if not progress.of:
        return say(f"run-doing-{run.state}")
    match run.state:
        case "training" if progress.loss is not None:
            return say("run-step", done=progress.done, of=progress.of, loss=f"{progress.loss:.3g}")
        case "judging":
            return say("run-answers", done=progress.done, of=progress.of)
        case "canary":
            return say("run-ratings", done=progress.done, of=progress.of)
        case _:
            return say(f"run-doing-{run.state}")


def thinned(losses: Sequence[float], most: int = POINTS) -> list[list[float]]:
    """The curve as [step, loss] with at most `most` points, each the mean of as many steps as the others."""
    width = max(1, -(-len(losses) // most))
    parts = [(start, losses[start:start + width]) for start in range(0, len(losses), width)]
    return [[start + (len(part) + 1) / 2, round(sum(part) / len(part), 5)] for start, part in parts]


def _service(parts: Parts) -> list[dict[str, Any]]:
    """Who answers photos now, and which share of them."""
    router = parts.servers.router

    def arm(one: Arm, share: float, status: str) -> dict[str, Any]:
        return {"id": one.model.id, "name": one.model.name, "share": share, "status": status}
    canary = [arm(router.canary, router.share, "canary")] if router.canary else []
    return [arm(router.champion, 1 - router.share, "champion"), *canary]


async def _health(parts: Parts, say: Speaker) -> list[dict[str, str]]:
    queue, pending, ready = parts.joker.queue, await inbox_pending(parts.database), await parts.servers.ready()
    disk = await asyncio.to_thread(shutil.disk_usage, parts.settings.storage.directory)
    return [{"label": say("panel-engine"), "value": say("panel-engine-up" if ready else "panel-engine-down"), "tone": "good" if ready else "bad"},
            {"label": say("panel-waiting"), "value": say.number(queue.waiting), "tone": "open" if queue.waiting else ""},
            {"label": say("panel-in-flight"), "value": say.number(queue.in_flight), "tone": ""},
            {"label": say("panel-inbox"), "value": say.number(pending), "tone": ""},
            {"label": say("panel-disk"), "value": say("panel-gigabytes", free=round(disk.free / 1e9)), "tone": "bad" if disk.free < LITTLE_DISK * disk.total else ""}]


def _servers(parts: Parts, say: Speaker) -> list[dict[str, Any]]:
    return [{"name": one.name, "model": f"{one.model_id} {one.model}", "state": say(f"panel-server-{one.state}"), "tone": TONES.get(one.state, ""),
             "says": one.says, "outstanding": one.outstanding, "restarts": say("panel-restarts", restarts=one.restarts) if one.restarts else ""}
            for one in parts.servers.status()]
