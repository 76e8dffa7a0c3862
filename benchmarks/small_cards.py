# environment: train
"""Serving, training, and both in turn under the GPU memory of small cards: see `benchmarks/gpu_small_cards.sh`.

For each size a process takes all memory of the GPU but that many 10⁹ bytes (so slightly less than a card of that size
has). Code that asks for the size of the card is told this size. Then, with the settings of `CARDS` for servers and the
default settings for training (with the servers' number of tiles), in this order:

    serve   our server starts, and 4 clients send distinct photos of 1280 × 960; 64 new tokens each
    turn    the server sleeps, a QLoRA run of InternVL2-2B's shapes trains, the server wakes up and answers again
    train   the same run without any server

Left out: the speed of a small card (an H200 computes many times faster; compare sizes, not seconds), its driver's own
memory, and a second server (swaps pause). The last output line is one JSON object; by size:

    serve   tiles, batch, peak_mb (of the whole card), photos_per_s, failed, or `failed`: why it doesn't fit
    turn    asleep_mb, the run's figures, awake_failed: photos that failed after the wake-up
    train   tiles, batch, parts (a batch is computed in so many), recomputed_layers, peak_mb (of the run), step_s
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import train
from benchmarks.load import Engines, closed_loop, summary
from benchmarks.machine import ROOT, finish, gpu_mb, machine, save_result
from benchmarks.model_servers import START_S, free_port
from benchmarks.photos import Photos
from benchmarks.serve import KEY, lmdeploy_settings
from bot.engine.lmdeploy import cache_size
from bot.engine.lmdeploy.command_line import server_command, server_environment
from bot.runtime.child_process import ChildFailed, start_child
from configs.errors import JokebotError
from configs.settings import Settings
from storage.learning.run_files import read_progress, read_training_steps

SMALL: dict[str, dict[str, Any]] = {
    "engine": {"max_tiles": 6},
    "lmdeploy": {"max_batch": 4, "prefill_tokens": 2048},
    "servers": {"allow_extra_server": False},
}
ONE_SERVER: dict[str, dict[str, Any]] = {"servers": {"allow_extra_server": False}}
CARDS: dict[int, dict[str, dict[str, Any]]] = {8: SMALL, 12: ONE_SERVER, 16: ONE_SERVER, 24: {}}
"""Settings that differ from the defaults, by the card's size in 10⁹ bytes: those of the deploy pages."""
CLIENTS, WAKE_S = 4, 30


def settings_for(card: int) -> Settings:
    """The server settings for a card."""
    settings = lmdeploy_settings()
    changes = {name: getattr(settings, name).model_copy(update=values) for name, values in CARDS[card].items()}
    return settings.model_copy(update=changes)


@contextmanager
def held(card: int, used_mb: int = 0) -> Iterator[None]:
    """Another process holds all memory of the GPU but the card's, of which `used_mb` MiB are in use already."""
    command = [sys.executable, __file__, "--hold", str(card), "--used", str(used_mb)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None and holder.stdout.readline().startswith("held")
            yield
        finally:
            holder.kill()


def hold(card: int, used_mb: int) -> None:
    """Take the memory, in pieces, until the rest of the card's is left, and keep it until the standard input ends."""
    import torch

    taken, left = [], int(card * 1e9) - (used_mb << 20)
    while (more := torch.cuda.mem_get_info()[0] - left) > 4 << 20:
        taken.append(torch.empty(min(more, 1 << 33), dtype=torch.uint8, device="cuda"))
    print("held", flush=True)
    sys.stdin.read()


def train_under(out: Path, card: int) -> int:
    """Execute a plan in this process, which is told that the card is this small."""
    import torch

    from trainer.xtuner import worker
    from trainer.xtuner.plan import TrainingPlan

    ask = torch.cuda.get_device_properties

    class SmallCard:
        total_memory = int(card * 1e9)

        def __init__(self, whole: Any) -> None:
            self.whole = whole

        def __getattr__(self, name: str) -> Any:
            return getattr(self.whole, name)

    torch.cuda.get_device_properties = lambda device=None: SmallCard(ask(device))
    return worker.run(TrainingPlan.load(out))


def run_training(options: argparse.Namespace, card: int, name: str) -> dict[str, Any]:
    """A run with the default settings (batch 4, 13 tiles); its figures, or why it failed."""
    folder = options.folder / "train"
    if not (folder / "data").exists():
        train.make_photos(folder / "data", options.photos)
        (folder / "base").symlink_to(options.model.absolute())
    run = argparse.Namespace(steps=options.steps, batch=4, photos=options.photos, rank=128, rate=2e-5)
    out = folder / f"{name}-{card}"
    plan = train.plan_of(run, folder, out.name)
    plan = replace(plan, max_tiles=min(plan.max_tiles, settings_for(card).engine.max_tiles))
    plan.save()
    command = [sys.executable, __file__, "--train", str(out), "--card", str(card)]
    with (options.folder / f"{name}-{card}.log").open("w") as log:
        code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log).returncode
    progress, steps = read_progress(out), [line["s"] for line in read_training_steps(out)]
    if code or not steps:
        return {"failed": progress.get("message", f"it ended with code {code}")}
    return {
        "tiles": plan.max_tiles + 1,
        "batch": run.batch,
        "parts": progress["parts"],
        "recomputed_layers": progress["recomputed_layers"],
        "peak_mb": progress["memory_mb"],
        "step_s": round(statistics.median(steps[len(steps) // 2 :]), 3),
    }


def post(url: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}{path}", data=b"{}", headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=60):
        pass


def jokes(url: str, settings: Settings, count: int) -> dict[str, Any]:
    engines = Engines([url], KEY, tiles=settings.engine.max_tiles)
    return summary(asyncio.run(closed_loop(engines, Photos().next, CLIENTS, count)), CLIENTS)


def serve(options: argparse.Namespace, card: int, part: dict[str, Any], stack: ExitStack, after: Path | None) -> None:
    """The parts serve and turn. With `after`, the memory is held when the server has started and that file exists."""
    settings = settings_for(card)
    part["serve"] = {"tiles": settings.engine.max_tiles + 1, "batch": settings.lmdeploy.max_batch}
    base = {**os.environ, "PYTHONPATH": os.environ.get("SERVE_PATH", os.environ.get("PYTHONPATH", ""))}
    if not after:
        stack.enter_context(held(card))
    before, started = gpu_mb(), time.monotonic()
    try:
        command = server_command(options.model, free_port(), settings)
        part["serve"]["cache_tokens"] = 64 * int(command[command.index("--num-gpu-blocks") + 1])
        log, environment = options.folder / f"serve-{card}.log", server_environment(KEY, base=base)
        with start_child("server", command, log=log, environment=environment, grace_s=5) as child:
            url = child.wait_ready(START_S)
            part["serve"]["start_s"] = round(time.monotonic() - started, 1)
            if after:
                wait_for_file(after)
                before = gpu_mb()
                stack.enter_context(held(card, before))
                before = gpu_mb() - before
            jokes(url, settings, 2 * CLIENTS)
            figures = jokes(url, settings, options.jokes)
            part["serve"] |= {"peak_mb": gpu_mb() - before, **figures}
            if "turn" in options.parts:
                save_part(options, card, part)
                turn(options, card, part, url, before)
    except (ChildFailed, JokebotError, OSError) as error:
        name = "turn" if "photos_per_s" in part["serve"] else "serve"
        part.setdefault(name, {})["failed"] = str(error)[:300]


def turn(options: argparse.Namespace, card: int, part: dict[str, Any], url: str, before: int) -> None:
    """The server sleeps while a run trains, and wakes up. `before`: memory of the holder, MiB."""
    post(url, "/sleep?level=1")
    time.sleep(3)
    part["turn"] = {"asleep_mb": gpu_mb() - before, **run_training(options, card, "turn")}
    save_part(options, card, part)
    post(url, "/wakeup")
    part["turn"]["awake"] = jokes(url, settings_for(card), 2 * CLIENTS)


def wait_for_file(path: Path) -> None:
    while not path.exists():
        time.sleep(0.5)


RESULT: dict[str, Any] = {"cards": {}, "shapes": "InternVL2-2B, random weights", "new_tokens": 64}
"""Filled by `save_part`, because the time on a GPU host may end before the benchmark does."""


def save_part(options: argparse.Namespace, card: int, part: dict[str, Any]) -> None:
    RESULT["cards"][str(card)] = part
    print(f"{card} GB: {json.dumps(part)}", flush=True)
    save_result(RESULT, "small_cards", options.save)


def measure(options: argparse.Namespace) -> None:
    """Measure the sizes in order; the result is saved after each part."""
    RESULT.update(machine=machine(), date=time.strftime("%Y-%m-%d"))
    for card in options.cards:
        part: dict[str, Any] = {"settings": CARDS[card]}
        cache_size.card_gb = lambda card=card: float(card)  # type: ignore[attr-defined]
        after, options.after = options.after, None
        with ExitStack() as stack:
            if {"serve", "turn"} & set(options.parts):
                serve(options, card, part, stack, after)
                save_part(options, card, part)
        if "train" in options.parts:
            with held(card):
                part["train"] = run_training(options, card, "alone")
            save_part(options, card, part)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=Path("build/bench/base"), help="a checkpoint directory")
    parser.add_argument("--folder", type=Path, default=Path("build/bench/small"), help="for logs and runs")
    parser.add_argument("--cards", type=int, nargs="+", choices=sorted(CARDS), default=sorted(CARDS), metavar="GB")
    parser.add_argument("--parts", nargs="+", choices=("serve", "turn", "train"), default=["serve", "turn", "train"])
    parser.add_argument("--photos", type=int, default=8, help="photos of a run")
    parser.add_argument("--steps", type=int, default=12, help="steps of a run")
    parser.add_argument("--jokes", type=int, default=40, help="photos to serve")
    parser.add_argument("--save", default="", metavar="MACHINE", help="keep the result in benchmarks/results/")
    parser.add_argument(
        "--after",
        type=Path,
        metavar="FILE",
        help="start the first server at once; take the memory once FILE is there",
    )
    parser.add_argument("--hold", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--used", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--card", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hold:
        hold(options.hold, options.used)
        return 0
    if options.train:
        return train_under(options.train, options.card)
    (options.folder / "train").mkdir(parents=True, exist_ok=True)
    measure(options)
    finish(RESULT, "small_cards", options.save)
    return 0


if __name__ == "__main__":
    sys.exit(main())
