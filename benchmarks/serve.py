"""`make bench-serve`: photos per second of plain `lmdeploy serve api_server` and of our servers on one GPU.

Distinct 208 KB photos of 1280 × 960 (13 tiles), always 64 new tokens, from 1, 8, 32 and 64 clients. Our servers are
started by the bot's command, as many as the settings say; other counts are measured with 32 clients. The checkpoint has
InternVL2-2B's shapes and random weights. The last output line is one JSON object:

    plain_photos_per_s  plain LMDeploy, the better of 32 and 64 clients
    photos_per_s        ours, the same
    p50_1_s             ours, median seconds per photo with one client
    again_photos_per_s  ours, 300 photos a second time with another prompt (`benchmarks/serve_again.py`)
    again_first_word_s  ours, median seconds to the first word of another joke for a photo, one client
    hit_share           share of those prompts' tokens that were in the cache
    cached_photos       photos that fit in the cache
    jokes_of_4_per_s    ours, photos per second with four jokes each, 64 clients
    plain, ours         each number of clients, with GPU memory and CPU cores; measurements by_servers and by_tiles
    mps                 with --mps: the same with NVIDIA's Multi-Process Service
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.load import Engines, closed_loop, summary
from benchmarks.machine import cpu_seconds, finish, gpu_mb, machine, save_result
from benchmarks.model_servers import START_S, free_port, preprocess_of, wait_for
from benchmarks.mps import MpsError, service
from benchmarks.photos import Photos
from benchmarks.serve_again import measure_all
from bot.engine.lmdeploy.cache_size import cache_photos
from bot.engine.lmdeploy.command_line import server_command, server_environment
from bot.runtime.child_process import ChildFailed, start_child
from configs.settings import Settings, load_settings

KEY = "benchmark"
PLAIN_LEVELS = {1: 6, 8: 24, 32: 80, 64: 104}
OUR_LEVELS = {1: 12, 8: 48, 32: 224, 64: 352}
TRIAL, MPS_LEVELS = {32: 128}, {32: 192, 64: 320}
"""Number of clients → number of requests."""


def lmdeploy_settings() -> Settings:
    """The current settings, with LMDeploy as the engine."""
    settings = load_settings()
    return settings.model_copy(update={"engine": settings.engine.model_copy(update={"kind": "lmdeploy"})})


async def level(engines: Engines, photos: Photos, clients: int, requests: int) -> dict[str, Any]:
    """Measure one number of clients, with the CPU cores that each busy process used."""
    before, started = cpu_seconds(), time.monotonic()
    done = await closed_loop(engines, photos.next, clients, requests)
    after, seconds = cpu_seconds(), time.monotonic() - started
    cores = {name: round((value - before.get(name, 0.0)) / seconds, 2) for name, value in after.items()}
    return summary(done, clients) | {
        "seconds": round(seconds, 1),
        "gpu_mb": gpu_mb(),
        "cores": {name: share for name, share in cores.items() if share >= 0.05},
    }


@dataclass
class Bench:
    """One run of the benchmark. `parts`: results so far; saved after each measurement, because the run's time is
    limited."""

    model: Path
    settings: Settings
    folder: Path
    scale: float
    save: str
    parts: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", flush=True)

    async def levels(self, name: str, engines: Engines, plan: dict[int, int], measured: dict[str, Any]) -> None:
        """Measure each number of clients into `measured` and save the results so far."""
        photos = Photos()
        # Warm-up: the first photos compile kernels; 4 at once also those of larger batches.
        warm = await closed_loop(engines, photos.next, 4 * len(engines.urls), 8 * len(engines.urls))
        self.say(f"{name}: warm, {summary(warm, 1)}")
        for clients, requests in scaled(plan, self.scale).items():
            measured[str(clients)] = await level(engines, photos, clients, requests)
            self.say(f"{name}: {measured[str(clients)]}")
            save_result(self.result(), "serve", self.save)

    def plain(self) -> None:
        """Measure LMDeploy started as documented, with our batch size: its default of 1024 is slower."""
        port, environ = (
            free_port(),
            {name: value for name, value in os.environ.items() if not name.startswith("JOKEBOT_")},
        )
        arguments = [
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
            "plain server", arguments, log=self.folder / "plain.log", environment=environ, grace_s=5
        ) as child:
            wait_for(url, child)
            part["start_s"] = round(time.monotonic() - start, 1)
            self.say(f"plain: ready after {part['start_s']} s")
            engines = Engines([url], tiles=self.settings.engine.max_tiles)
            asyncio.run(self.levels("plain", engines, PLAIN_LEVELS, part["levels"]))

    @contextmanager
    def servers(self, part: dict[str, Any], count: int, name: str, **variables: str) -> Iterator[list[str]]:
        """Start `count` of our servers at once with the bot's command; yields their URLs."""
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

    def ours(self, server_counts: list[int], tiles: list[int]) -> None:
        """Measure all client numbers with the settings' servers, and one trial per other server count and tiles."""
        default = self.settings.server_count
        part = self.parts.setdefault(
            "ours",
            {
                "servers": default,
                "cached_photos": cache_photos(self.model, self.settings),
                "levels": {},
                "by_servers": {},
                "by_tiles": {},
            },
        )
        with self.servers(part, max(default, *server_counts, 1), "ours") as urls:
            self.measure(urls[:default], OUR_LEVELS, part["levels"], "ours")
            tiles_of_default = self.settings.engine.max_tiles
            part["seen"] = measure_all(urls[:default], KEY, tiles_of_default, self.scale, self.say)
            save_result(self.result(), "serve", self.save)
            for count in server_counts:
                self.measure(urls[:count], TRIAL, part["by_servers"].setdefault(str(count), {}), "ours")
            for max_tiles in tiles:
                self.measure(urls[:default], TRIAL, part["by_tiles"].setdefault(str(max_tiles), {}), "ours", max_tiles)

    def mps(self, server_counts: list[int]) -> None:
        """Measure the server counts with NVIDIA's Multi-Process Service (`benchmarks/mps.py`)."""
        part: dict[str, Any] = self.parts.setdefault("mps", {"by_servers": {}})
        try:
            with (
                service(self.folder / "mps") as variables,
                self.servers(part, max(server_counts), "mps", **variables) as urls,
            ):
                for count in server_counts:
                    self.measure(urls[:count], MPS_LEVELS, part["by_servers"].setdefault(str(count), {}), "mps")
        except MpsError as error:
            part["failed"] = str(error)
            self.say(f"mps: {error}")

    def result(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if levels := self.parts.get("plain", {}).get("levels"):
            result["plain_photos_per_s"] = best(levels)
        if levels := self.parts.get("ours", {}).get("levels"):
            result |= {"photos_per_s": best(levels), "p50_1_s": levels.get("1", {}).get("p50_s", 0.0)}
        if seen := self.parts.get("ours", {}).get("seen"):
            of_300 = [seen["again"][f"300, {clients} clients"] for clients in (32, 64)]
            result |= {
                "again_photos_per_s": max(part["photos_per_s"] for part in of_300),
                "again_first_word_s": seen["again_first_word_s"],
                "hit_share": max(part["hit_share"] for part in of_300),
                "cached_photos": self.parts["ours"]["cached_photos"],
                "jokes_of_4_per_s": seen["jokes_of_4"]["photos_per_s"],
            }
        return result | {
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
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    bench, failed = Bench(options.model, lmdeploy_settings(), options.folder, options.scale, options.save), False
    parts = {
        "plain": bench.plain,
        "ours": lambda: bench.ours(options.tried, options.tiles),
        **({"mps": lambda: bench.mps(options.mps)} if options.mps else {}),
    }
    for name, run in parts.items():
        if options.only in (None, name):
            try:
                run()
            except ChildFailed as error:
                bench.say(f"{name} failed: {error}")
                failed = True
    finish(bench.result(), "serve", options.save)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
