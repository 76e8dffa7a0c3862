"""Finds a row's picture in the images folder, checks it like a user's photo, and rejects near-duplicates."""

from pathlib import Path, PurePosixPath

from storage.media.perceptual_hash import hamming
from storage.media.photos import CheckedPhoto, PhotoError, check_photo
from trainer.oogiri.parser import UnusableRow

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".jfif")
"""Of several files of one name the first in this order is taken."""


class PictureFinder:
    """Finds the pictures of a folder by their names: with or without ending, whatever the case of its letters."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[Path, dict[str, str]] = {}
        """Of each folder: file names by name without case, and by name without case and ending."""

    def find(self, image: str) -> Path:
        """The picture's file: `ID` or `NAME.jpg` in the folder, or `FOLDER/NAME.jpg`. Raises UnusableRow."""
        name = PurePosixPath(image.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or "\0" in image:
            raise UnusableRow("its picture's path leads out of the folder")
        names = [name, name.relative_to(name.parts[0])] if len(name.parts) > 1 else [name]
        for candidate in filter(None, map(self._existing, names)):
            if not candidate.resolve().is_relative_to(self._folder.resolve()):
                raise UnusableRow("its picture's path leads out of the folder")
            return candidate
        raise UnusableRow("its picture is missing")

    def _existing(self, name: PurePosixPath) -> Path | None:
        path = self._folder / name
        if path.is_file():
            return path
        if path.parent not in self._names:
            self._names[path.parent] = _names_in(path.parent)
        found = self._names[path.parent].get(name.name.casefold())
        return path.with_name(found) if found else None


def _names_in(folder: Path) -> dict[str, str]:
    try:
        files = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    except OSError:
        return {}
    pictures = [file for file in files if PurePosixPath(file).suffix.lower() in ENDINGS]
    pictures.sort(key=lambda file: ENDINGS.index(PurePosixPath(file).suffix.lower()), reverse=True)
    stems = {PurePosixPath(file).stem.casefold(): file for file in pictures}
    return stems | {file.casefold(): file for file in files}


class ImageStore:
    """The pictures of an import. Each file is decoded once, and of near-duplicates only the first is used."""

    def __init__(self, folder: Path, spool: Path, *, near_bits: int, max_bytes: int, max_pixels: int) -> None:
        self._finder, self._spool, self._near_bits = PictureFinder(folder), spool, near_bits
        self._max_bytes, self._max_pixels = max_bytes, max_pixels
        self._known: dict[Path, CheckedPhoto | str] = {}
        self._kept: dict[Path, tuple[int, str]] = {}

    def get(self, image: str) -> CheckedPhoto:
        """The checked photo of a row's picture, without its bytes, which are in the spool. Raises UnusableRow."""
        path = self._finder.find(image)
        if path not in self._known:
            self._known[path] = self._check(path)
        photo = self._known[path]
        if isinstance(photo, str):
            raise UnusableRow(photo)
        return photo

    def file(self, sha256: str) -> Path:
        return self._spool / f"{sha256}.jpg"

    def _check(self, path: Path) -> CheckedPhoto | str:
        try:
            checked = check_photo(path.read_bytes(), max_bytes=self._max_bytes, max_pixels=self._max_pixels)
        except (PhotoError, OSError) as error:
            return f"its picture can't be used: {str(error).split(';')[0].split('.')[0]}"
        for phash, sha256 in self._kept.values():
            if hamming(phash, checked.phash) <= self._near_bits:
                return (
                    f"its picture is {'the same as' if sha256 == checked.sha256 else 'nearly the same as'} "
                    "another row's"
                )
        self._kept[path] = checked.phash, checked.sha256
        self.file(checked.sha256).write_bytes(checked.data)
        return CheckedPhoto(b"", checked.sha256, checked.phash, checked.width, checked.height, checked.media_type)
