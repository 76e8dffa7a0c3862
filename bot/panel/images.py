"""Images for the admin pages: thumbnails of jokes' photos and of the gate's gallery, and pictures of runs."""

import asyncio
import time
from pathlib import Path
from typing import NamedTuple

from bot.i18n.localizer import Localizer
from bot.retraining.run_report import RunReport
from configs.settings import Settings
from storage.chat import recent_ratings
from storage.database import Database
from storage.learning import runs
from storage.learning.run_files import gallery_of
from storage.media.decoder_pool import DecoderPool, DecoderUnavailable
from storage.media.photos import PhotoError, photo_path

SIDE = 320
CACHE_S = 300.0
"""Drawn pictures are cached, since drawing takes seconds, but not for long, since their photos may be erased."""


class RenderedImage(NamedTuple):
    """An image file and its media type."""

    data: bytes
    media_type: str


class PanelImages:
    """Reads and draws the images; draws one at a time."""

    def __init__(self, database: Database, settings: Settings, decoders: DecoderPool) -> None:
        self._database, self._settings, self._decoders = database, settings, decoders
        self._cache: dict[tuple[int, str, str, bool], tuple[float, bytes | None]] = {}
        self._draw_lock = asyncio.Lock()

    async def photo(self, joke_id: int) -> RenderedImage | None:
        """The thumbnail of a rated joke's photo; None if there is none that may be shown."""
        photo = await recent_ratings.get_rated_photo(self._database, joke_id)
        return await self._thumbnail(photo_path(self._settings.storage.photos, photo)) if photo else None

    async def gallery_photo(self, run_id: int, index: int) -> RenderedImage | None:
        """The thumbnail of a photo in the gate's gallery of a run. Raises RunError for an unknown run."""
        run = await runs.get_run(self._database, run_id)
        gallery = gallery_of(run.judged)
        if not run.dataset or index >= len(gallery):
            return None
        path = Path(gallery[index].photo)
        if path.is_absolute() or ".." in path.parts:
            return None
        return await self._thumbnail(self._settings.storage.datasets / run.dataset / path)

    async def run_picture(self, run_id: int, localize: Localizer, *, light: bool) -> RenderedImage | None:
        """The picture that admins get after the gate of a run, dark or light.

        Raises RunError for an unknown run, RenderError if the picture can't be drawn.
        """
        run = await runs.get_run(self._database, run_id)
        key = run.id, run.state, localize.language, light
        async with self._draw_lock:
            self._cache = {
                cached: entry for cached, entry in self._cache.items() if time.monotonic() - entry[0] < CACHE_S
            }
            if key not in self._cache:
                data = await RunReport(self._database, self._settings, run, localize).picture(light=light)
                self._cache[key] = time.monotonic(), data
            data = self._cache[key][1]
        return RenderedImage(data, "image/png") if data else None

    async def _thumbnail(self, file: Path) -> RenderedImage | None:
        """The middle of an image file as a square JPEG with a side of SIDE pixels; None if it can't be read."""
        try:
            data = await asyncio.to_thread(file.read_bytes)
            return RenderedImage(await self._decoders.reduce(data, SIDE, square=True), "image/jpeg")
        except (OSError, PhotoError, DecoderUnavailable):
            return None
