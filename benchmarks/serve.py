"""`make bench-serve`: photos a second of plain `lmdeploy serve api_server` and of our servers, on one GPU, in one run.

208 KB photos of 1280 × 960 (13 tiles), each a different one, 64 new tokens whatever the model would say, from 1, 8, 32 and
64 clients. Ours are as many servers as the settings say, started by the bot's own command; other numbers of them are tried
at 32 clients. The checkpoint is random and of InternVL2-2B's exact shapes. Printed last, as one JSON object:

    plain_photos_per_s  plain LMDeploy, the better of 32 and 64 clients
    photos_per_s        ours, the same
    p50_1_s             ours, median seconds of one photo at a time
    by_servers          photos/s at 32 clients for other numbers of servers
    plain, ours         every level; gpu_mb and cpu_s with it
"""
import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.load import Engines, closed_loop, summary
from benchmarks.machine import finish, machine
from benchmarks.photos import Photos
from bot.engine.child import Child, ChildError, start_child
from bot.engine.lmdeploy.start import command, environment
from configs.settings import Settings, load_settings

KEY = "benchmark"
PLAIN_LEVELS = {1: 6, 8: 24, 32: 80, 64: 112}
OUR_LEVELS = {1: 16, 8: 64, 32: 256, 64: 448}
"""Requests for each number of clients."""
TRIAL = 192
START_S = 200.0


def say(text: str, began: float) -> None:
    print(f"[{time.monotonic() - began:6.1f} s] {text}", flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, child: Child, timeout_s: float = START_S) -> None:
    """Wait until a plain server answers. Raises ChildError."""
    deadline = time.monotonic() + timeout_s
    while child.running and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    child.wait_ready(0.0)


def gpu_mb() -> int:
    """Memory in use on the first GPU, MB; 0 without one."""
    try:
        shown = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], capture_output=True, text=True)
        return int(shown.stdout.split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def cpu_seconds() -> dict[str, float]:
    """CPU seconds of this process (the clients) and of each process below it, by role and number."""
    used = {"clients": sum(psutil.Process().cpu_times()[:2])}
    for process in psutil.Process().children(recursive=True):
        try:
            used[f"{process.name()}-{process.pid}"] = sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
    return used


async def level(engines: Engines, photos: Photos, clients: int, requests: int) -> dict[str, Any]:
    """One number of clients: its figures, with the CPU cores that each busy process took."""
    before, began = cpu_seconds(), time.monotonic()
    done = await closed_loop(engines, photos.next, clients, requests)
    after, seconds = cpu_seconds(), time.monotonic() - began
    cores = {name: round((value - before.get(name, 0.0)) / seconds, 2) for name, value in after.items()}
    return summary(done, clients) | {"seconds": round(seconds, 1), "gpu_mb": gpu_mb(),
                                     "cores": {name: share for name, share in cores.items() if share >= 0.05}}


async def levels(name: str, engines: Engines, plan: dict[int, int], began: float) -> dict[str, Any]:
    photos, measured = Photos(), {}
    # Not measured: the first photos compile kernels, 4 at once for the larger steps too.
    warm = await closed_loop(engines, photos.next, 4 * len(engines.urls), 8 * len(engines.urls))
    say(f"{name}: warm, {summary(warm, 1)}", began)
    for clients, requests in plan.items():
        measured[str(clients)] = await level(engines, photos, clients, requests)
        say(f"{name}: {measured[str(clients)]}", began)
    return measured


def plain(model: Path, settings: Settings, folder: Path, scale: float, began: float) -> dict[str, Any]:
    """LMDeploy as its documentation starts it; the batch is bounded as ours is, which its default of 1024 only slows down."""
    port, kept = free_port(), {name: value for name, value in os.environ.items() if not name.startswith("JOKEBOT_")}
    started = [str(settings.environments.serve_python), "-m", "lmdeploy", "serve", "api_server", str(model), "--backend", "pytorch",
               "--trust-remote-code", "--server-name", "127.0.0.1", "--server-port", str(port), "--max-batch-size", "64"]
    url, start = f"http://127.0.0.1:{port}", time.monotonic()
    with start_child("plain server", started, log=folder / "plain.log", environment=kept, grace_s=5) as child:
        wait_for(url, child)
        start_s = round(time.monotonic() - start, 1)
        say(f"plain: ready after {start_s} s", began)
        measured = asyncio.run(levels("plain", Engines([url], tiles=settings.engine.max_tiles), scaled(PLAIN_LEVELS, scale), began))
    return {"start_s": start_s, "levels": measured}


def ours(model: Path, settings: Settings, folder: Path, numbers: list[int], scale: float, began: float) -> dict[str, Any]:
    """Our servers, all started at once: as many as the settings say for the levels, the other numbers for a trial each."""
    with ExitStack() as stack:
        start = time.monotonic()
        children = []
        for number in range(max(numbers)):
            started = command(model, free_port(), settings)
            children.append(stack.enter_context(start_child(f"server {number}", started, log=folder / f"ours-{number}.log",
                                                            environment=environment(KEY), grace_s=5)))
        urls = [child.wait_ready(START_S) for child in children]
        start_s = round(time.monotonic() - start, 1)
        say(f"ours: {len(urls)} servers ready after {start_s} s, {gpu_mb()} MB", began)
        default = settings.lmdeploy.servers
        tiles = settings.engine.max_tiles
        measured = asyncio.run(levels(f"ours, {default} servers", Engines(urls[:default], KEY, tiles=tiles), scaled(OUR_LEVELS, scale), began))
        by_servers = {str(default): measured["32"]["photos_per_s"]}
        for count in (number for number in numbers if number != default):
            tried = asyncio.run(levels(f"{count} servers", Engines(urls[:count], KEY, tiles=tiles), scaled({32: TRIAL}, scale), began))
            by_servers[str(count)] = tried["32"]["photos_per_s"]
    return {"start_s": start_s, "servers": default, "levels": measured, "by_servers": by_servers}


def scaled(plan: dict[int, int], scale: float) -> dict[int, int]:
    return {clients: max(clients + 1, int(requests * scale)) if clients > 1 else max(2, int(requests * scale)) for clients, requests in plan.items()}


def best(levels_: dict[str, Any]) -> float:
    return max(levels_[clients]["photos_per_s"] for clients in ("32", "64"))


def result_of(parts: dict[str, Any], settings: Settings, model: Path) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if "plain" in parts:
        said["plain_photos_per_s"] = best(parts["plain"]["levels"])
    if "ours" in parts:
        said |= {"photos_per_s": best(parts["ours"]["levels"]), "p50_1_s": parts["ours"]["levels"]["1"]["p50_s"],
                 "by_servers": parts["ours"]["by_servers"]}
    return said | {"tiles": settings.engine.max_tiles + 1, "new_tokens": 64, "settings": settings.lmdeploy.model_dump(),
                   "model": model.name, **parts, "machine": machine(), "date": time.strftime("%Y-%m-%d")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint directory (benchmarks/checkpoint.py writes a random one)")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/jokebot-bench/serve"), help="for the servers' logs")
    parser.add_argument("--only", choices=("plain", "ours"), help="one of the two")
    parser.add_argument("--try", dest="tried", type=int, nargs="*", default=[], metavar="N", help="further numbers of servers")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the requests")
    parser.add_argument("--save", default="", metavar="MACHINE", help="keep the result in benchmarks/results/")
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    settings, began, parts = load_settings(), time.monotonic(), {}
    for name in (told.only,) if told.only else ("plain", "ours"):
        try:
            parts[name] = (plain(told.model, settings, told.folder, told.scale, began) if name == "plain" else
                           ours(told.model, settings, told.folder, sorted({settings.lmdeploy.servers, *told.tried}), told.scale, began))
        except ChildError as error:
            say(f"{name} failed: {error}", began)
            parts[f"{name}_failed"] = str(error)
    finish(result_of(parts, settings, told.model), "serve", told.save)
    return 0 if not [name for name in parts if name.endswith("_failed")] else 1


if __name__ == "__main__":
    sys.exit(main())
