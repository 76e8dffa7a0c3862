"""Chooses pictures of an import's rows on which models are compared before and after a training."""

import hashlib
from collections import Counter
from pathlib import Path

from configs.settings import LimitSettings
from storage.media.photos import PhotoError, check_photo
from trainer.oogiri.files import find_pictures, find_rows, open_pictures
from trainer.oogiri.importer import OogiriImport, acceptable_rows
from trainer.oogiri.parser import OogiriError, UnusableRow

TRIES = 20
"""Pictures that are tried for each that is wanted."""


def sample_pictures(request: OogiriImport, count: int, folder: Path, limits: LimitSettings) -> list[Path]:
    """Write so many pictures of acceptable rows to a folder: the same ones each time, whatever their likes.

    Raises OogiriError if none can be used.
    """
    rows = find_rows(request.file, request.language)
    source = open_pictures(find_pictures(rows, request.images), limits.photo_bytes)
    names = {row.image for row in acceptable_rows(request, rows, Counter())}
    chosen: list[Path] = []
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())[: TRIES * count]:
        try:
            data = source.read(source.find(name))
            checked = check_photo(data, max_bytes=limits.photo_bytes, max_pixels=limits.photo_pixels)
        except (UnusableRow, PhotoError, OSError):
            continue
        chosen.append(folder / f"{len(chosen) + 1}.jpg")
        chosen[-1].write_bytes(checked.data)
        if len(chosen) == count:
            break
    if not chosen:
        raise OogiriError(f"None of the pictures of {request.file} can be used; `jokebot import-oogiri` says why.")
    return chosen
