"""Sends stored photos: by Telegram's id of an earlier upload, else the file, made smaller where Telegram refuses it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from telegram import Message
from telegram.error import BadRequest

from bot.telegram.text import PHOTO_BYTES, PHOTO_SIDES
from storage.media.decoder_pool import DecoderPool, DecoderUnavailable
from storage.media.photos import Photo, PhotoError, photo_path

log = logging.getLogger(__name__)

SMALLER_SIDE = 2560
"""Pixels of the longer side of a picture that is made smaller, because it exceeds Telegram's limits."""
MAX_FILE_IDS = 10_000
"""Remembered uploads; the one that was used longest ago is forgotten first."""
UNKNOWN_FILE = ("file identifier", "file_id", "file reference")
"""Parts of descriptions of errors, in lower case, about a file id that Telegram doesn't know any more."""


class StoredPhotoSender:
    """Sends photos from the data folder. `folder`: that of the photos."""

    def __init__(self, folder: Path, decoders: DecoderPool) -> None:
        self._folder, self._decoders = folder, decoders
        self._file_ids: dict[str, str] = {}
        """By SHA-256 of the photo."""

    async def send(
        self, photo: Photo, call: Callable[[str | bytes], Awaitable[Message | bool]]
    ) -> Message | bool | None:
        """Let `call` send the photo's file id or its bytes. None where the file can't be read.

        Raises what `call` raises.
        """
        if file_id := self._file_ids.pop(photo.sha256, None):
            try:
                sent = await call(file_id)
            except BadRequest as error:
                if not any(part in str(error).lower() for part in UNKNOWN_FILE):
                    raise
                log.info("photo %d is uploaded again: %s", photo.id, error)
            else:
                self._file_ids[photo.sha256] = file_id
                return sent
        content = await read_for_telegram(self._folder, self._decoders, photo)
        if content is None:
            return None
        sent = await call(content)
        if isinstance(sent, Message) and sent.photo:  # that of an earlier attempt has none
            self._file_ids[photo.sha256] = sent.photo[-1].file_id
            if len(self._file_ids) > MAX_FILE_IDS:
                del self._file_ids[next(iter(self._file_ids))]
        return sent


async def read_for_telegram(folder: Path, decoders: DecoderPool, photo: Photo) -> bytes | None:
    """The photo's file, made smaller where Telegram would refuse it; None where that can't be read."""
    try:
        data = await asyncio.to_thread(photo_path(folder, photo).read_bytes)
        if photo.bytes <= PHOTO_BYTES and photo.width + photo.height <= PHOTO_SIDES:
            return data
        return await decoders.reduce(data, SMALLER_SIDE)
    except (OSError, PhotoError, DecoderUnavailable) as error:
        log.info("photo %d can't be shown again: %s", photo.id, error)
        return None
