"""`benchmarks/gpu_scale.sh 1 2`: photos per second and training steps on 1, 2, 4 … GPUs of one host.

Training is measured first. Then as many servers as the largest number are started, one a GPU, and asked by 64 clients a
server. Each photo is fresh, so the cache of photos helps nothing; jokes have 64 tokens. `photos_per_s` counts a whole
loop, its beginning and end included, with the same number of photos a client for each N. The checkpoint has
InternVL2-2B's shapes and random weights. The last output line is one JSON object, where N is a number of GPUs:

    serve_speedup_N   photos per second of N servers / of one; each photo goes to its own server, as in the bot
    proxy_speedup_N   photos per second through LMDeploy's proxy before N servers / of one server without it
    proxy_hashed_…    the same for the largest N, where each photo goes to its own server through the proxy
    train_speedup_N   rows per second of a run on N GPUs through torchrun / on one, the same batch on each GPU
    serve, proxy      each measurement; `again`: photos sent a second time with another prompt, with the share of their
                      tokens that were in a cache, on the largest number of GPUs
    seen              of one server: first words and four jokes a photo (`benchmarks/serve_again.py`)
    train             seconds a step, and of the first steps, which compute image features
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.load import Engines, HashedEngines, ProxiedEngines, closed_loop, whole_loop
from benchmarks.machine import finish, gpu_mb, machine, save_result
from benchmarks.model_servers import START_S, free_port
from benchmarks.photos import Photos
from benchmarks.proxy import running_proxy, set_nodes, wait_until_listening
from benchmarks.serve import lmdeploy_settings
from benchmarks.serve_again import first_word, jokes_of_4, prompts
from bot.engine.lmdeploy.command_line import server_command, server_environment
from bot.engine.lmdeploy.node_name import MARK
from bot.engine.servers.cpu_affinity import assign_cores
from bot.runtime.child_process import ChildFailed, ChildProcess, start_child
from configs.gpu import GpuSelection
from configs.settings import ROOT, Settings

KEY, MODEL = "benchmark", "jokes"
"""The servers' key, and the name of their model: the proxy knows servers of one name only as one model's."""
LOADS = ("serve", "proxy", "proxy_hashed")
CLIENTS, REQUESTS, AGAIN = 64, 208, 96
"""For each server: clients, photos of one measurement, and photos that are sent again."""


@dataclass
class Bench:
    """One run. `parts`: results so far, saved after each measurement because the run's time is limited."""

    options: argparse.Namespace
    settings: Settings
    parts: dict[str, Any] = field(default_factory=lambda: {name: {} for name in LOADS})
    started: float = field(default_factory=time.monotonic)
    photos: Photos = field(default_factory=Photos)

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", flush=True)

    def run(self) -> None:
        """Measure everything. Raises ChildFailed if a server or the proxy fails."""
        counts = self.options.gpus
        self.train(counts)
        with ExitStack() as stack:
            proxy, process = stack.enter_context(
                running_proxy(self.options.proxy_python, self.options.folder / "proxy.log")
            )
            children = [stack.enter_context(self.server(number, proxy)) for number in range(max(counts))]
            urls = [child.wait_ready(START_S) for child in children]
            assign_cores([child.pid for child in children])
            self.say(f"{len(urls)} servers are ready, {gpu_mb()} MB on the first GPU")
            self.load(HashedEngines(urls, *self.request), 32 * len(urls), 48 * len(urls))
            for count in counts:
                self.measure("serve", count, HashedEngines(urls[:count], *self.request))
            wait_until_listening(proxy, KEY, process)
            for count in counts:
                names = [name for name in set_nodes(proxy, urls[:count], KEY) if MARK in name]
                self.measure("proxy", count, Engines([proxy], *self.request))
            if names:
                self.measure("proxy_hashed", count, ProxiedEngines(names, *self.request, proxy=proxy))
            if self.options.seen:
                self.say("photos that the first server has seen")
                self.seen(urls[:1])

    @property
    def request(self) -> tuple[str, int, int]:
        """Key, tokens and tiles of all requests."""
        return KEY, self.options.tokens, self.options.tiles

    def server(self, number: int, proxy: str) -> ChildProcess:
        """Start a server, on the GPU of that number."""
        name, options = f"server-{number}", self.options
        if options.kind == "lmdeploy":
            gpus = GpuSelection.of([str(gpu) for gpu in range(max(options.gpus))])
            base = {**os.environ, "PYTHONPATH": os.environ.get("SERVE_PATH", os.environ.get("PYTHONPATH", ""))}
            command = [*server_command(options.model, free_port(), self.settings, name=MODEL), "--proxy-url", proxy]
            environment = {**server_environment(KEY, base=base), **gpus.variables(str(number))}
        else:
            python = str(self.settings.environments.train_python)
            serve = ["-m", "bot", "serve", str(options.model), "--port", "0", "--threads", "1", "--api-key", KEY]
            command, environment = [python, *serve, "--waiting", "1000"], dict(os.environ)
        return start_child(
            name, command, log=options.folder / f"{name}.log", environment=environment, cwd=ROOT, grace_s=5
        )

    def measure(self, name: str, count: int, engines: Engines) -> None:
        """Measure fresh photos; on the largest number of servers also photos sent again."""
        measured = self.load(engines, CLIENTS * count, REQUESTS * count)
        self.parts[name][str(count)] = measured
        self.say(f"{name}, {count}: {measured}")
        if count == max(self.options.gpus):
            self.parts[name]["again"] = self.again(engines, count)
            self.say(f"{name}, {count}, again: {self.parts[name]['again']}")
        save_result(self.result(), "scale", self.options.save)

    def load(self, engines: Engines, clients: int, requests: int) -> dict[str, Any]:
        clients = max(1, int(clients * self.options.scale))
        requests = max(clients + 1, int(requests * self.options.scale))
        return whole_loop(asyncio.run(closed_loop(engines, self.photos.next, clients, requests)), clients)

    def again(self, engines: Engines, count: int) -> dict[str, Any]:
        """Send the latest photos once more, in random order, with another style's prompt."""
        number = max(2, int(AGAIN * count * self.options.scale))
        order = list(range(self.photos.made + 1 - number, self.photos.made + 1))
        random.Random(count).shuffle(order)
        engines.text, remaining = prompts()[1], iter(order)
        clients = max(1, min(int(CLIENTS * count * self.options.scale), number - 1))
        photo = self.photos.photo
        done = asyncio.run(closed_loop(engines, lambda: photo(next(remaining)), clients, number))
        engines.text = ""
        tokens = max(1, sum(sent.prompt_tokens for sent in done))
        return whole_loop(done, clients) | {"hit_share": round(sum(sent.cached for sent in done) / tokens, 3)}

    def seen(self, urls: Sequence[str]) -> None:
        part = self.parts["seen"] = first_word(urls, KEY, self.options.tiles, self.photos)
        self.say(f"first words: {part}")
        jokes = jokes_of_4(urls, KEY, self.options.tiles, self.photos, max(66, int(160 * self.options.scale)))
        part["jokes_of_4"] = jokes
        self.say(f"jokes of 4: {jokes}")

    def train(self, counts: Sequence[int]) -> None:
        """Train in the train environment."""
        if not self.options.train_python:
            return
        command = [self.options.train_python, str(ROOT / "benchmarks" / "scale_train.py")]
        command += ["--model", str(self.options.model), "--folder", str(self.options.folder / "train")]
        command += [*self.options.train_options.split(), "--gpus", *map(str, counts)]
        environment = {**os.environ, "PYTHONPATH": os.environ.get("TRAIN_PATH", os.environ.get("PYTHONPATH", ""))}
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
            lines = list(self.shown(process.stdout or []))
        if process.returncode:
            self.parts["train"] = {"failed": process.returncode}
        else:
            self.parts["train"] = json.loads(lines[-1])
        save_result(self.result(), "scale", self.options.save)

    def shown(self, lines: Iterator[str] | Any) -> Iterator[str]:
        for line in lines:
            self.say(f"train: {line.strip()}")
            yield line

    def result(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        alone = self.parts["serve"].get("1", {}).get("photos_per_s", 0.0)
        for name in LOADS:
            for count, measured in self.parts[name].items():
                if count.isdecimal() and alone:
                    result[f"{name}_speedup_{count}"] = round(measured["photos_per_s"] / alone, 2)
        train = self.parts.get("train", {})
        result |= {key: value for key, value in train.items() if key.startswith("train_speedup")}
        return result | {
            "tiles": self.options.tiles + 1,
            "new_tokens": self.options.tokens,
            "kind": self.options.kind,
            "settings": self.settings.lmdeploy.model_dump(),
            **self.parts,
            "machine": machine(),
            "date": time.strftime("%Y-%m-%d"),
        }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gpus", type=int, nargs="+", required=True, metavar="N", help="numbers of GPUs, ascending")
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint directory")
    parser.add_argument("--folder", type=Path, required=True, help="for logs and the training's files")
    parser.add_argument("--kind", choices=("lmdeploy", "cpu"), default="lmdeploy")
    parser.add_argument("--proxy-python", required=True, help="a Python with LMDeploy, for its proxy")
    parser.add_argument("--train-python", default="", help="a Python of the train environment; without it no training")
    parser.add_argument("--train-options", default="", help="options of benchmarks/scale_train.py")
    parser.add_argument("--tokens", type=int, default=64, help="tokens of a joke")
    parser.add_argument("--tiles", type=int, default=12, help="largest number of tiles, the thumbnail apart")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the clients and requests")
    parser.add_argument("--seen", action="store_true", help="also measure photos that one server has seen")
    parser.add_argument("--save", default="", metavar="MACHINE", help="keep the result in benchmarks/results/")
    return parser.parse_args()


def main() -> int:
    options, failed = arguments(), False
    options.folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(options, lmdeploy_settings())
    try:
        bench.run()
    except ChildFailed as error:
        bench.say(f"failed: {error}")
        failed = True
    result = bench.result()
    finish(result, "scale", options.save)
    requests = [part for name in LOADS for part in bench.parts[name].values()]
    return int(failed or "failed" in bench.parts.get("train", {}) or any(part["failed"] for part in requests))


if __name__ == "__main__":
    sys.exit(main())
