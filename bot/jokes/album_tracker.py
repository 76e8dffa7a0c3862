"""Albums. Telegram sends each photo in an update of its own and marks no last one; the caption is on any of them.

Caption and mention of one item hold for the whole album. A late item still joins. The time that other items wait for it
counts from the arrival of the newest item, so a slow download splits no album. Caption and mention are also written to
the album's updates in the inbox, because after a restart the item that had them may be finished.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from telegram import Bot, Message, Update

from bot.jokes.album_turn import AlbumTurn
from bot.jokes.user_limiter import PhotoToken, TooManyPending, UserLimiter
from bot.telegram.message_parsing import caption_hint, is_reply_to_bot, mentions_bot
from configs.settings import LimitSettings
from storage.chat import inbox
from storage.database import Database

REMEMBERED_S = 3600.0
"""An album is forgotten this long after its newest item."""
MAX_ALBUMS = 4096
"""Albums in memory; the one with the oldest newest item is dropped first."""
DOWNLOAD_WAIT_S = 15.0
"""How long an album's joke waits for photos that are being downloaded."""
NOTE = "jokebot_album"
"""The key of the album's caption and mention in an update in the inbox. Telegram has no key of that name."""


@dataclass
class AlbumState:
    """State of an album. `newest_at`: when its newest item arrived, in seconds of time.monotonic."""

    hint: str | None = None
    newest_at: float = 0.0
    hinted: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    noted: set[int] = field(default_factory=set)
    downloading: set[int] = field(default_factory=set)
    """Ids of updates whose photo is being downloaded."""
    download_ended: asyncio.Event = field(default_factory=asyncio.Event)
    rejected: bool = False
    turns: dict[int, AlbumTurn] = field(default_factory=dict)
    """Photos that are being answered one by one, by message id."""
    _users: int = 0
    _token: PhotoToken | None = None

    def add_facts(self, hint: str | None, called: bool) -> bool:
        """Store an item's caption and mention; whether they change the album. The first caption stays."""
        changed = bool(hint and self.hint is None) or (called and not self.called.is_set())
        if hint and self.hint is None:
            self.hint = hint
            self.hinted.set()
        if called:
            self.called.set()
        return changed

    @property
    def is_admitted(self) -> bool:
        """Whether photos of it have been accepted by the limiter."""
        return self._token is not None and not self.rejected

    @contextmanager
    def hold_token(self, limiter: UserLimiter, user_id: int) -> Iterator[None]:
        """Hold the album's one token of `limiter`, which is released once no block holds it.

        Raises TooManyPending, then for every later photo too: an album is accepted or rejected as a whole.
        """
        if self.rejected:
            raise TooManyPending("The rest of this album was rejected.")
        if self._token is None:
            try:
                self._token = limiter.acquire(user_id)
            except TooManyPending:
                self.rejected = True
                raise
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._token.release()

    @contextmanager
    def mark_downloading(self, update_id: int) -> Iterator[None]:
        """The block downloads the photo of an update; `wait_complete` waits for it."""
        self.downloading.add(update_id)
        try:
            yield
        finally:
            self.downloading.discard(update_id)
            self.download_ended.set()


class AlbumTracker:
    """The albums of the last hour."""

    def __init__(self, bot: Bot, database: Database, limits: LimitSettings) -> None:
        self._bot, self._database, self._limits = bot, database, limits
        self._albums: dict[tuple[int, str], AlbumState] = {}
        self._waiting: set[asyncio.Task[Any]] = set()

    async def join(self, update: Update, message: Message) -> AlbumState | None:
        """Register an item; returns its album, None for a message that is in none."""
        if not message.media_group_id:
            return None
        key = (message.chat.id, message.media_group_id)
        self._drop_expired()
        existing = self._albums.pop(key, None)
        album = self._albums[key] = existing or AlbumState()
        album.newest_at = time.monotonic()
        changed = self._read_item(album, update)
        if existing is None:
            for raw in await inbox.list_album_updates(self._database, *key):
                changed |= self._read_item(album, Update.de_json(raw, self._bot))
        if changed or ((album.hint or album.called.is_set()) and update.update_id not in album.noted):
            note = {"hint": album.hint, "called": album.called.is_set()}
            album.noted |= await inbox.record_album_note(self._database, *key, NOTE, note)
        return album

    async def wait_hint(self, album: AlbumState) -> str | None:
        """The album's caption; waits for it as long as items may still arrive."""
        await self._wait_until(album, album.hinted, self._limits.album_wait_s)
        return album.hint

    async def wait_complete(self, album: AlbumState) -> None:
        """Wait until no more items are expected, then up to DOWNLOAD_WAIT_S until those that arrived are stored."""
        await self._wait_until(album, asyncio.Event(), self._limits.album_wait_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(DOWNLOAD_WAIT_S):
                while album.downloading:
                    album.download_ended.clear()
                    await album.download_ended.wait()

    async def is_called(self, album: AlbumState) -> bool:
        """Whether any item mentions the bot. No user waits for this, so it waits longer; `stop` cancels it."""
        task = asyncio.current_task()
        assert task
        self._waiting.add(task)
        try:
            return await self._wait_until(album, album.called, self._limits.album_mention_wait_s)
        finally:
            self._waiting.discard(task)

    def known_hint(self, message: Message) -> str | None:
        """The caption of a message's album, if the album is in memory."""
        album = self._albums.get((message.chat.id, message.media_group_id or ""))
        return album.hint if album else None

    def stop(self) -> None:
        """Cancel the tasks in `is_called`. Their updates stay in the inbox and are handled after the next start."""
        for task in self._waiting:
            task.cancel()

    def _read_item(self, album: AlbumState, update: Update) -> bool:
        note, message = update.api_kwargs.get(NOTE) or {}, update.effective_message
        changed = album.add_facts(note.get("hint"), bool(note.get("called")))
        if message is None:
            return changed
        called = mentions_bot(message, self._bot) or is_reply_to_bot(message, self._bot)
        return album.add_facts(caption_hint(message, self._bot), called) or changed

    async def _wait_until(self, album: AlbumState, event: asyncio.Event, quiet_s: float) -> bool:
        while not event.is_set() and (left := album.newest_at + quiet_s - time.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await event.wait()
        return event.is_set()

    def _drop_expired(self) -> None:
        """Drop the albums with the oldest newest items. They come first: every item moves its album to the end."""
        expired = time.monotonic() - REMEMBERED_S
        while self._albums and (
            len(self._albums) > MAX_ALBUMS or next(iter(self._albums.values())).newest_at < expired
        ):
            del self._albums[next(iter(self._albums))]
