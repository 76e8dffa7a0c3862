"""The picture pack: the demo model's training drawings in one zip file.

It is made from packages (`sources.py`) and kept outside Git; the licences are in `configs/demo-model/NOTICE`.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from configs.errors import JokebotError
from configs.subjects import load_subjects
from trainer.demo_model.sources import find_drawings

SIZE = 144
"""Longer side of a drawing in pixels."""
QUALITY = 70
"""Quality of the WebP files, 0 to 100."""
MAX_PACK_BYTES = 20 * 2**20
"""Maximum size of a pack in bytes, because it is sent to lent machines."""


@dataclass(frozen=True)
class PictureEntry:
    """A drawing of a subject, RGBA with a transparent background."""

    subject: int
    set: str
    picture: Image.Image


def make_pack(path: Path, work: Path) -> int:
    """Fetch the packages into `work`, draw every subject, write the pack to `path`. Returns the number of drawings.

    Needs npm and node. The clip art needs apt-get and dpkg; without them it is skipped with a message. Raises
    JokebotError if a tool is missing or fails, and for a pack that is too large.
    """
    work.mkdir(parents=True, exist_ok=True)
    subjects = load_subjects()
    drawings = list(find_drawings(work.absolute(), subjects, 2 * SIZE))
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as pack:
        index: list[list[str]] = []
        packed: set[tuple[int, bytes]] = set()
        for subject, name, source in drawings:
            picture = shrink(source)
            # Two emoji of one subject may have the same icon in a set.
            if (subject, picture) not in packed:
                pack.writestr(f"{len(index):05d}.webp", picture)
                packed.add((subject, picture))
                index.append([subjects[subject].en, name])
        pack.writestr("index.json", json.dumps(index))
    if path.stat().st_size > MAX_PACK_BYTES:
        raise JokebotError(
            f"{path} has {path.stat().st_size / 2**20:.1f} MiB, more than {MAX_PACK_BYTES >> 20}: lower SIZE."
        )
    return len(index)


def load_pack(path: Path) -> list[PictureEntry]:
    """All drawings. Raises JokebotError if there is no pack, or if it was made for other subjects."""
    numbers = {subject.en: number for number, subject in enumerate(load_subjects())}
    try:
        with zipfile.ZipFile(path) as pack:
            index = json.loads(pack.read("index.json"))
            return [
                PictureEntry(
                    numbers[name], from_set, Image.open(io.BytesIO(pack.read(f"{number:05d}.webp"))).convert("RGBA")
                )
                for number, (name, from_set) in enumerate(index)
            ]
    except FileNotFoundError as error:
        raise JokebotError(f"There is no picture pack at {path}. Make it with `jokebot demo-model pack`.") from error
    except (KeyError, zipfile.BadZipFile) as error:
        raise JokebotError(
            f"{path} was made for other subjects or is broken. Make it again with `jokebot demo-model pack`."
        ) from error


def shrink(source: Path) -> bytes:
    """The drawing cropped to its visible part, at most SIZE pixels on its longer side, as WebP."""
    with Image.open(source) as opened:
        picture = opened.convert("RGBA")
    picture = picture.crop(picture.getchannel("A").point(lambda alpha: 255 if alpha > 8 else 0).getbbox())
    picture.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    packed = io.BytesIO()
    picture.save(packed, "WEBP", quality=QUALITY, alpha_quality=60, method=4)
    return packed.getvalue()
