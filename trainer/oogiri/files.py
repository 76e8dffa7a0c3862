"""Finds the rows and the pictures of an import: in files, in folders, or in zips, which are read without unpacking."""

import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from trainer.oogiri.parser import OogiriError, UnusableRow

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".jfif")
"""Of several files of one name the first in this order is taken."""
ROWS = (".jsonl", ".json")
FOLDERS = ("images", "ex_images")
"""Names of the folder of pictures in CLoT-Oogiri-GO and in the tutorial's data."""
OUTSIDE = "its picture's path leads out of the folder"
ROWS_BYTES = 1_000_000_000
"""Largest file of rows that is read out of a zip."""


class PictureSource(Protocol):
    """The pictures of an import."""

    def find(self, image: str) -> str:
        """The picture's name in the source: of `ID`, `NAME.jpg` or `FOLDER/NAME.jpg`. Raises UnusableRow."""

    def read(self, name: str) -> bytes:
        """A picture's content, at most `max_bytes` + 1 bytes of it. Raises OSError, UnusableRow."""


@dataclass(frozen=True)
class RowsFile:
    """A file of rows, or `member`, a file in the zip `path`."""

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return PurePosixPath(self.member).name or self.path.name

    def read(self) -> bytes:
        """The content. Raises OogiriError if it can't be read."""
        try:
            if not self.member:
                return self.path.read_bytes()
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
                return file.read(ROWS_BYTES)
        except OSError as error:
            raise OogiriError(f"{self.path} can't be read: {error.strerror or error}.") from error
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
            raise OogiriError(f"{self.path} can't be unpacked: {error}.") from error


def find_rows(path: Path, language: str) -> RowsFile:
    """The file of rows that `path` is, or that stands in the folder or zip `path`. Raises OogiriError."""
    if path.is_dir():
        return _rows_in_folder(path, language)
    if path.suffix.lower() != ".zip":
        return RowsFile(path)
    names = [name for name in _members(path) if not PurePosixPath(name).name.startswith(".")]
    return RowsFile(path, _choose(path, names, language))


def _rows_in_folder(folder: Path, language: str) -> RowsFile:
    """The rows in a folder, else in its only subfolder with rows, else in its only zip."""
    try:
        files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    except OSError as error:
        raise OogiriError(f"{folder} can't be read: {error.strerror}.") from error
    names = [file.name for file in files if file.is_file()]
    if any(name.lower().endswith(ROWS) for name in names):
        return RowsFile(folder / _choose(folder, names, language))
    inside = [file for file in files if file.is_dir() and any(name.is_file() for name in file.glob("*.json*"))]
    zips = [file for file in files if file.suffix.lower() == ".zip" and file.is_file()]
    for places in (inside, zips):
        if len(places) == 1:
            return find_rows(places[0], language)
    raise OogiriError(f"{folder} holds no rows: a file such as {language}.jsonl or ex_cn.json.")


def _choose(place: Path, names: list[str], language: str) -> str:
    """The file of rows among a folder's or zip's files. Raises OogiriError for none, or for several unknown ones."""
    rows = {name: PurePosixPath(name).name.lower() for name in names if name.lower().endswith(ROWS)}
    for wanted in (f"{language}.jsonl", f"ex_{language}.json", f"{language}.json", f"ex_{language}.jsonl"):
        for name, plain in rows.items():
            if plain == wanted:
                return name
    if len(rows) == 1:
        return next(iter(rows))
    found = f"several files ({', '.join(sorted(rows)[:5])}); name one" if rows else "none"
    raise OogiriError(f"{place} should hold rows in a file such as {language}.jsonl or ex_cn.json. It has {found}.")


def find_pictures(rows: RowsFile, images: Path | None) -> Path:
    """The folder or zip of the pictures: `images`, or what stands beside the rows. Raises OogiriError."""
    if images is not None:
        if not images.is_dir() and not zipfile.is_zipfile(images):
            raise OogiriError(f"There is no folder {images}; unpack images.zip there, or name the zip.")
        return images
    if rows.member:
        return rows.path
    folder = rows.path.parent
    for name in FOLDERS:
        for place in (folder / name, folder / f"{name}.zip"):
            if place.is_dir() or place.is_file():
                return place
    return folder


def open_pictures(place: Path, max_bytes: int) -> PictureSource:
    """The pictures of a folder or a zip. Raises OogiriError for a damaged zip."""
    return FolderPictures(place, max_bytes) if place.is_dir() else ZipPictures(place, max_bytes)


class FolderPictures:
    """Finds the pictures of a folder by their names: with or without ending, whatever the case of its letters."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._names: dict[Path, dict[str, str]] = {}

    def find(self, image: str) -> str:
        for candidate in filter(None, map(self._existing, _paths_of(image))):
            if not candidate.resolve().is_relative_to(self._folder.resolve()):
                raise UnusableRow(OUTSIDE)
            return str(candidate)
        raise UnusableRow("its picture is missing")

    def read(self, name: str) -> bytes:
        with Path(name).open("rb") as file:
            return file.read(self._max_bytes + 1)

    def _existing(self, name: PurePosixPath) -> Path | None:
        path = self._folder / name
        if path.is_file():
            return path
        if path.parent not in self._names:
            self._names[path.parent] = _by_name(_files_in(path.parent))
        found = _look_up(self._names[path.parent], name.name)
        return path.with_name(found) if found else None


class ZipPictures:
    """Finds the pictures of a zip as `FolderPictures` does, below whatever folder they are in."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path, self._max_bytes = path, max_bytes
        folders: dict[str, list[str]] = defaultdict(list)
        for member in _members(path):
            parent, _, name = member.rpartition("/")
            folders[parent].append(name)
        self._folders = {parent: _by_name(sorted(names)) for parent, names in sorted(folders.items())}
        self._archive = zipfile.ZipFile(path)

    def find(self, image: str) -> str:
        for name in _paths_of(image):
            wanted = "" if name.parent == PurePosixPath(".") else f"/{name.parent}".casefold()
            for parent, names in self._folders.items():
                if f"/{parent}".casefold().endswith(wanted) and (found := _look_up(names, name.name)):
                    return f"{parent}/{found}".lstrip("/")
        raise UnusableRow("its picture is missing")

    def read(self, name: str) -> bytes:
        try:
            with self._archive.open(name) as file:
                return file.read(self._max_bytes + 1)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
            raise UnusableRow("its picture can't be unpacked") from error


def _members(path: Path) -> list[str]:
    """The files of a zip. Raises OogiriError if it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [member.filename for member in archive.infolist() if not member.is_dir()]
    except OSError as error:
        raise OogiriError(f"{path} can't be read: {error.strerror}.") from error
    except zipfile.BadZipFile as error:
        raise OogiriError(f"{path} is damaged or no zip: {error}.") from error


def _paths_of(image: str) -> list[PurePosixPath]:
    """The paths under which a row's picture is looked for: its own, and without its first folder."""
    name = PurePosixPath(image.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or "\0" in image:
        raise UnusableRow(OUTSIDE)
    return [name, name.relative_to(name.parts[0])] if len(name.parts) > 1 else [name]


def _files_in(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    except OSError:
        return []


def _by_name(files: list[str]) -> dict[str, str]:
    """Sorted file names by name without case, and those of pictures by name without case and ending."""
    endings = ("", *ENDINGS)
    pictures = [file for file in files if PurePosixPath(file).suffix.lower() in endings]
    pictures.sort(key=lambda file: endings.index(PurePosixPath(file).suffix.lower()), reverse=True)
    stems = {PurePosixPath(file).stem.casefold(): file for file in pictures}
    return stems | {file.casefold(): file for file in files}


def _look_up(names: dict[str, str], name: str) -> str | None:
    """The file of a name; the name's ending may be another than the file's, or missing on either side."""
    if found := names.get(name.casefold()):
        return found
    path = PurePosixPath(name)
    return names.get(path.stem.casefold()) if path.suffix.lower() in ENDINGS else None
