"""Receives photos: downloads, checks, moderates and stores them."""

import asyncio
import logging
from contextlib import AsyncExitStack
from pathlib import Path
from weakref import WeakValueDictionary

from telegram import Update
from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter

from bot.jokes.moderation import Moderator
from bot.runtime.backoff import backoff
from bot.telegram.client import TelegramClient
from bot.telegram.local_files import LocalFileMissing
from bot.telegram.message_parsing import IncomingImage
from bot.telegram.rate_limiter import retry_after_seconds
from configs.errors import JokebotError
from configs.settings import LimitSettings
from storage.chat import inbox
from storage.database import Database
from storage.media.decoder_pool import DecoderKilled, DecoderPool
from storage.media.photos import Photo, PhotoError, add_photo, get_photo, photo_path

log = logging.getLogger(__name__)

DOWNLOAD_TRIES = 7
"""With pauses that double from 0.5 s, half a minute in all."""
MAX_DOWNLOADS = 16
"""Photos in memory concurrently, from download to storage."""
MAX_DOWNLOADS_PER_USER = 4
LARGE_BYTES, MAX_LARGE_DOWNLOADS = 4_000_000, 2
"""Files beyond LARGE_BYTES and files of unknown size have this limit too, and one of them per user."""
KILLED_NOTE = "jokebot_decoder_killed"
"""The key that marks an update whose photo killed its decoder. Telegram has no key of that name."""


class PhotoDownloadError(JokebotError):
    """A photo's file can't be downloaded from Telegram."""


class PhotoUnreachable(PhotoDownloadError):
    """The Bot API server stores photos where this host can't read them."""


class PhotoIntake:
    """Receives photos. Users take turns: a user's further photos wait behind other users' first ones."""

    def __init__(
        self,
        client: TelegramClient,
        database: Database,
        limits: LimitSettings,
        folder: Path,
        decoders: DecoderPool,
        moderator: Moderator,
    ) -> None:
        self._client, self._database, self._limits, self._folder = client, database, limits, folder
        self._moderator, self._decoders = moderator, decoders
        self._downloads, self._large_downloads = (asyncio.Semaphore(n) for n in (MAX_DOWNLOADS, MAX_LARGE_DOWNLOADS))
        self._turns: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()
        self._large_turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        """By user. An entry lives as long as one of the user's photos holds it or waits for it."""

    async def receive(self, picture: IncomingImage, user_id: int, update: Update) -> Photo:
        """Download and store a user's picture. A rejected one leaves nothing behind.

        If the picture kills its decoder, its update in the inbox is marked, so that a restart doesn't decode it again.
        Raises PhotoError, PhotoDownloadError, PhotoFolderError, DecoderUnavailable, SenderForgotten.
        """
        if (picture.bytes or 0) > self._limits.photo_bytes:
            raise PhotoError("too_many_bytes")
        if update.api_kwargs.get(KILLED_NOTE):
            raise DecoderKilled
        async with AsyncExitStack() as stack:
            if (picture.bytes or LARGE_BYTES + 1) > LARGE_BYTES:
                await stack.enter_async_context(self._large_turns.setdefault(user_id, asyncio.Lock()))
                await stack.enter_async_context(self._large_downloads)
            turn = self._turns.setdefault(user_id, asyncio.Semaphore(MAX_DOWNLOADS_PER_USER))
            await stack.enter_async_context(turn)
            await stack.enter_async_context(self._downloads)
            try:
                checked = await self._decoders.check(await self._download(picture.file_id), user_id)
            except DecoderKilled:
                await inbox.note(self._database, update.update_id, KILLED_NOTE)
                raise
            if self._moderator.is_active:
                await self._moderator.check(checked)
            return await add_photo(self._database, self._folder, checked, user_id, update.update_id)

    async def find_stored(self, photo_id: int) -> Photo | None:
        """A stored photo; None where its row or its file is missing."""
        photo = await get_photo(self._database, photo_id)
        return photo if photo and photo_path(self._folder, photo).exists() else None

    async def _download(self, file_id: str) -> bytes:
        """The file's bytes, with DOWNLOAD_TRIES tries. Raises PhotoError, PhotoDownloadError."""
        pauses = None
        for left in reversed(range(DOWNLOAD_TRIES)):
            try:
                return await self._client.fetch_file(file_id, self._limits.photo_bytes)
            except LocalFileMissing as error:
                raise PhotoUnreachable(str(error)) from None
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
