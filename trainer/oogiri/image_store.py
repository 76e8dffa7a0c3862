"""Finds a row's picture in the images folder, checks it like a user's photo, and rejects near-duplicates."""

from pathlib import Path, PurePosixPath

from storage.media.perceptual_hash import hamming
from storage.media.photos import CheckedPhoto, PhotoError, check_photo
from trainer.oogiri.parser import UnusableRow

ENDINGS = ("", ".jpg", ".jpeg", ".png", ".webp")


def find_picture(folder: Path, image: str) -> Path:
    """The picture's file: `ID` or `NAME.jpg` in the folder, or `FOLDER/NAME.jpg`. Raises UnusableRow."""
    name = PurePosixPath(image.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or "\0" in image:
        raise UnusableRow("its picture's path leads out of the folder")
    names = [name, name.relative_to(name.parts[0])] if len(name.parts) > 1 else [name]
    for candidate in (folder / f"{stem}{ending}" for stem in names for ending in ENDINGS):
        if candidate.is_file():
            if not candidate.resolve().is_relative_to(folder.resolve()):
                raise UnusableRow("its picture's path leads out of the folder")
            return candidate
    raise UnusableRow("its picture is missing")


class ImageStore:
    """The pictures of an import. Each file is decoded once, and of near-duplicates only the first is used."""

    def __init__(self, folder: Path, spool: Path, *, near_bits: int, max_bytes: int, max_pixels: int) -> None:
        self._folder, self._spool, self._near_bits = folder, spool, near_bits
        self._max_bytes, self._max_pixels = max_bytes, max_pixels
        self._known: dict[Path, CheckedPhoto | str] = {}
        self._kept: dict[Path, tuple[int, str]] = {}

    def get(self, image: str) -> CheckedPhoto:
        """The checked photo of a row's picture, without its bytes, which are in the spool. Raises UnusableRow."""
        path = find_picture(self._folder, image)
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
