"""Simulated worlds over all cores, their shares with bounds, and their result files: for bench-gate, -watch, -collapse.

Seeds are reproducible on any number of cores: a world's parts are of a fixed size, and each part has its own seed.
"""

import argparse
import json
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self, TypeVar

import numpy as np

from benchmarks.machine import RESULTS, machine

Part = TypeVar("Part")


@dataclass(frozen=True)
class Options:
    """What a run simulates: so many of each kind, seeds shifted by `first`. `keep` writes the result to a file."""

    count: int
    first: int
    keep: bool
    switches: frozenset[str]

    @classmethod
    def parse(
        cls, description: str, *, default: int, first: int = 0, switches: Mapping[str, str] = MappingProxyType({})
    ) -> Self:
        """Read the command line: `description` is the help, `switches` have help texts, the others are defaults."""
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--count", type=int, default=default, help=f"of each kind in each world ({default})")
        parser.add_argument("--first", type=int, default=first, help=f"moves all seeds ({first}): fresh worlds")
        parser.add_argument(
            "--keep", action="store_true", help="write benchmarks/results/NAME.json, NAME_fresh.json for fresh worlds"
        )
        for name, about in switches.items():
            parser.add_argument(f"--{name}", action="store_true", help=about)
        arguments = parser.parse_args()
        given = frozenset(name for name in switches if getattr(arguments, name))
        return cls(arguments.count, arguments.first, arguments.keep, given)


@dataclass(frozen=True)
class Share:
    """`hits` of `count`, with the 95 % confidence bounds of the share."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        return round(self.hits / self.count, 4)

    @property
    def upper(self) -> float:
        return round(upper_bound(self.hits, self.count), 4)

    @property
    def lower(self) -> float:
        return round(1 - upper_bound(self.count - self.hits, self.count), 4)


class Cores:
    """A process for each core that this process may use.

    New processes load NumPy with one thread each: several threads in each of as many processes are slower.
    """

    def __init__(self) -> None:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self._pool = ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn"))
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def map(self, function: Callable[..., Part], jobs: Sequence[tuple[Any, ...]], at_once: int = 1) -> list[Part]:
        """The function's results for each tuple of arguments, in their order; a process takes `at_once` of them."""
        return list(self._pool.map(function, *zip(*jobs, strict=True), chunksize=at_once))

    def seconds(self) -> dict[str, float]:
        """Seconds so far, and those of all processes that have ended."""
        self._pool.shutdown()
        used = os.times()
        return {
            "seconds": round(time.monotonic() - self._started, 1),
            "cpu_s": round(used.children_user + used.children_system, 1),
        }


def parts_of(count: int, size: int) -> list[tuple[int, int]]:
    """Number and size of the parts into which `count` simulations are split."""
    return [(number, min(size, count - begun)) for number, begun in enumerate(range(0, count, size))]


def finish(
    result: Mapping[str, Any], name: str, options: Options, settings: Mapping[str, Any], usual_first: int
) -> None:
    """Print the result as the last line, and keep it if wanted."""
    if options.keep:
        report = {**result, "settings": settings, "machine": machine(), "date": time.strftime("%Y-%m-%d")}
        file = RESULTS / (f"{name}.json" if options.first == usual_first else f"{name}_fresh.json")
        file.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False))


def upper_bound(hits: int, count: int) -> float:
    """The upper 95 % confidence bound of a share (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934, 404-413)."""
    if hits >= count:
        return 1.0
    numbers = np.arange(hits + 1)
    ways = np.array([math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) for k in numbers])
    low, high = hits / count, 1.0
    for _ in range(50):
        share = (low + high) / 2
        fewer = np.exp(ways + numbers * math.log(share) + (count - numbers) * math.log1p(-share)).sum()
        low, high = (share, high) if fewer > 0.05 else (low, share)
    return high
