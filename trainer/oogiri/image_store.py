"""Checks a row's picture like a user's photo, and rejects near-duplicates."""

from pathlib import Path

from storage.media.perceptual_hash import hamming
from storage.media.photos import CheckedPhoto, PhotoError, check_photo
from trainer.oogiri.files import PictureSource
from trainer.oogiri.parser import UnusableRow


class ImageStore:
    """The pictures of an import. Each file is decoded once, and of near-duplicates only the first is used."""

    def __init__(
        self, pictures: PictureSource, spool: Path, *, near_bits: int, max_bytes: int, max_pixels: int
    ) -> None:
        self._pictures, self._spool, self._near_bits = pictures, spool, near_bits
        self._max_bytes, self._max_pixels = max_bytes, max_pixels
        self._known: dict[str, CheckedPhoto | str] = {}
        self._kept: dict[str, tuple[int, str]] = {}

    def get(self, image: str) -> CheckedPhoto:
        """The checked photo of a row's picture, without its bytes, which are in the spool. Raises UnusableRow."""
        name = self._pictures.find(image)
        if name not in self._known:
            self._known[name] = self._check(name)
        photo = self._known[name]
        if isinstance(photo, str):
            raise UnusableRow(photo)
        return photo

    def file(self, sha256: str) -> Path:
        return self._spool / f"{sha256}.jpg"

    def _check(self, name: str) -> CheckedPhoto | str:
        try:
            checked = check_photo(self._pictures.read(name), max_bytes=self._max_bytes, max_pixels=self._max_pixels)
        except UnusableRow as error:
            return str(error)
        except (PhotoError, OSError) as error:
            return f"its picture can't be used: {str(error).split(';')[0].split('.')[0]}"
        for phash, sha256 in self._kept.values():
            if hamming(phash, checked.phash) <= self._near_bits:
                return (
                    f"its picture is {'the same as' if sha256 == checked.sha256 else 'nearly the same as'} "
                    "another row's"
                )
        self._kept[name] = checked.phash, checked.sha256
        self.file(checked.sha256).write_bytes(checked.data)
        return CheckedPhoto(b"", checked.sha256, checked.phash, checked.width, checked.height, checked.media_type)
