"""Receives photos: downloads, checks, moderates and stores them."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter

from bot.jokes.moderation import Moderator
from bot.runtime.backoff import backoff
from bot.telegram.client import TelegramClient
from bot.telegram.message_parsing import IncomingImage
from bot.telegram.rate_limiter import retry_after_seconds
from configs.errors import JokebotError
from configs.settings import LimitSettings
from storage.database import Database
from storage.media.photos import Photo, PhotoError, add_photo, check_photo, get_photo, photo_path

log = logging.getLogger(__name__)

DOWNLOAD_TRIES = 7
"""With pauses that double from 0.5 s, half a minute in all."""
MAX_DOWNLOADS = 16
"""Concurrent downloads. A photo has up to 20 MB."""


class PhotoDownloadError(JokebotError):
    """A photo's file can't be downloaded from Telegram."""


class PhotoIntake:
    """Receives photos. `decoders` is a pool of few threads, since decoding a large photo takes 200 MB."""

    def __init__(
        self,
        client: TelegramClient,
        database: Database,
        limits: LimitSettings,
        folder: Path,
        decoders: ThreadPoolExecutor,
        moderator: Moderator,
    ) -> None:
        self._client, self._database, self._limits, self._folder = client, database, limits, folder
        self._moderator, self._decoders = moderator, decoders
        self._downloads = asyncio.Semaphore(MAX_DOWNLOADS)

    async def receive(self, picture: IncomingImage, user_id: int) -> Photo:
        """Download and store a user's picture. A rejected one leaves nothing behind.

        Raises PhotoError, PhotoDownloadError, PhotoFolderError.
        """
        if (picture.bytes or 0) > self._limits.photo_bytes:
            raise PhotoError("too_many_bytes")
        async with self._downloads:
            data = await self._download(picture.file_id)
            check = partial(check_photo, data, max_bytes=self._limits.photo_bytes, max_pixels=self._limits.photo_pixels)
            checked = await asyncio.get_running_loop().run_in_executor(self._decoders, check)
            if self._moderator.is_active:
                await self._moderator.check(checked)
            return await add_photo(self._database, self._folder, checked, user_id)

    async def find_stored(self, photo_id: int) -> Photo | None:
        """A stored photo; None where its row or its file is missing."""
        photo = await get_photo(self._database, photo_id)
        return photo if photo and photo_path(self._folder, photo).exists() else None

    async def _download(self, file_id: str) -> bytes:
        """The file's bytes, with DOWNLOAD_TRIES tries. Raises PhotoError, PhotoDownloadError."""
        pauses = None
        for left in reversed(range(DOWNLOAD_TRIES)):
            try:
                file = await self._client.get_file(file_id)
                return await self._client.download(str(file.file_path))
            except BadRequest as error:
                if "too big" in str(error).lower():
                    raise PhotoError("too_many_bytes") from None
                raise PhotoDownloadError(f"Telegram refuses the download: {error}") from None
            except (NetworkError, InvalidToken, RetryAfter) as error:  # InvalidToken: any 404, as of an expired URL
                log.info("a download failed (%s), %d tries left", type(error).__name__, left)
                pauses = pauses or backoff()
                if left:
                    await asyncio.sleep(retry_after_seconds(error) if isinstance(error, RetryAfter) else next(pauses))
        raise PhotoDownloadError(f"The download failed {DOWNLOAD_TRIES} times.")
