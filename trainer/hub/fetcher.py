"""Fetches a repository's files to a directory, which appears when all of them are there and verified."""

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from storage.checkpoint.architecture import WORKING, unsupported
from storage.checkpoint.location import CONFIG, CheckpointError
from storage.checkpoint.tensor_header import read_json
from trainer.hub.archive import TOP, unpack_pictures
from trainer.hub.catalog import OOGIRI_PICTURES, CatalogEntry, FetchError
from trainer.hub.faults import explain, is_final
from trainer.hub.listing import FileHub, RemoteFile, RepositoryListing, verified_sha256
from trainer.hub.record import FetchRecord, compare, read_record, record_path, write_record

LIST_ATTEMPTS, ATTEMPTS = 3, 8
"""Failures in a row, without a byte gained between them, after which a list of files or a download is given up."""
LONGEST_PAUSE_S = 30.0
SPARE_BYTES = 500_000_000
"""Disk that stays free for the rest of the host."""
Result = TypeVar("Result")
CACHE, PENDING = ".cache", ".cache/revision"
"""Folder of unfinished files, and the revision that an unfinished fetch belongs to."""


class Fetcher:
    """A fetch of `entry` from `hub` to the directory `target`; `report` gets lines for the user."""

    def __init__(
        self,
        hub: FileHub,
        entry: CatalogEntry,
        target: Path,
        *,
        report: Callable[[str], object] = print,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._hub, self._entry, self.target, self._report, self._sleep = hub, entry, target, report, sleep
        self.part = target.with_name(f".{target.name}.part")
        self._record = read_record(target)

    def list_files(self, revision: str | None = None) -> RepositoryListing:
        """Ask the hub for the files. Without `revision`, it is that of the unfinished or of the first fetch.

        Raises FetchError.
        """
        revision = revision or self._pending_revision() or self._recorded_revision()
        listing = self._persist(lambda: self._hub.list_files(self._entry, revision), revision, LIST_ATTEMPTS)
        if not listing.files:
            raise FetchError(f"{listing.page} has no file that is wanted of it. Nothing is fetched.")
        return listing

    def missing_bytes(self, listing: RepositoryListing) -> int:
        """Disk that the fetch still takes, the unpacked pictures included."""
        pictures = sum(file.size for file in listing.files if file.name == OOGIRI_PICTURES)
        return max(0, listing.size - stored_bytes(self.part)) + pictures

    def check_disk(self, listing: RepositoryListing) -> None:
        """Raise FetchError if the disk has no room for the files."""
        free, needed = free_bytes(self.target), self.missing_bytes(listing)
        if needed + SPARE_BYTES > free:
            raise FetchError(
                f"{self.target} needs {needed / 1e9:.1f} GB, and the disk has {free / 1e9:.1f} GB free. Free some "
                "space, or name a directory on another disk with --to."
            )

    def run(self, listing: RepositoryListing) -> Path:
        """Fetch and verify all files, and return the directory. Raises FetchError; the next call continues."""
        try:
            with self._locked():
                (self.part / CACHE).mkdir(parents=True, exist_ok=True)
                (self.part / PENDING).write_text(f"{self._hub.address}\n{listing.revision}\n", encoding="utf-8")
                # The smallest first: a model of another kind is refused before its weights are fetched.
                digests = {
                    file.name: self._obtain(listing, file)
                    for file in sorted(listing.files, key=lambda file: (file.size, file.name))
                }
                self._publish(listing, digests)
        except OSError as error:
            raise explain(error, self._hub.address, self._entry, listing.revision) from error
        return self.target

    def _obtain(self, listing: RepositoryListing, file: RemoteFile) -> str:
        """Fetch a file unless it is there, verify it and return its SHA-256. A wrong one is fetched a second time."""
        path = self.part / file.name
        sha256 = verified_sha256(path, file)
        for use_cache in (True, False):
            if sha256:
                break
            path.unlink(missing_ok=True)
            self._download(listing, file, use_cache)
            sha256 = verified_sha256(path, file)
        if not sha256:
            path.unlink(missing_ok=True)
            raise FetchError(
                f"{file.name} arrived twice with other content than {self._hub.address} lists (wrong size or hash). It "
                "was deleted. Try again later, or another source (--from)."
            )
        if self._record:
            compare(self._record, file.name, sha256, record_path(self.target))
        if file.name == CONFIG and self._entry.kind == "model":
            self._check_kind(path)
        return sha256

    def _download(self, listing: RepositoryListing, file: RemoteFile, use_cache: bool) -> None:
        self._persist(
            lambda: self._hub.download(self._entry, listing, file, self.part, use_cache=use_cache), listing.revision
        )

    def _check_kind(self, config: Path) -> None:
        try:
            reason = unsupported(read_json(config))
        except CheckpointError as error:
            raise FetchError(f"{self._entry.repository} is no model: {error}") from error
        if reason:
            raise FetchError(
                f"{self._entry.repository} is no InternVL2 that Jokebot can use: it has {reason}. {WORKING}. Its "
                "weights were not fetched."
            )

    def _publish(self, listing: RepositoryListing, digests: dict[str, str]) -> None:
        if OOGIRI_PICTURES in digests and self._entry.kind == "dataset":
            count = unpack_pictures(self.part / OOGIRI_PICTURES, self.part / TOP)
            self._report(f"{count:,} pictures unpacked.")
        for path in self.part.iterdir():
            if path.is_file() and path.name not in digests:
                path.unlink()
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record = FetchRecord(
            self._hub.address, listing.repository, listing.revision, listing.licence, now, dict(sorted(digests.items()))
        )
        if self._record is None or self._record.files != record.files:
            write_record(self.target, record)
        shutil.rmtree(self.part / CACHE)
        self.part.rename(self.target)

    def _persist(self, call: Callable[[], Result], revision: str | None, attempts: int = ATTEMPTS) -> Result:
        """Call until it succeeds; failures count as long as they bring no new bytes. Raises FetchError."""
        failures = 0
        while True:
            before = stored_bytes(self.part)
            try:
                return call()
            except OSError as error:
                failures = 1 if stored_bytes(self.part) > before else failures + 1
                if is_final(error) or failures >= attempts:
                    raise explain(error, self._hub.address, self._entry, revision) from error
                pause = min(2.0**failures, LONGEST_PAUSE_S)
                self._report(f"The connection failed ({type(error).__name__}); it is tried again in {pause:.0f} s.")
                self._sleep(pause)

    def _pending_revision(self) -> str | None:
        try:
            address, revision = (self.part / PENDING).read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            return None
        return revision if address == self._hub.address else None

    def _recorded_revision(self) -> str | None:
        known = self._record
        same = known and (known.source, known.repository) == (self._hub.address, self._entry.repository)
        return known.revision if known and same else None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        with self.target.with_name(f".{self.target.name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FetchError(f"Another `jokebot fetch` is at work on {self.target}.") from None
            if self.target.exists():
                raise FetchError(f"{self.target} is there already.")
            yield


def stored_bytes(folder: Path) -> int:
    """Bytes of a folder's files, unfinished ones included, without unpacked pictures; 0 if there is none."""
    files = [*folder.glob("*"), *(folder / CACHE).rglob("*")]
    return sum(path.stat().st_size for path in files if path.is_file())


def free_bytes(path: Path) -> int:
    """Free disk where a path is or will be."""
    there = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    return shutil.disk_usage(there).free
