"""From a picture at Telegram to a stored photo: downloaded, checked, moderated, kept."""

import asyncio
import logging
from contextlib import AsyncExitStack
from pathlib import Path

from telegram import Update
from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter

from bot.jokes.decoder_pool import DecoderKilled, DecoderPool, UserTurns
from bot.jokes.moderation import Moderator
from bot.runtime.backoff import backoff
from bot.telegram.client import TelegramClient
from bot.telegram.message_parsing import IncomingImage
from bot.telegram.rate_limiter import retry_after_seconds
from configs.errors import JokebotError
from configs.settings import LimitSettings
from storage.chat import inbox
from storage.database import Database
from storage.media.photos import Photo, PhotoError, get_photo, keep_photo, photo_path

log = logging.getLogger(__name__)

DOWNLOAD_TRIES = 7
"""With pauses of 0.5 s that double, half a minute in all."""
DOWNLOADS = 16
"""Photos in memory at the same time, from download to storage."""
DOWNLOADS_PER_USER = 4
LARGE_BYTES = 4_000_000
"""Files beyond this, and of unknown size, count as large: LARGE_DOWNLOADS at the same time, and one of a user."""
LARGE_DOWNLOADS = 2
KILLED_NOTE = "jokebot_decoder_killed"
"""The key in an update of the inbox whose photo killed its decoder. Telegram has none of that name."""


class PhotoDownloadError(JokebotError):
    """Telegram would not hand out a photo's file."""


class PhotoIntake:
    """Takes photos in, fairly: a user's photo waits behind what others sent while the user's others are in work.

    Without a `moderator` every photo passes.
    """

    def __init__(
        self,
        client: TelegramClient,
        database: Database,
        limits: LimitSettings,
        folder: Path,
        decoders: DecoderPool,
        moderator: Moderator | None = None,
    ) -> None:
        self._client, self._database, self._limits, self._folder = client, database, limits, folder
        self._moderator, self._decoders = moderator, decoders
        self._downloads, self._large_downloads = asyncio.Semaphore(DOWNLOADS), asyncio.Semaphore(LARGE_DOWNLOADS)
        self._turns, self._large_turns = UserTurns(DOWNLOADS_PER_USER), UserTurns(1)

    async def receive(self, picture: IncomingImage, user_id: int, update: Update) -> Photo:
        """Store a picture that a user sent. Nothing is kept of a picture that is refused.

        A picture that killed its decoder is noted in its update, so that a restart does not decode it again. Raises
        PhotoError, PhotoDownloadError, PhotoFolderError, DecoderUnavailable.
        """
        if (picture.bytes or 0) > self._limits.photo_bytes:
            raise PhotoError("too_many_bytes")
        if update.api_kwargs.get(KILLED_NOTE):
            raise DecoderKilled
        async with AsyncExitStack() as stack:
            if (picture.bytes or LARGE_BYTES + 1) > LARGE_BYTES:
                await stack.enter_async_context(self._large_turns.turn(user_id))
                await stack.enter_async_context(self._large_downloads)
            await stack.enter_async_context(self._turns.turn(user_id))
            await stack.enter_async_context(self._downloads)
            try:
                checked = await self._decoders.check(await self._download(picture.file_id), user_id)
            except DecoderKilled:
                await inbox.note(self._database, update.update_id, KILLED_NOTE)
                raise
            if self._moderator:
                await self._moderator.check(checked)
            return await keep_photo(self._database, self._folder, checked, user_id)

    async def find_stored(self, photo_id: int) -> Photo | None:
        """A stored photo, if its file is still there as well."""
        photo = await get_photo(self._database, photo_id)
        return photo if photo and photo_path(self._folder, photo).exists() else None

    async def _download(self, file_id: str) -> bytes:
        """The file's bytes; a download that breaks off begins again. Raises PhotoError, PhotoDownloadError."""
        pauses = None
        for left in reversed(range(DOWNLOAD_TRIES)):
            try:
                file = await self._client.get_file(file_id)
                return await self._client.download(str(file.file_path))
            except BadRequest as error:
                if "too big" in str(error).lower():
                    raise PhotoError("too_many_bytes") from None
                raise PhotoDownloadError(f"Telegram does not give the file: {error}") from None
            except (NetworkError, InvalidToken, RetryAfter) as error:  # InvalidToken: any 404, as of an expired address
                log.info("a download broke off (%s), %d tries left", type(error).__name__, left)
                pauses = pauses or backoff()
                if left:
                    await asyncio.sleep(retry_after_seconds(error) if isinstance(error, RetryAfter) else next(pauses))
        raise PhotoDownloadError("The download broke off again and again.")
