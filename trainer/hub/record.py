"""The record of a fetch, a JSON file beside the fetched directory: source, revision, and digests of all files.

It outlives the directory, so that a later fetch gets the same content or is refused.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from trainer.hub.catalog import FetchError

FORMAT = 1
DOCUMENTATION = ("README.md", "LICENSE", "NOTICE")
"""Files that hubs edit without changing the model; a change of them is accepted."""


@dataclass(frozen=True)
class FetchRecord:
    """`files` is the SHA-256 by name."""

    source: str
    repository: str
    revision: str
    licence: str
    fetched_at: str
    files: dict[str, str]


def record_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.fetch.json")


def read_record(target: Path) -> FetchRecord | None:
    """The record of a directory, None if there is none. Raises FetchError for a damaged one."""
    path = record_path(target)
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise ValueError("another format")
        return FetchRecord(**content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FetchError(f"{path} can't be read ({error}). Move it away to fetch without comparing.") from error


def write_record(target: Path, record: FetchRecord) -> None:
    """Replace the record. Raises OSError."""
    path = record_path(target)
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_text(json.dumps({"format": FORMAT, **asdict(record)}, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def compare(record: FetchRecord, name: str, sha256: str, path: Path) -> None:
    """Raise FetchError if a file that was just fetched differs from the one of the first fetch."""
    if name.startswith(DOCUMENTATION) or record.files.get(name, sha256) == sha256:
        return
    raise FetchError(
        f"{name} differs from the file that was fetched first ({record.fetched_at}, {record.source}, revision "
        f"{record.revision[:12]}). If the change is wanted, move {path} away and fetch again."
    )


def damaged_files(target: Path, record: FetchRecord) -> list[str]:
    """The names of recorded files that are missing or changed. Reads all files. Raises OSError."""
    return [name for name, sha256 in record.files.items() if _sha256(target / name) != sha256]


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
