# environment: train
"""`make bench-cpu_2b`: a joke of a 2B model on a CPU, for different numbers of cores.

`jokebot serve` serves a checkpoint of InternVL2-2B's shapes with random weights at one tile and one request at a time,
with the precision that it chooses by itself, bound to so many cores. A client on no core of its own sends distinct
photos of 1280 × 960 one after another and asks for 40 tokens. The first photo of each server is not counted.

Left out: other load on the host, several users, and the text (random weights write noise, of the same length always).
The last output line is one JSON object; for each number of cores:

    first_word_s, token_s   median seconds to the first token, and for each further one
    whole_s                 these for 40 tokens
    first_words_s           seconds to the first token of each photo
    start_s, memory_gb      seconds until the server listens; its peak resident memory
    dtype                   the precision
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import aiohttp

from benchmarks.load import Engines
from benchmarks.machine import ROOT, finish, machine, save_result, status
from benchmarks.model_servers import free_port
from benchmarks.photos import Photos

TOKENS = 40
START_S = 900.0
REQUEST_S = 900.0


def start_server(model: Path, cores: list[int], port: int, log: Path, options: argparse.Namespace) -> subprocess.Popen:
    """Start `jokebot serve` on these cores."""
    command = [sys.executable, "-m", "bot", "serve", str(model), "--max-tiles", "1", "--port", str(port)]
    command += ["--threads", str(len(cores)), "--dtype", options.dtype]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": str(len(cores))}
    with log.open("wb") as file:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=file,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )


async def wait_until_ready(url: str, server: subprocess.Popen, log: Path) -> None:
    """Raises RuntimeError if the server ends or takes too long."""
    deadline = time.monotonic() + START_S
    async with aiohttp.ClientSession() as session:
        while server.poll() is None and time.monotonic() < deadline:
            try:
                async with session.get(f"{url}/v1/models") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.5)
    raise RuntimeError(f"the server did not start: {end_of(log)}")


async def measure(model: Path, cores: list[int], options: argparse.Namespace) -> dict[str, Any]:
    """Measure one server on these cores."""
    log, port, started = options.folder / f"cpu-{len(cores)}-{cores[0]}.log", free_port(), time.monotonic()
    server = start_server(model, cores, port, log, options)
    try:
        url = f"http://127.0.0.1:{port}"
        await wait_until_ready(url, server, log)
        start_s = round(time.monotonic() - started, 1)
        engines, photos, done = Engines([url], tokens=TOKENS, tiles=1), Photos(), []
        timeout = aiohttp.ClientTimeout(total=REQUEST_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for _ in range(options.photos + 1):
                done.append(await engines.request(session, photos.next()))
                if done[-1].failure:
                    raise RuntimeError(done[-1].failure)
        peak = status(server.pid).get("VmHWM", 0)
    finally:
        server.terminate()
        server.wait()
    counted = done[1:]
    pace = statistics.median((one.ended - one.first) / max(1, one.tokens - 1) for one in counted)
    first = statistics.median(one.first - one.sent for one in counted)
    return {
        "cores": len(cores),
        "first_word_s": round(first, 2),
        "token_s": round(pace, 3),
        "whole_s": round(first + (TOKENS - 1) * pace, 2),
        "first_words_s": [round(one.first - one.sent, 2) for one in counted],
        "start_s": start_s,
        "memory_gb": round(peak / 1e6, 1),
        "dtype": precision(log),
    }


def end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:]


def precision(log: Path) -> str:
    """The precision that the server's log names."""
    text = log.read_text(errors="replace")
    return next((name for name in ("bfloat16", "float32") if name in text), "")


async def measure_all(options: argparse.Namespace, model: Path) -> list[dict[str, Any]]:
    """Measure each number of cores: one after another, or at the same time on cores of their own."""
    free = sorted(os.sched_getaffinity(0))[options.skip :]
    if not options.together:
        return [await measure(model, free[:count], options) for count in options.cores]
    groups, first = [], 0
    for count in options.cores:
        groups.append(free[first : first + count])
        first += count
    return list(await asyncio.gather(*(measure(model, group, options) for group in groups)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, help="a checkpoint; without it a random one is written")
    parser.add_argument("--shape", choices=("tiny", "2b"), default="2b", help="of the random checkpoint")
    parser.add_argument("--folder", type=Path, default=Path("build/bench/cpu"), help="for checkpoint and logs")
    parser.add_argument("--cores", type=int, nargs="+", default=[2], metavar="N")
    parser.add_argument("--together", action="store_true", help="all at the same time, on cores of their own")
    parser.add_argument("--skip", type=int, default=0, metavar="N", help="leave the first cores to other work")
    parser.add_argument("--photos", type=int, default=5, help="photos of each server, after one that isn't counted")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--save", default="", metavar="MACHINE", help="keep the result in benchmarks/results/")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    model = options.model or options.folder / "base"
    if not model.exists():
        checkpoint = [sys.executable, str(ROOT / "benchmarks/checkpoint.py"), "--shape", options.shape]
        subprocess.run([*checkpoint, "--out", str(model)], check=True)
    result = {
        "by_cores": asyncio.run(measure_all(options, model)),
        "tiles": 1,
        "new_tokens": TOKENS,
        "together": options.together,
        "shapes": f"InternVL2-{options.shape.upper()}, random weights",
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
    }
    save_result(result, "cpu_2b", options.save)
    finish(result, "cpu_2b", "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
