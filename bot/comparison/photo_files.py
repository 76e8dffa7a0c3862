"""Photos that a command in the terminal is given by name."""

from pathlib import Path
from typing import TYPE_CHECKING

from configs.errors import JokebotError
from configs.settings import LimitSettings

if TYPE_CHECKING:
    from storage.media.image_check import CheckedPhoto


def read_photo(path: Path, limits: LimitSettings) -> "CheckedPhoto":
    """Read a file and check it as the bot does with what people send. Raises JokebotError; blocks."""
    from storage.media.image_check import check_photo

    return check_photo(read(path, limits.photo_bytes), max_bytes=limits.photo_bytes, max_pixels=limits.photo_pixels)


def read(path: Path, most: int) -> bytes:
    """The file's bytes, and of a file that is too large enough to see that it is. Raises JokebotError."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise JokebotError(f"The file can't be read: {error.strerror}.") from error
