"""The state of the host: GPUs, disks, folders. Without torch, and with a time limit on everything."""

import asyncio
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from configs.child_environment import child_environment
from configs.gpu import QUERY, GpuInfo, parse_gpus

NVIDIA_SMI = "nvidia-smi"
NVIDIA_SMI_TIMEOUT_S = 5.0
"""A driver that hangs must not block the bot."""
FOLDER_SCAN_S = 3.0


@dataclass(frozen=True)
class FolderSize:
    """Bytes of a folder's files; a lower bound if the scan was not `complete` in time."""

    bytes: int
    complete: bool


async def list_gpus() -> list[GpuInfo] | None:
    """The GPUs that nvidia-smi lists; None on a host without nvidia-smi, empty if it finds none or fails."""
    if shutil.which(NVIDIA_SMI) is None:
        return None
    try:
        process = await asyncio.create_subprocess_exec(
            NVIDIA_SMI,
            *QUERY,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=child_environment(),
        )
    except OSError:
        return []
    try:
        async with asyncio.timeout(NVIDIA_SMI_TIMEOUT_S):
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
    """Free bytes of the disk of a folder, which needn't exist yet."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def folder_size(folder: Path, timeout_s: float = FOLDER_SCAN_S) -> FolderSize:
    """The disk usage of a folder; a file with several names counts once. Blocks for at most `timeout_s` seconds."""
    deadline, total, counted = time.monotonic() + timeout_s, 0, set[tuple[int, int]]()
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
                        if status.st_nlink == 1 or (status.st_dev, status.st_ino) not in counted:
                            total += status.st_size
                        if status.st_nlink > 1:
                            counted.add((status.st_dev, status.st_ino))
        except OSError:
            continue
    return FolderSize(total, True)


def database_bytes(file: Path) -> int:
    """Size of the database file with its write-ahead log."""
    return sum(path.stat().st_size for path in (file, file.with_name(f"{file.name}-wal")) if path.exists())
