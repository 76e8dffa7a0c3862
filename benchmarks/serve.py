"""`make bench-serve`: photos a second of plain `lmdeploy serve api_server` and of our servers, on one GPU, in one run.

208 KB photos of 1280 × 960 (13 tiles), each a different one, 64 new tokens whatever the model would say, from 1, 8, 32
and 64 clients. Ours are as many servers as the settings say, started by the bot's own command; other numbers of them
are tried at 32 clients. The checkpoint is random and of InternVL2-2B's exact shapes. Printed last, as one JSON object:

    plain_photos_per_s  plain LMDeploy, the better of 32 and 64 clients
    photos_per_s        ours, the same
    p50_1_s             ours, median seconds of one photo at a time
    plain, ours         every level, with the GPU's memory and the CPU cores taken; trials by_servers and by_tiles
    mps                 where it is asked for: the same with NVIDIA's Multi-Process Service
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.load import Engines, closed_loop, summary
from benchmarks.machine import finish, keep, machine
from benchmarks.mps import MpsError, service
from benchmarks.photos import Photos
from bot.engine.lmdeploy.cache_size import cache_blocks
from bot.engine.lmdeploy.command_line import server_command, server_environment
from bot.runtime.child_process import ChildFailed, ChildProcess, start_child
from configs.settings import Settings, load_settings

KEY = "benchmark"
PLAIN_LEVELS = {1: 6, 8: 24, 32: 80, 64: 104}
OUR_LEVELS = {1: 12, 8: 48, 32: 224, 64: 352}
TRIAL, MPS_LEVELS = {32: 128}, {32: 192, 64: 320}
"""Requests for each number of clients."""
START_S = 200.0


def lmdeploy_settings() -> Settings:
    """The settings as they are, of a bot whose engine is LMDeploy."""
    settings = load_settings()
    return settings.model_copy(update={"engine": settings.engine.model_copy(update={"kind": "lmdeploy"})})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, child: ChildProcess, timeout_s: float = START_S) -> None:
    """Wait until a plain server answers. Raises ChildFailed."""
    deadline = time.monotonic() + timeout_s
    while child.running and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    child.wait_ready(0.0)


def preprocess_of(log: Path) -> str:
    """What a server of ours cuts photos with, as its log says: the launcher falls back to LMDeploy's own way by
    itself.
    """
    said = log.read_text(encoding="utf-8", errors="replace")
    return "gpu" if "registered in the engine process" in said else "stock"


def gpu_mb() -> int:
    """Memory in use on the first GPU, MB; 0 without one."""
    try:
        shown = subprocess.run(
            ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], capture_output=True, text=True
        )
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
    return summary(done, clients) | {
        "seconds": round(seconds, 1),
        "gpu_mb": gpu_mb(),
        "cores": {name: share for name, share in cores.items() if share >= 0.05},
    }


@dataclass
class Bench:
    """One run of the benchmark; `parts` grows as it goes, and is kept after every level, since the run has a time
    limit.
    """

    model: Path
    settings: Settings
    folder: Path
    scale: float
    save: str
    parts: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:6.1f} s] {text}", flush=True)

    async def levels(self, name: str, engines: Engines, plan: dict[int, int], measured: dict[str, Any]) -> None:
        """Measure each number of clients into `measured`, and keep what there is."""
        photos = Photos()
        # Not measured: the first photos compile kernels, 4 at once for the larger steps too.
        warm = await closed_loop(engines, photos.next, 4 * len(engines.urls), 8 * len(engines.urls))
        self.say(f"{name}: warm, {summary(warm, 1)}")
        for clients, requests in scaled(plan, self.scale).items():
            measured[str(clients)] = await level(engines, photos, clients, requests)
            self.say(f"{name}: {measured[str(clients)]}")
            keep(self.result(), "serve", self.save)

    def plain(self) -> None:
        """LMDeploy as its documentation starts it; the batch is bounded as ours is, which its default of 1024 only
        slows down.
        """
        port, environ = (
            free_port(),
            {name: value for name, value in os.environ.items() if not name.startswith("JOKEBOT_")},
        )
        started = [
            str(self.settings.environments.serve_python),
            "-m",
            "lmdeploy",
            "serve",
            "api_server",
            str(self.model),
            "--backend",
            "pytorch",
            "--trust-remote-code",
            "--server-name",
            "127.0.0.1",
            "--server-port",
            str(port),
            "--max-batch-size",
            "64",
        ]
        url, part, start = f"http://127.0.0.1:{port}", self.parts.setdefault("plain", {"levels": {}}), time.monotonic()
        with start_child(
            "plain server", started, log=self.folder / "plain.log", environment=environ, grace_s=5
        ) as child:
            wait_for(url, child)
            part["start_s"] = round(time.monotonic() - start, 1)
            self.say(f"plain: ready after {part['start_s']} s")
            engines = Engines([url], tiles=self.settings.engine.max_tiles)
            asyncio.run(self.levels("plain", engines, PLAIN_LEVELS, part["levels"]))

    @contextmanager
    def servers(self, part: dict[str, Any], count: int, name: str, **variables: str) -> Iterator[list[str]]:
        """So many of our servers, started at once by the bot's command; their addresses."""
        with ExitStack() as stack:
            start, children = time.monotonic(), []
            for number in range(count):
                children.append(
                    stack.enter_context(
                        start_child(
                            f"server {number}",
                            server_command(self.model, free_port(), self.settings),
                            log=self.folder / f"{name}-{number}.log",
                            environment={**server_environment(KEY), **variables},
                            grace_s=5,
                        )
                    )
                )
            urls = [child.wait_ready(START_S) for child in children]
            part["start_s"] = round(time.monotonic() - start, 1)
            part["preprocess"] = sorted(
                {preprocess_of(self.folder / f"{name}-{number}.log") for number in range(count)}
            )
            self.say(
                f"{name}: {count} servers with {part['preprocess']} ready after {part['start_s']} s, {gpu_mb()} MB"
            )
            yield urls

    def measure(
        self, urls: list[str], plan: dict[int, int], measured: dict[str, Any], name: str, tiles: int = 0
    ) -> None:
        tiles = tiles or self.settings.engine.max_tiles
        asyncio.run(
            self.levels(f"{name}, {len(urls)} servers, {tiles} tiles", Engines(urls, KEY, tiles=tiles), plan, measured)
        )

    def ours(self, tried: list[int], tiles: list[int]) -> None:
        """As many servers as the settings say for the levels; other numbers of servers and of tiles for a trial
        each.
        """
        default = self.settings.server_count
        part = self.parts.setdefault(
            "ours",
            {
                "servers": default,
                "cache_blocks": cache_blocks(self.model, self.settings),
                "levels": {},
                "by_servers": {},
                "by_tiles": {},
            },
        )
        with self.servers(part, max(default, *tried, 1), "ours") as urls:
            self.measure(urls[:default], OUR_LEVELS, part["levels"], "ours")
            for count in tried:
                self.measure(urls[:count], TRIAL, part["by_servers"].setdefault(str(count), {}), "ours")
            for most in tiles:
                self.measure(urls[:default], TRIAL, part["by_tiles"].setdefault(str(most), {}), "ours", most)

    def mps(self, tried: list[int]) -> None:
        """The same with kernels of several servers at the same time (`benchmarks/mps.py`)."""
        part: dict[str, Any] = self.parts.setdefault("mps", {"by_servers": {}})
        try:
            with service(self.folder / "mps") as variables, self.servers(part, max(tried), "mps", **variables) as urls:
                for count in tried:
                    self.measure(urls[:count], MPS_LEVELS, part["by_servers"].setdefault(str(count), {}), "mps")
        except MpsError as error:
            part["failed"] = str(error)
            self.say(f"mps: {error}")

    def result(self) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if found := self.parts.get("plain", {}).get("levels"):
            said["plain_photos_per_s"] = best(found)
        if found := self.parts.get("ours", {}).get("levels"):
            said |= {"photos_per_s": best(found), "p50_1_s": found.get("1", {}).get("p50_s", 0.0)}
        return said | {
            "tiles": self.settings.engine.max_tiles + 1,
            "new_tokens": 64,
            "settings": self.settings.lmdeploy.model_dump(),
            "shapes": "InternVL2-2B, random weights",
            **self.parts,
            "machine": machine(),
            "date": time.strftime("%Y-%m-%d"),
        }


def scaled(plan: dict[int, int], scale: float) -> dict[int, int]:
    return {
        clients: max(clients + 1, int(requests * scale)) if clients > 1 else max(2, int(requests * scale))
        for clients, requests in plan.items()
    }


def best(levels: dict[str, Any]) -> float:
    return max((levels[clients]["photos_per_s"] for clients in ("32", "64") if clients in levels), default=0.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        help="a checkpoint directory (benchmarks/checkpoint.py writes a random one)",
    )
    parser.add_argument("--folder", type=Path, default=Path("/tmp/jokebot-bench/serve"), help="for the servers' logs")
    parser.add_argument("--only", choices=("plain", "ours", "mps"), help="one of them")
    parser.add_argument(
        "--try", dest="tried", type=int, nargs="*", default=[], metavar="N", help="further numbers of servers"
    )
    parser.add_argument(
        "--tiles",
        type=int,
        nargs="*",
        default=[],
        metavar="N",
        help="further largest numbers of tiles (the thumbnail apart)",
    )
    parser.add_argument(
        "--mps", type=int, nargs="*", default=[], metavar="N", help="numbers of servers to try with NVIDIA's MPS"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of the requests")
    parser.add_argument("--save", default="", metavar="MACHINE", help="keep the result in benchmarks/results/")
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    bench, failed = Bench(told.model, lmdeploy_settings(), told.folder, told.scale, told.save), False
    parts = {
        "plain": bench.plain,
        "ours": lambda: bench.ours(told.tried, told.tiles),
        **({"mps": lambda: bench.mps(told.mps)} if told.mps else {}),
    }
    for name, run in parts.items():
        if told.only in (None, name):
            try:
                run()
            except ChildFailed as error:
                bench.say(f"{name} failed: {error}")
                failed = True
    finish(bench.result(), "serve", told.save)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
