"""The picture pack: every drawing of every subject that the demo model learns from, in one zip file.

Made once from ordinary packages (`sources.py`) and kept outside Git; the licences are in `configs/demo-model/NOTICE`.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from configs.errors import JokebotError
from trainer.demo_model.sources import find_drawings
from trainer.demo_model.subjects import load_subjects

SIZE = 144
"""Longer side of a drawing in the pack, pixels."""
QUALITY = 70
"""Of the WebP files, of 100."""
MAX_PACK_BYTES = 20 * 2**20
"""Bytes a pack may have: it travels to a lent machine."""


@dataclass(frozen=True)
class PictureEntry:
    """One picture of one subject, RGBA, transparent around it."""

    subject: int
    set: str
    picture: Image.Image


def make_pack(path: Path, work: Path) -> int:
    """Fetch the packages into `work`, draw every subject, write the pack to `path`. Returns the number of drawings.

    Needs npm and node; the clip art needs apt-get and dpkg and is left out, with a word, where there are none.
    Raises JokebotError where a tool is missing or fails, and for a pack that is too large.
    """
    work.mkdir(parents=True, exist_ok=True)
    subjects = load_subjects()
    drawings = list(find_drawings(work.absolute(), subjects, 2 * SIZE))
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as pack:
        index, packed = [], set()
        for subject, name, source in drawings:
            picture = shrink(source)
            # Two emoji of one subject may be one icon in a set.
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
    """All drawings. Raises JokebotError where there is no pack, or one that was made for other subjects."""
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
    """The drawing cropped to what is visible, at most SIZE pixels on its longer side, as WebP."""
    with Image.open(source) as opened:
        picture = opened.convert("RGBA")
    picture = picture.crop(picture.getchannel("A").point(lambda alpha: 255 if alpha > 8 else 0).getbbox())
    picture.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    packed = io.BytesIO()
    picture.save(packed, "WEBP", quality=QUALITY, alpha_quality=60, method=4)
    return packed.getvalue()
