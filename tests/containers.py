"""Simulates a container with a memory limit: files of proc and cgroup."""

from pathlib import Path

import pytest

USED, CACHED = 1_000_000_000, 300_000_000
"""Bytes used by the container, and cached file pages among them."""


def write_files(folder: Path, **texts: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)


def limit_memory(folder: Path, free: int, *, version: int = 2) -> tuple[Path, Path]:
    """Write files for `free` bytes left on a host with 64 GiB; returns the mount points of proc and cgroup."""
    limit = free + USED - CACHED
    write_files(folder / "proc", meminfo="MemTotal: 134217728 kB\nMemAvailable: 67108864 kB\n")
    # With version 1, older Dockers have no cgroup namespace: the path is the host's.
    write_files(folder / "proc/self", cgroup="0::/\n" if version == 2 else "4:memory:/docker/8f2a\n0::/docker/8f2a\n")
    if version == 2:
        write_files(
            folder / "cgroup",
            **{
                "memory.max": f"{limit}\n",
                "memory.current": f"{USED}\n",
                "memory.stat": f"anon 1\ninactive_file {CACHED}\n",
            },
        )
    else:
        write_files(
            folder / "cgroup/memory",
            **{
                "memory.limit_in_bytes": f"{limit}\n",
                "memory.usage_in_bytes": f"{USED}\n",
                "memory.stat": f"inactive_file 1\ntotal_inactive_file {CACHED}\n",
            },
        )
    return folder / "proc", folder / "cgroup"


def enter_container(monkeypatch: pytest.MonkeyPatch, folder: Path, free: int, *, version: int = 2) -> None:
    """Make configs.memory read a simulated container's files, with `free` bytes left."""
    proc, cgroup = limit_memory(folder, free, version=version)
    monkeypatch.setattr("configs.memory.PROC", proc)
    monkeypatch.setattr("configs.memory.CGROUP", cgroup)
