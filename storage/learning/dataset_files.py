"""A dataset on disk: a directory with `train.json`, `holdout.json`, `images/` and `manifest.json`.

The manifest holds the digest of every row and the name (a SHA-256) of every picture. The directory's name is the
SHA-256 of the manifest without the keys OUTSIDE_HASH, so two exports of the same content have the same name. A
directory is written under a temporary name, flushed, and renamed, so a directory with its own name is always complete.
"""

import asyncio
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from configs.errors import JokebotError, explaining

FORMAT = 1
PARTS = ("train", "holdout")
IMAGES = "images"
UNFINISHED = ".unfinished-"
COUNTED_WITH = "counted_with"
"""In a manifest: directory of the model whose tokenizer counted the tokens; "" where it is unknown."""
OUTSIDE_HASH = ("name", "created_at", COUNTED_WITH)
Row = dict[str, Any]


class DatasetError(JokebotError):
    """A dataset can't be written, read or trusted; the message has the cause and the remedy."""


class DamagedError(DatasetError):
    """A dataset's files are missing, truncated or malformed."""


class DatasetLocked(DatasetError):
    """Another process is writing datasets."""


@dataclass(frozen=True)
class DatasetContents:
    """A dataset's rows in XTuner's form and its manifest, whose `rows` describe them in the same order, train first."""

    train: list[Row]
    holdout: list[Row]
    manifest: dict[str, Any]

    def rows(self) -> Iterable[Row]:
        return (*self.train, *self.holdout)


@dataclass(frozen=True)
class PreparedDataset:
    """A complete dataset under a temporary name, not yet published."""

    temporary: Path
    name: str

    def publish(self) -> Path:
        """Rename it to its own name, or discard it if that directory exists already. Raises DatasetError."""
        directory = self.temporary.parent / self.name
        if directory.is_dir():
            self.discard()
            return directory
        with dataset_errors(f"The dataset {self.name[:12]} can't be put into {directory.parent}"):
            self.temporary.rename(directory)
            flush(directory.parent)
        return directory

    def discard(self) -> None:
        shutil.rmtree(self.temporary, ignore_errors=True)


def canonical(value: Any) -> bytes:
    """A canonical encoding of a JSON value, for hashing."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_name(manifest: Mapping[str, Any]) -> str:
    """The directory name that follows from a manifest's content."""
    return digest({key: value for key, value in manifest.items() if key not in OUTSIDE_HASH})


def prepare_dataset(folder: Path, contents: DatasetContents, pictures: Mapping[str, Path]) -> PreparedDataset:
    """Write a dataset under a temporary name in `folder` and flush it to the disk.

    `pictures` maps the name of each picture in the rows (`images/…`) to its file, which is linked, or copied if linking
    fails. Raises DatasetError, with all files removed, if the disk is full or an OSError occurs.
    """
    name = content_name(contents.manifest)
    with dataset_errors(f"The dataset {name[:12]} can't be written into {folder}"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        prepared = PreparedDataset(Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder)), name)
        try:
            write_files(prepared.temporary, contents, pictures, name)
        except BaseException:
            prepared.discard()
            raise
    return prepared


def write_files(directory: Path, contents: DatasetContents, pictures: Mapping[str, Path], name: str) -> None:
    (directory / IMAGES).mkdir(mode=0o700)
    for image in sorted({row["image"] for row in contents.rows()}):
        link_or_copy(pictures[image], directory / image)
    write_json(directory / "train.json", contents.train)
    write_json(directory / "holdout.json", contents.holdout)
    write_json(directory / "manifest.json", {"name": name, **contents.manifest})
    flush(directory / IMAGES)
    flush(directory)


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file, which the photo store never changes; copy it across file systems."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copyfile(source, target)
        flush(target)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file: flush a temporary file, then rename it."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def flush(path: Path) -> None:
    """fsync a file or directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def dataset_errors(what: str) -> AbstractContextManager[None]:
    """Context manager that raises a DatasetError beginning with `what` for an OSError in the block."""
    return explaining(
        what,
        DatasetError,
        lambda error: (
            "the disk is full. Free some room and try again; nothing was written"
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            else error.strerror or str(error)
        ),
    )


def read_dataset(directory: Path) -> DatasetContents:
    """Read a dataset's three JSON files. Raises DamagedError if one is missing, truncated or malformed."""
    train, holdout = (read_json(directory / f"{part}.json", list) for part in PARTS)
    manifest = read_json(directory / "manifest.json", dict)
    if manifest.get("format") != FORMAT or not isinstance(manifest.get("rows"), list):
        raise DamagedError(
            f"{directory / 'manifest.json'} is no manifest of this program's format {FORMAT}; export again."
        )
    return DatasetContents(train, holdout, manifest)


def count_rows(directory: Path) -> dict[str, int]:
    """The training rows of a dataset by origin; empty if it is gone or damaged."""
    try:
        rows = read_json(directory / "manifest.json", dict)["rows"]
        origins = [str(row["origin"]) for row in rows if row.get("part") == PARTS[0] and not row.get("forgotten")]
    except (DatasetError, KeyError, TypeError, AttributeError):
        return {}
    return {origin: origins.count(origin) for origin in dict.fromkeys(origins)}


def read_json(path: Path, kind: type) -> Any:
    """Read a JSON file. Raises DamagedError, or DatasetError for an OSError other than a missing file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        kind_of_error = DamagedError if isinstance(error, FileNotFoundError) else DatasetError
        raise kind_of_error(f"{path} can't be read: {error.strerror}. Is {path.parent} a dataset?") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DamagedError(f"{path} is damaged: {error}. Export the dataset again.") from error
    if not isinstance(value, kind):
        raise DamagedError(
            f"{path} should hold a JSON {'array' if kind is list else 'object'}, not {type(value).__name__}."
        )
    return value


@asynccontextmanager
async def lock(folder: Path, *, wait_s: float = 600.0) -> AsyncIterator[None]:
    """Lock the datasets folder for one process. The system releases the lock when the process ends.

    Raises DatasetLocked if another process holds the lock for longer than `wait_s`.
    """
    deadline = time.monotonic() + wait_s
    with _lock_file(folder) as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise DatasetLocked(
                        f"Another process is writing into {folder}; try again when it is done."
                    ) from None
                await asyncio.sleep(0.1)
        yield


def _lock_file(folder: Path) -> IO[str]:
    with dataset_errors(f"The folder {folder} can't be used"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (folder / ".lock").open("w")


def remove_unfinished(folder: Path) -> None:
    """Remove temporary directories of killed processes. The caller must hold the lock."""
    for leftover in folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
