"""Unpacks the pictures of CLoT-Oogiri-GO's images.zip."""

import shutil
import zipfile
from pathlib import Path, PurePosixPath

from trainer.hub.catalog import FetchError

PICTURES = frozenset({"", ".jpg", ".jpeg", ".png", ".webp"})
"""Endings of pictures; some have none."""
TOP = "images"


def unpack_pictures(archive: Path, folder: Path) -> int:
    """Unpack the pictures of a zip to a folder and return their number. A leading folder `images/` is dropped.

    Other files, links, and paths that lead out of the folder are skipped. Raises FetchError for a damaged archive or a
    full disk.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            members = [(member, path) for member in content.infolist() if (path := _picture_path(member))]
            needed, free = sum(member.file_size for member, _ in members), shutil.disk_usage(archive.parent).free
            if needed > free:
                raise FetchError(
                    f"The pictures take {needed / 1e9:.1f} GB, and the disk has {free / 1e9:.1f} GB free. Free some "
                    "space; the same command continues."
                )
            for member, path in members:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with content.open(member) as packed, target.open("wb") as picture:
                    shutil.copyfileobj(packed, picture)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise FetchError(f"{archive.name} can't be unpacked: {error}.") from error
    return len(members)


def _picture_path(member: zipfile.ZipInfo) -> PurePosixPath | None:
    """Where a picture goes, relative to the folder; None for what is no picture."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    parts = path.parts[1:] if path.parts[:1] == (TOP,) else path.parts
    unsafe = path.is_absolute() or ".." in parts or any(part.startswith((".", "__")) for part in parts)
    linked = (member.external_attr >> 16) & 0o170000 == 0o120000
    if member.is_dir() or not parts or unsafe or linked or path.suffix.lower() not in PICTURES:
        return None
    return PurePosixPath(*parts)
