# environment: train
"""Serving and training on one GPU: how much each slows the other down.

Our servers answer photos of 13 tiles from 4 clients, first alone, then beside a QLoRA run of batch 4. The run's steps
are measured with and without clients, after its first epoch, when the picture features are cached. The servers' memory
is the same in both, because their cache has a fixed size. The last output line is one JSON object:

    joke_p50_alone_s, joke_p50_together_s       median seconds per joke
    step_alone_s, step_together_s               median seconds per training step
    servers_mb, both_mb                         GPU memory of the servers alone, and with the run
"""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import train
from benchmarks.load import Engines, closed_loop, summary
from benchmarks.machine import ROOT, finish, gpu_mb, machine
from benchmarks.model_servers import START_S, free_port
from benchmarks.photos import Photos
from benchmarks.serve import KEY, lmdeploy_settings
from bot.engine.lmdeploy.command_line import server_command, server_environment
from bot.runtime.child_process import start_child
from configs.settings import Settings
from storage.learning.run_files import read_training_steps

CLIENTS = 4


class Training:
    """A training run in a child process; its log is folder/train.log."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.out = options.folder / "ours"
        run_options = argparse.Namespace(
            steps=4000, batch=options.batch, photos=options.photos, rank=options.rank, rate=1e-4
        )
        if not (options.folder / "data").exists():
            train.make_photos(options.folder / "data", options.photos)
        if not (options.folder / "base").exists():
            (options.folder / "base").symlink_to(options.model.absolute())
        shutil.rmtree(self.out, ignore_errors=True)
        train.plan_of(run_options, options.folder, "ours").save()
        self.epoch = max(1, options.photos // options.batch)
        with (options.folder / "train.log").open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "benchmarks" / "train.py"), "--variant", "ours", "--folder", str(self.out)],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def steps(self) -> list[float]:
        return [line["s"] for line in read_training_steps(self.out)]

    def wait_for(self, count: int, timeout_s: float = 180.0) -> list[float]:
        """Wait for `count` steps; returns their seconds. Raises RuntimeError if the run ends or times out."""
        deadline = time.monotonic() + timeout_s
        while len(seconds := self.steps()) < count:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the run has {len(seconds)} steps and code {self.process.poll()}")
            time.sleep(0.2)
        return seconds

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def jokes(engines: Engines, photos: Photos, requests: int, until: Any = lambda: False) -> dict[str, Any]:
    return summary(asyncio.run(closed_loop(engines, photos.next, CLIENTS, requests, until)), CLIENTS)


def measure(options: argparse.Namespace, settings: Settings, stack: ExitStack) -> dict[str, Any]:
    started, children = time.monotonic(), []

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)

    base = {**os.environ, "PYTHONPATH": os.environ.get("SERVE_PATH", os.environ.get("PYTHONPATH", ""))}
    for number in range(settings.server_count):
        children.append(
            stack.enter_context(
                start_child(
                    f"server {number}",
                    server_command(options.model, free_port(), settings),
                    log=options.folder / f"server-{number}.log",
                    environment=server_environment(KEY, base=base),
                    grace_s=5,
                )
            )
        )
    engines, photos = (
        Engines([child.wait_ready(START_S) for child in children], KEY, tiles=settings.engine.max_tiles),
        Photos(),
    )
    jokes(engines, photos, 4 * CLIENTS)
    alone, servers_mb = jokes(engines, photos, options.jokes), gpu_mb()
    say(f"jokes alone: {alone}, {servers_mb} MB")
    run = Training(options)
    stack.callback(run.stop)
    begin = run.epoch + 3
    steps_alone = run.wait_for(begin + options.steps)[begin:]
    say(f"steps alone: {statistics.median(steps_alone)} s")
    before = len(run.steps()) + 1
    together = jokes(engines, photos, 10_000, lambda: len(run.steps()) >= before + options.steps)
    steps_together, both_mb = run.steps()[before:], gpu_mb()
    say(f"together: {together}, {statistics.median(steps_together)} s a step, {both_mb} MB")
    return {
        "joke_p50_alone_s": alone["p50_s"],
        "joke_p50_together_s": together["p50_s"],
        "step_alone_s": round(statistics.median(steps_alone), 4),
        "step_together_s": round(statistics.median(steps_together), 4),
        "servers_mb": servers_mb,
        "both_mb": both_mb,
        "clients": CLIENTS,
        "jokes_alone": alone,
        "jokes_together": together,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint directory, served and trained")
    parser.add_argument("--folder", type=Path, required=True, help="for data, logs and the run")
    parser.add_argument("--photos", type=int, default=64)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rank", type=int, default=128)
    parser.add_argument("--jokes", type=int, default=64, help="jokes measured alone")
    parser.add_argument("--steps", type=int, default=25, help="training steps measured, without jokes and with them")
    parser.add_argument("--save", default="", metavar="MACHINE", help="keep the result in benchmarks/results/")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    settings = lmdeploy_settings()
    with ExitStack() as stack:
        result = measure(options, settings, stack)
    finish(
        {**result, "settings": settings.lmdeploy.model_dump(), "machine": machine(), "date": time.strftime("%Y-%m-%d")},
        "share",
        options.save,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
