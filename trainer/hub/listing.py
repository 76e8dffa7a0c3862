"""What a hub says of a repository, and the check of a file against it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trainer.hub.catalog import CatalogEntry

CHUNK = 1 << 20


@dataclass(frozen=True)
class RemoteFile:
    """A file as the hub lists it. `git_sha1` is Git's id of a blob, for files that the hub gives no SHA-256 of."""

    name: str
    size: int
    sha256: str | None = None
    git_sha1: str | None = None


@dataclass(frozen=True)
class RepositoryListing:
    """The wanted files of a repository at a revision, and the others, which are not fetched."""

    repository: str
    revision: str
    licence: str
    page: str
    files: tuple[RemoteFile, ...]
    left_out: tuple[RemoteFile, ...] = ()

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class FileHub(Protocol):
    """A hub. Calls raise OSError (requests' exceptions are OSErrors); an unfinished file is resumed by the next call.

    `address` names the hub for the user and in records.
    """

    address: str

    def list_files(self, entry: CatalogEntry, revision: str | None) -> RepositoryListing:
        """List a repository; None is the hub's default revision."""

    def download(
        self, entry: CatalogEntry, listing: RepositoryListing, file: RemoteFile, folder: Path, *, use_cache: bool
    ) -> None:
        """Write a file to the folder; parts of it go to the folder's `.cache`."""


def verified_sha256(path: Path, file: RemoteFile) -> str | None:
    """The SHA-256 of a file, or None if it is not what the hub lists."""
    if not path.is_file() or path.stat().st_size != file.size:
        return None
    # Git's object id: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            sha256.update(chunk)
            if file.git_sha1 and not file.sha256:
                blob.update(chunk)
    if file.sha256:
        return sha256.hexdigest() if sha256.hexdigest() == file.sha256.lower() else None
    return sha256.hexdigest() if file.git_sha1 in (None, blob.hexdigest()) else None
