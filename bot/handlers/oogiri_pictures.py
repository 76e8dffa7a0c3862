"""The photo of a round as its opening shows it: the file, and the credit of a picture from the pack."""

import asyncio
import logging
from pathlib import Path

from bot.telegram.text import PHOTO_BYTES, PHOTO_SIDES
from storage.database import Database
from storage.media.decoder_pool import DecoderPool, DecoderUnavailable
from storage.media.photo_credits import get_credit
from storage.media.photos import PhotoError, get_photo, photo_path

log = logging.getLogger(__name__)

SMALLER_SIDE = 2560
"""Pixels of the longer side of a picture that is made smaller, because it exceeds Telegram's limits."""


class RoundPictures:
    """Reads photos of rounds. `folder`: the stored photos."""

    def __init__(self, database: Database, folder: Path, decoders: DecoderPool) -> None:
        self._database, self._folder, self._decoders = database, folder, decoders

    async def file(self, photo_id: int) -> bytes | None:
        """A photo as Telegram takes it; None where it can't be read."""
        photo = await get_photo(self._database, photo_id)
        if photo is None:
            return None
        try:
            data = await asyncio.to_thread(photo_path(self._folder, photo).read_bytes)
            if photo.bytes <= PHOTO_BYTES and photo.width + photo.height <= PHOTO_SIDES:
                return data
            return await self._decoders.reduce(data, SMALLER_SIDE)
        except (OSError, PhotoError, DecoderUnavailable) as error:
            log.info("photo %d can't be shown: %s", photo.id, error)
            return None

    async def credit(self, photo_id: int) -> str:
        """Title, author, licence and source of a picture from a pack; "" for a photo that a user sent."""
        credit = await get_credit(self._database, photo_id)
        return credit.line if credit else ""
