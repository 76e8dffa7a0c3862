"""How the host is: graphics cards, disks, folders. Without torch, and with a time limit on everything."""

import asyncio
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from configs.gpu import QUERY, GpuInfo, parse_gpus

NVIDIA_SMI = "nvidia-smi"
PATIENCE_S = 5.0
"""A driver that hangs must not hang us."""
WEIGHING_S = 3.0


@dataclass(frozen=True)
class FolderSize:
    """Bytes of a folder's files; not `whole` where there are too many to count in time, and there are more."""

    bytes: int
    whole: bool


async def list_gpus() -> list[GpuInfo] | None:
    """The graphics cards, as NVIDIA's tool sees them; None on a host without that tool, empty where it finds none or
    fails.
    """
    if shutil.which(NVIDIA_SMI) is None:
        return None
    try:
        process = await asyncio.create_subprocess_exec(
            NVIDIA_SMI,
            *QUERY,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return []
    try:
        async with asyncio.timeout(PATIENCE_S):
            output, _ = await process.communicate()
    except TimeoutError:
        return []
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
    gpus = parse_gpus(output.decode("utf-8", "replace")) if process.returncode == 0 else []
    return [gpu for gpu in gpus if gpu.all_gb]


def free_disk_bytes(folder: Path) -> int:
    """Free bytes of the disk that holds a folder, or will."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def folder_size(folder: Path, most_s: float = WEIGHING_S) -> FolderSize:
    """What a folder takes on its disk; a file with several names counts once. Blocks for `most_s` seconds at most."""
    deadline, total, seen = time.monotonic() + most_s, 0, set[tuple[int, int]]()
    folders = [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if time.monotonic() > deadline:
                        return FolderSize(total, False)
                    with suppress(OSError):
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                            continue
                        status = entry.stat(follow_symlinks=False)
                        if status.st_nlink == 1 or (status.st_dev, status.st_ino) not in seen:
                            total += status.st_size
                        if status.st_nlink > 1:
                            seen.add((status.st_dev, status.st_ino))
        except OSError:
            continue
    return FolderSize(total, True)


def database_bytes(file: Path) -> int:
    """The database with its write-ahead log."""
    return sum(path.stat().st_size for path in (file, file.with_name(f"{file.name}-wal")) if path.exists())
