"""Reads photo files. A module of its own: `jokebot joke` and `jokebot compare` share it."""

from pathlib import Path
from typing import TYPE_CHECKING

from configs.errors import JokebotError
from configs.settings import LimitSettings

if TYPE_CHECKING:
    from storage.media.image_check import CheckedPhoto


def read_photo(path: Path, limits: LimitSettings) -> "CheckedPhoto":
    """Read a file and check it like a user's photo. Blocks. Raises JokebotError."""
    from storage.media.image_check import check_photo

    return check_photo(
        read_at_most(path, limits.photo_bytes), max_bytes=limits.photo_bytes, max_pixels=limits.photo_pixels
    )


def read_at_most(path: Path, max_bytes: int) -> bytes:
    """The file's first `max_bytes` + 1 bytes, enough to detect a file that is too large. Raises JokebotError."""
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise JokebotError(f"The file can't be read: {error.strerror}.") from error
