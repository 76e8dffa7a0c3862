"""Pictures for the page: a joke's photo made small, a photo of a gate's gallery, and the picture of a run's outcome."""

import asyncio
import io
import time
from concurrent.futures import Executor
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps

from bot.i18n.localizer import Localizer
from bot.retraining.run_report import RunReport
from configs.settings import Settings
from storage.chat import recent_ratings
from storage.database import Database
from storage.learning import runs
from storage.learning.run_files import gallery_of
from storage.media.photos import photo_path

SIDE = 320
KEPT_S = 300.0
"""A drawn picture is kept so long, as drawing one takes a second or two, and not longer: what it shows may be
forgotten.
"""


class RenderedImage(NamedTuple):
    """A picture's file, and what kind it is."""

    data: bytes
    media_type: str


class PanelImages:
    """Reads and draws; one drawing at a time."""

    def __init__(self, database: Database, settings: Settings, decoders: Executor) -> None:
        self._database, self._settings, self._decoders = database, settings, decoders
        self._drawn: dict[tuple[int, str, str], tuple[float, bytes | None]] = {}
        self._drawing = asyncio.Lock()

    async def photo(self, joke_id: int) -> RenderedImage | None:
        """A rated joke's photo; None where there is none that may be shown."""
        photo = await recent_ratings.rated_photo(self._database, joke_id)
        return await self._small(photo_path(self._settings.storage.photos, photo)) if photo else None

    async def gallery(self, run_id: int, place: int) -> RenderedImage | None:
        """A photo that both models spoke about while a run was judged. Raises RunError for an unknown run."""
        run = await runs.find(self._database, run_id)
        gallery = gallery_of(run.judged)
        if not run.dataset or place >= len(gallery):
            return None
        named = Path(gallery[place].photo)
        if named.is_absolute() or ".." in named.parts:
            return None
        return await self._small(self._settings.storage.datasets / run.dataset / named)

    async def outcome(self, run_id: int, localize: Localizer) -> RenderedImage | None:
        """What admins are sent when a run has been judged.

        Raises RunError for an unknown run, RenderError where it can't be drawn.
        """
        run = await runs.find(self._database, run_id)
        key = run.id, run.state, localize.language
        async with self._drawing:
            self._drawn = {known: made for known, made in self._drawn.items() if time.monotonic() - made[0] < KEPT_S}
            if key not in self._drawn:
                data = await RunReport(self._database, self._settings, run, localize).picture()
                self._drawn[key] = time.monotonic(), data
            data = self._drawn[key][1]
        return RenderedImage(data, "image/png") if data else None

    async def _small(self, file: Path) -> RenderedImage | None:
        try:
            return RenderedImage(
                await asyncio.get_running_loop().run_in_executor(self._decoders, small, file), "image/jpeg"
            )
        except OSError:
            return None


def small(file: Path) -> bytes:
    """The picture's middle as a square JPEG of SIDE pixels. Raises OSError where it can't be read."""
    with Image.open(file) as image:
        image.draft("RGB", (SIDE * 2, SIDE * 2))
        square = ImageOps.fit(image.convert("RGB"), (SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    square.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()
