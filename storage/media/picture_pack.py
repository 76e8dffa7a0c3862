"""A pack of pictures that may be used freely: a folder or a zip file with pictures and a table of their licences.

The table is `credits.csv` (UTF-8) with a header and the columns `file`, `licence` and, optionally, `title`, `author`
and `source`. A file is named relative to the table. Pictures without a row that names a licence are not used.
"""

import csv
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from configs.errors import JokebotError
from storage.media.image_check import PhotoError

TABLE = "credits.csv"
TABLE_BYTES, MAX_PICTURES = 1_000_000, 10_000
FIELD_LENGTH = 200
"""Characters of a field of the table that are used; the message of a round shows them."""
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")


class PackError(JokebotError):
    """The pack can't be used; the message says why."""


@dataclass(frozen=True)
class PictureCredit:
    """A picture of a pack by its file's name, and its licence; the other fields may be empty."""

    name: str
    title: str
    author: str
    licence: str
    source: str

    @property
    def line(self) -> str:
        """Title, author, licence and source in one line."""
        return " · ".join(part for part in (self.title, self.author, self.licence, self.source) if part)


class PicturePack:
    """The pictures of a pack that have a licence. `problems` says in words which others there are."""

    def __init__(self, path: Path) -> None:
        """Reads the table. Blocks. Raises PackError."""
        self._path, self._names = path, _list_files(path)
        tables = sorted((name for name in self._names if PurePosixPath(name).name == TABLE), key=_depth)
        if not tables:
            raise PackError(f"The pack {path} has no {TABLE} (docs/oogiri.md).")
        self._folder = PurePosixPath(tables[0]).parent
        try:
            table = self._read(tables[0], TABLE_BYTES).decode("utf-8-sig")
        except (PhotoError, OSError, UnicodeDecodeError) as error:
            raise PackError(f"{TABLE} of the pack {path} can't be read: {error}") from error
        self.pictures, self.problems = self._check(_rows(path, table))

    def read(self, picture: PictureCredit, max_bytes: int) -> bytes:
        """A picture's file. Blocks. Raises PhotoError where it is larger or can't be read."""
        try:
            return self._read(str(self._folder / picture.name), max_bytes)
        except OSError as error:
            raise PhotoError("broken") from error

    def _check(self, rows: Iterable[PictureCredit]) -> tuple[list[PictureCredit], list[str]]:
        usable: dict[str, PictureCredit] = {}
        problems = []
        for row in rows:
            if not row.licence:
                problems.append(f"{row.name} has no licence")
            elif str(self._folder / row.name) not in self._names:
                problems.append(f"{row.name} is missing")
            else:
                usable[row.name] = row
        rest = self._names - {str(self._folder / name) for name in usable}
        unnamed = sorted(name for name in rest if name.lower().endswith(PICTURE_ENDINGS))
        return list(usable.values()), [*problems, *(f"{name} is not in {TABLE}" for name in unnamed)]

    def _read(self, name: str, max_bytes: int) -> bytes:
        """At most `max_bytes` of a file. Raises OSError, PhotoError."""
        try:
            if self._path.is_dir():
                with _inside(self._path, name).open("rb") as file:
                    data = file.read(max_bytes + 1)
            else:
                with zipfile.ZipFile(self._path) as archive, archive.open(name) as member:
                    data = member.read(max_bytes + 1)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, KeyError) as error:
            raise OSError(f"{name}: {error}") from error  # damaged, encrypted, or packed by an unknown method
        if len(data) > max_bytes:
            raise PhotoError("too_many_bytes")
        return data


def _list_files(path: Path) -> set[str]:
    """The names of a pack's files, relative to it. Raises PackError."""
    try:
        if path.is_dir():
            return {str(PurePosixPath(file.relative_to(path))) for file in path.rglob("*") if file.is_file()}
        with zipfile.ZipFile(path) as archive:
            return {info.filename for info in archive.infolist() if not info.is_dir()}
    except FileNotFoundError:
        raise PackError(f"The pack {path} is not there (setting oogiri.pack).") from None
    except (OSError, zipfile.BadZipFile) as error:
        raise PackError(f"The pack {path} is no folder and no zip file that can be read: {error}") from error


def _inside(folder: Path, name: str) -> Path:
    """The file of that name. Raises OSError where it leads out of the folder, as a link can."""
    found = (folder / name).resolve()
    if not found.is_relative_to(folder.resolve()) or not found.is_file():
        raise OSError(f"{name} is no file of the pack")
    return found


def _depth(name: str) -> tuple[int, str]:
    return len(PurePosixPath(name).parts), name


def _rows(path: Path, table: str) -> list[PictureCredit]:
    """The rows of the table. Raises PackError where it has no columns `file` and `licence`, or too many rows."""
    try:
        reader = csv.DictReader(io.StringIO(table, newline=""))
        columns = {name.strip().lower(): name for name in reader.fieldnames or () if name}
        if not {"file", "licence"} <= columns.keys():
            raise PackError(f"{TABLE} of the pack {path} needs a header with the columns file and licence.")
        rows = list(reader)
    except csv.Error as error:
        raise PackError(f"{TABLE} of the pack {path} is no table: {error}") from error
    if len(rows) > MAX_PICTURES:
        raise PackError(f"{TABLE} of the pack {path} has more than {MAX_PICTURES} rows.")

    def field(row: dict[str, str], name: str) -> str:
        return " ".join((row.get(columns.get(name, ""), "") or "").split())[:FIELD_LENGTH]

    found = [
        PictureCredit(
            str(PurePosixPath((row.get(columns["file"]) or "").strip().replace("\\", "/"))),
            *(field(row, name) for name in ("title", "author", "licence", "source")),
        )
        for row in rows
    ]
    return [row for row in found if row.name != "."]
