"""GPU profile of one of our servers: 2 seconds with 32 clients under LMDeploy's profiler.

Starts a server with LMDeploy's torch profiler, keeps it busy until the trace is written, and sums up the kernels. The
last output line is one JSON object: `busy`, share of the time with a running kernel; `by_kind`, share of kernel time
per kind; `top`, the longest kernels with milliseconds and counts.
"""

import argparse
import asyncio
import gzip
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.load import Engines, closed_loop
from benchmarks.machine import finish, machine
from benchmarks.model_servers import START_S, free_port
from benchmarks.photos import Photos
from benchmarks.serve import KEY, lmdeploy_settings
from bot.engine.lmdeploy.command_line import server_command, server_environment
from bot.runtime.child_process import start_child

DELAY_S, SECONDS, CLIENTS, TRACE_TIMEOUT_S = 40, 2, 32, 90
KINDS = (
    ("attention", r"flash|fmha|attention|attn"),
    ("matrix products", r"gemm|cutlass|cublas|nvjet|xmma|matmul|splitK"),
    ("copies", r"memcpy|memset|copy"),
    ("norms", r"norm"),
    ("sampling", r"sort|topk|softmax|sample|multinomial|scan"),
    ("rest", r""),
)


def kind_of(name: str) -> str:
    return next(kind for kind, words in KINDS if re.search(words, name, re.IGNORECASE))


def kernels_of(trace: Path) -> list[tuple[str, float, float]]:
    """(name, start, duration) of the GPU's kernels in microseconds, sorted by start."""
    with gzip.open(trace, "rt", encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    kernels = [
        (event["name"], float(event["ts"]), float(event["dur"]))
        for event in events
        if event.get("ph") == "X" and event.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset")
    ]
    return sorted(kernels, key=lambda kernel: kernel[1])


def busy(kernels: Sequence[tuple[str, float, float]]) -> float:
    """Share of the time from first to last kernel in which at least one ran."""
    covered, until = 0.0, kernels[0][1]
    for _, start, duration in kernels:
        covered += max(0.0, start + duration - max(start, until))
        until = max(until, start + duration)
    return covered / max(1e-9, until - kernels[0][1])


def report(kernels: Sequence[tuple[str, float, float]]) -> dict[str, Any]:
    by_name: dict[str, list[float]] = defaultdict(list)
    by_kind: dict[str, float] = defaultdict(float)
    for name, _, duration in kernels:
        by_name[name].append(duration)
        by_kind[kind_of(name)] += duration
    total = sum(by_kind.values())
    longest = sorted(by_name.items(), key=lambda item: -sum(item[1]))[:30]
    return {
        "busy": round(busy(kernels), 3),
        "kernel_ms": round(total / 1e3, 1),
        "by_kind": {
            kind: round(spent / total, 3) for kind, spent in sorted(by_kind.items(), key=lambda item: -item[1])
        },
        "top": [
            {"kernel": name[:120], "ms": round(sum(spent) / 1e3, 2), "times": len(spent)} for name, spent in longest
        ],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint directory")
    parser.add_argument("--folder", type=Path, required=True, help="for the log and the trace")
    parser.add_argument("--save", default="", metavar="MACHINE", help="keep the result in benchmarks/results/")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    trace, settings = options.folder / "trace-0.json.gz", lmdeploy_settings()
    trace.unlink(missing_ok=True)
    profiler = {
        "LMDEPLOY_PROFILE_CUDA": "1",
        "LMDEPLOY_PROFILE_DELAY": str(DELAY_S),
        "LMDEPLOY_PROFILE_DURATION": str(SECONDS),
        "LMDEPLOY_PROFILE_OUT_PREFIX": str(options.folder / "trace-"),
    }
    with start_child(
        "server",
        server_command(options.model, free_port(), settings),
        log=options.folder / "server.log",
        environment={**server_environment(KEY), **profiler},
        grace_s=5,
    ) as child:
        engines, photos = Engines([child.wait_ready(START_S)], KEY, tiles=settings.engine.max_tiles), Photos()
        deadline = time.monotonic() + TRACE_TIMEOUT_S
        asyncio.run(
            closed_loop(engines, photos.next, CLIENTS, 100_000, lambda: trace.exists() or time.monotonic() > deadline)
        )
        # A large trace takes a moment to write; stop the server after that.
        time.sleep(3)
    if not trace.exists():
        print(f"LMDeploy wrote no trace; see {options.folder / 'server.log'}")
        return 1
    profile = report(kernels_of(trace))
    for kernel in profile["top"]:
        print(f"{kernel['ms']:9.2f} ms {kernel['times']:6d} {kernel['kernel']}")
    finish(
        {**profile, "clients": CLIENTS, "settings": settings.lmdeploy.model_dump(), "machine": machine()},
        "profile_serve",
        options.save,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
