"""Shared by the benchmarks: measured processes, a description of the machine, and result files."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True)
class Measured:
    """An ended process and its children: wall and CPU seconds, peak memory in MB.

    The peak anonymous memory is of all processes (shared pages count for each), the peak resident memory of the parent.
    """

    seconds: float
    cpu_s: float
    anon_mb: float
    rss_mb: float
    started: float


def measured(command: Sequence[str], log: Path | None = None, **environment: str) -> Measured:
    """Run a process and sample its memory from /proc every 5 ms. Raises CalledProcessError if it fails."""
    wall_start, started, before, peak = time.monotonic(), time.time(), os.times(), {"RssAnon": 0, "VmHWM": 0}
    with (log or Path(os.devnull)).open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
        while process.poll() is None:
            own, *others = (status(pid) for pid in (process.pid, *children_of(process.pid)))
            now = {**own, "RssAnon": own.get("RssAnon", 0) + sum(other.get("RssAnon", 0) for other in others)}
            for name, kilobytes in now.items():
                peak[name] = max(peak[name], kilobytes)
            time.sleep(0.005)
    if process.returncode:
        print(log.read_text()[-3000:] if log else "", flush=True)
        raise subprocess.CalledProcessError(process.returncode, command)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(
        round(time.monotonic() - wall_start, 3),
        round(cpu, 2),
        round(peak["RssAnon"] / 1e3, 1),
        round(peak["VmHWM"] / 1e3, 1),
        started,
    )


def children_of(pid: int) -> list[int]:
    """The ids of a process's children; empty if it has ended or the kernel does not report them."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def status(pid: int) -> dict[str, int]:
    """RssAnon and VmHWM of a process, in kB; empty if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split(":") for line in lines if line.startswith(("RssAnon", "VmHWM")))
    return {name: int(value.split()[0]) for name, value in pairs}


def machine() -> dict[str, Any]:
    """Processor, cores, memory and GPU."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "",
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    try:
        gpu = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True
        ).stdout.strip()
    except OSError:
        gpu = ""
    return {
        "processor": model or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory, 1),
        "gpu": gpu,
    }


def gpu_mb() -> int:
    """Used memory of the first GPU in MB; 0 without a GPU."""
    try:
        query = subprocess.run(
            ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], capture_output=True, text=True
        )
        return int(query.stdout.split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def cpu_seconds() -> dict[str, float]:
    """CPU seconds of this process (the clients) and of each descendant, by role and number."""
    used = {"clients": sum(psutil.Process().cpu_times()[:2])}
    for process in psutil.Process().children(recursive=True):
        try:
            used[f"{process.name()}-{process.pid}"] = sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
    return used


def save_result(result: dict[str, Any], name: str, save: str) -> None:
    """Write benchmarks/results/NAME_SAVE.json if `save`, the machine's name, is not empty."""
    if save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}_{save}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def finish(result: dict[str, Any], name: str, save: str) -> None:
    """Print the result as the last line, and save it if `save`, the machine's name, is not empty."""
    save_result(result, name, save)
    print(json.dumps(result), flush=True)
