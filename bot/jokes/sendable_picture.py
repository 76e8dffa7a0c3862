"""Stored photos as the bot sends them again: within Telegram's limits of a picture."""

import asyncio
import logging
from pathlib import Path

from bot.telegram.text import PHOTO_BYTES, PHOTO_SIDES
from storage.media.decoder_pool import DecoderPool, DecoderUnavailable
from storage.media.photos import PhotoError

log = logging.getLogger(__name__)

SMALLER_SIDE = 2560
"""Pixels of the longer side of a picture that is made smaller, because it exceeds Telegram's limits."""


async def sendable_picture(decoders: DecoderPool, path: Path, size_bytes: int, sides: int) -> bytes | None:
    """A photo's file, made smaller where Telegram would refuse it; None where that can't be read.

    `sides`: its width plus its height, pixels.
    """
    try:
        data = await asyncio.to_thread(path.read_bytes)
        if size_bytes <= PHOTO_BYTES and sides <= PHOTO_SIDES:
            return data
        return await decoders.reduce(data, SMALLER_SIDE)
    except (OSError, PhotoError, DecoderUnavailable) as error:
        log.info("the photo %s can't be shown again: %s", path.name, error)
        return None
