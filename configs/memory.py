"""Memory that this process can still allocate: the minimum of the host's and its control groups' (container limits).

Control groups: version 2 (https://docs.kernel.org/admin-guide/cgroup-v2.html) and version 1
(https://docs.kernel.org/admin-guide/cgroup-v1/memory.html).
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class CgroupFiles:
    """The files of a memory controller (bytes), and the field of memory.stat with reclaimable cached pages."""

    limit: str
    usage: str
    reclaimable: str


VERSION_1 = CgroupFiles("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
VERSION_2 = CgroupFiles("memory.max", "memory.current", "inactive_file")


def free_memory(proc: Path | None = None, cgroup: Path | None = None) -> int | None:
    """Bytes that this process can still allocate, or None if unknown. `proc` and `cgroup` are mount points."""
    proc, cgroup = proc or PROC, cgroup or CGROUP
    known = [free for free in (_host_free(proc), *_cgroups_free(proc, cgroup)) if free is not None]
    return min(known, default=None)


def _host_free(proc: Path) -> int | None:
    if sys.platform != "linux":
        import psutil

        return psutil.virtual_memory().available
    try:
        lines = (proc / "meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None


def _cgroups_free(proc: Path, cgroup: Path) -> Iterator[int | None]:
    """Free bytes of each control group above this process; any level may have a limit."""
    paths = _own_groups(proc)
    for controller, root, files in (("", cgroup, VERSION_2), ("memory", cgroup / "memory", VERSION_1)):
        group = root / paths.get(controller, "/").lstrip("/")
        for folder in (group, *group.parents):
            if not folder.is_relative_to(root):
                break
            yield _group_free(folder, files)


def _own_groups(proc: Path) -> dict[str, str]:
    """The process's group by version 1 controller; the key is "" for version 2.

    Paths are relative to the controller's mount point. In a container without a cgroup namespace they are the host's
    paths, which don't exist there; the mount point itself is then the container's group.
    """
    try:
        rows = [line.split(":", 2) for line in (proc / "self/cgroup").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return {}
    return {controller: row[2] for row in rows if len(row) == 3 for controller in row[1].split(",")}


def _group_free(folder: Path, files: CgroupFiles) -> int | None:
    """Free bytes of a group; None if it doesn't exist or has no limit."""
    try:
        limit = int((folder / files.limit).read_text(encoding="ascii"))
        usage = int((folder / files.usage).read_text(encoding="ascii"))
        numbers = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        return max(0, limit - usage + int(numbers.get(files.reclaimable, 0)))
    except (OSError, ValueError):
        return None
