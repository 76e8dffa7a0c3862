"""`make bench-swap`: swaps the served model under load.

Closed-loop clients use the bot's joke generator, router and servers with 208 KB photos of 1280 × 960; the servers are
CPU engines with the demo model, or LMDeploy with a GPU (`--kind`, `--model`). The last output line is one JSON object:

    failed          photos without a joke in the whole run
    p99_before_s    photo to joke without a swap, p99
    p99_during_s    the same from the first new server's start to the last old server's end, over all swaps
    gap_s           the longest time without a finished joke during swaps

With `--limit-s` the second swap is skipped if there is no time for it; `swaps` gives the number.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import ROOT, finish, machine
from benchmarks.photos import Photos
from bot.engine.fair_queue import FairQueue
from bot.engine.servers.managed import ManagedServers
from bot.jokes.generator import JokeGenerator
from bot.jokes.judge_source import JudgeSource
from configs.errors import JokebotError
from configs.prompts import load_prompts
from configs.settings import Settings, load_settings
from storage.database import Database
from storage.learning.models import Model, register_base
from storage.media.photos import Photo, add_photo, check_photo

DEMO = ROOT / "configs" / "demo-model" / "checkpoint"
DIFFERENT = 32
WARM_S = 5.0
ENDING_S = 20.0


@dataclass
class Answers:
    """Answered photos as (sent, answered, model id), in monotonic seconds, and failures."""

    answered: list[tuple[float, float, int]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def seconds(self, spans: Sequence[tuple[float, float]]) -> list[float]:
        """Durations of the answers that ended within one of the spans, sorted."""
        return sorted(
            end - sent for sent, end, _ in self.answered if any(first <= end <= last for first, last in spans)
        )

    def gap(self, spans: Sequence[tuple[float, float]]) -> float:
        """The longest time without an answer within a span."""
        longest = 0.0
        for first, last in spans:
            ends = [first, *sorted(end for _, end, _ in self.answered if first <= end <= last), last]
            longest = max(longest, *(after - before for before, after in zip(ends, ends[1:], strict=False)))
        return longest


def quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Bench:
    """One run of the benchmark; `say` prints its progress."""

    def __init__(self, arguments: argparse.Namespace, settings: Settings, folder: Path) -> None:
        self.arguments, self.settings, self.folder = arguments, settings, folder
        self.started = time.monotonic()
        self.answers = Answers()
        self.stopping = False

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", flush=True)

    async def run(self) -> dict[str, Any]:
        database = await Database.open(self.settings.storage.database)
        models = [await register_base(database, name, str(directory)) for name, directory in self.directories()]
        servers = ManagedServers(self.settings, models[0])
        joker = JokeGenerator(
            database,
            self.settings,
            servers.router,
            load_prompts(),
            FairQueue.of(self.settings),
            JudgeSource(),
            is_banned=lambda user_id: False,
        )
        try:
            photos = await self.photos(database)
            await servers.start()
            await self.all_ready(servers)
            self.say(f"{self.settings.server_count} servers of {models[0].name} are ready")
            return await self.measure(servers, joker, photos, models)
        finally:
            await servers.stop()
            await database.close()

    def directories(self) -> list[tuple[str, Path]]:
        """The old and the new model's checkpoints; links to one checkpoint unless two are given."""
        return [("blue", self.arguments.model), ("green", self.arguments.green or self.arguments.model)]

    async def photos(self, database: Database) -> list[Photo]:
        made = Photos()
        checked = [check_photo(made.next(), max_bytes=10**7, max_pixels=10**7) for _ in range(DIFFERENT)]
        return [await add_photo(database, self.settings.storage.photos, photo, 1) for photo in checked]

    async def all_ready(self, servers: ManagedServers) -> None:
        printed: list[tuple[str, str]] = []
        async with asyncio.timeout(self.settings.servers.start_timeout_s):
            while {state.state for state in servers.status()} != {"ready"}:
                now = [(state.name, state.state) for state in servers.status()]
                if now != printed:
                    printed = now
                    self.say(" | ".join(f"{state.name} {state.state} {state.says}"[:300] for state in servers.status()))
                await asyncio.sleep(0.1)

    async def client(self, number: int, joker: JokeGenerator, photos: list[Photo]) -> None:
        """Request jokes in a loop, each for the next photo."""
        for turn in range(10**9):
            if self.stopping:
                return
            sent = time.monotonic()
            try:
                joke = await joker.generate(photos[(number + turn) % len(photos)], user_id=number, language="en")
            except JokebotError as error:
                self.answers.failures.append(f"{time.monotonic() - self.started:.1f} s: {error}")
                await asyncio.sleep(0.5)
            else:
                self.answers.answered.append((sent, time.monotonic(), joke.model_id))

    async def measure(
        self, servers: ManagedServers, joker: JokeGenerator, photos: list[Photo], models: list[Model]
    ) -> dict[str, Any]:
        clients = [asyncio.create_task(self.client(number, joker, photos)) for number in range(self.arguments.clients)]
        await asyncio.sleep(WARM_S)
        before = [(time.monotonic(), time.monotonic() + self.arguments.before_s)]
        await asyncio.sleep(self.arguments.before_s)
        calm = self.answers.seconds(before)
        self.say(f"before: {len(calm)} jokes, p99 {quantile(calm, 0.99):.2f} s")
        spans: list[tuple[float, float]] = []
        for number in range(self.arguments.swaps):
            longest = max((last - first for first, last in spans), default=0.0)
            if time.monotonic() - self.started + longest + ENDING_S > self.arguments.limit_s:
                self.say("there is no time for another swap")
                break
            first = time.monotonic()
            arm = await servers.swap(models[(number + 1) % 2])
            spans.append((first, time.monotonic()))
            self.say(
                f"{arm.model.name} is in after {spans[-1][1] - first:.1f} s; p99 "
                f"{quantile(self.answers.seconds(spans[-1:]), 0.99):.2f} s"
            )
        self.stopping = True
        await asyncio.gather(*clients)
        return self.result(before, spans)

    def result(self, before: list[tuple[float, float]], spans: list[tuple[float, float]]) -> dict[str, Any]:
        calm, busy = self.answers.seconds(before), self.answers.seconds(spans)
        figures = {
            "failed": len(self.answers.failures),
            "p99_before_s": quantile(calm, 0.99),
            "p99_during_s": quantile(busy, 0.99),
            "gap_s": self.answers.gap(spans),
            "p50_before_s": quantile(calm, 0.5),
            "p50_during_s": quantile(busy, 0.5),
            "ratio": quantile(busy, 0.99) / (quantile(calm, 0.99) or 1.0),
        }
        return {
            **{name: round(value, 3) for name, value in figures.items()},
            "requests_before": len(calm),
            "requests_during": len(busy),
            "swaps": len(spans),
            "swap_s": [round(last - first, 1) for first, last in spans],
            "servers": self.settings.server_count,
            "clients": self.arguments.clients,
            "kind": self.settings.engine.kind,
            "failures": self.answers.failures[:5],
            "seconds": round(time.monotonic() - self.started, 1),
            "machine": machine(),
            "load": round(os.getloadavg()[0], 1),
            "date": time.strftime("%Y-%m-%d"),
        }


def settings_of(arguments: argparse.Namespace, folder: Path) -> Settings:
    """The current settings, with this run's changes."""
    loaded = load_settings()
    engine = loaded.engine.model_copy(
        update={"kind": arguments.kind, "in_flight": max(arguments.clients, loaded.in_flight)}
    )
    servers = loaded.servers.model_copy(
        update={"previous_model": arguments.previous_model, "count": arguments.servers or loaded.servers.count}
    )
    joke = loaded.joke.model_copy(update={"max_tokens": arguments.tokens})
    storage = loaded.storage.model_copy(update={"directory": folder})
    return loaded.model_copy(update={"engine": engine, "servers": servers, "joke": joke, "storage": storage})


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    kind = "lmdeploy" if shutil.which("nvidia-smi") else "cpu"
    parser.add_argument("--kind", choices=("cpu", "lmdeploy"), default=kind, help=f"the servers (here: {kind})")
    parser.add_argument("--model", type=Path, default=DEMO, help="blue's checkpoint (default: the demo model)")
    parser.add_argument("--green", type=Path, help="green's (default: the same)")
    parser.add_argument("--servers", type=int, default=0, help="servers of a model (default: the settings')")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=64, help="longest joke")
    parser.add_argument("--before-s", type=float, default=120.0, help="seconds measured before the first swap")
    parser.add_argument("--swaps", type=int, default=2)
    parser.add_argument(
        "--limit-s", type=float, default=1e9, help="no swap begins that would probably end later than this"
    )
    parser.add_argument(
        "--previous-model",
        choices=("stop", "sleep", "keep_running"),
        default="stop",
        help="the setting servers.previous_model",
    )
    parser.add_argument("--save", default="", help="keep the result as benchmarks/results/swap_NAME.json")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="jokebot-swap-") as folder:
        bench = Bench(arguments, settings_of(arguments, Path(folder)), Path(folder))
        try:
            result = asyncio.run(bench.run())
        except BaseException:
            for log in sorted((Path(folder) / "logs").glob("*.log")):
                print(f"##### {log.name}\n{log.read_text(errors='replace')[-4000:]}", flush=True)
            raise
        if "OUT" in os.environ:
            for log in sorted((Path(folder) / "logs").glob("*.log")):
                print(f"##### {log.name}\n{log.read_text(errors='replace')[-1500:]}", flush=True)
            (Path(os.environ["OUT"]) / "swap_times.json").write_text(
                json.dumps(
                    [
                        [round(sent - bench.started, 3), round(end - bench.started, 3), model]
                        for sent, end, model in bench.answers.answered
                    ]
                )
            )
    finish(result, "swap", arguments.save)


if __name__ == "__main__":
    main()
