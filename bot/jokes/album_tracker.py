"""Albums. Telegram sends each photo as an update of its own and marks no last one; the caption is on any one of them.

What one item says holds for all: its caption is the hint, and where it calls the bot, all are meant. An item that comes
late still joins. How long the others wait for it counts from the arrival of the newest item, so a slow download splits
no album. What is known is also written to those in the inbox, for the next start: the item that said it may be done by
then.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from telegram import Bot, Message, Update

from bot.jokes.user_limiter import PhotoToken, TooManyPending, UserLimiter
from bot.telegram.message_parsing import caption_hint, is_reply_to_bot, mentions_bot
from configs.settings import LimitSettings
from storage.chat import inbox
from storage.database import Database

REMEMBERED_S = 3600.0
"""An item that comes longer after the one before is on its own."""
MANY = 4096
"""Albums remembered at the most; the one that was quiet for the longest goes first."""
SLOW_S = 15.0
"""The longest that an album's answer waits for photos that are being fetched."""
NOTE = "jokebot_album"
"""The key of what is known of its album in an update in the inbox; Telegram has none of that name."""


@dataclass
class AlbumState:
    """What is known of an album. `newest_at`: seconds of time.monotonic at which its newest item came."""

    hint: str | None = None
    newest_at: float = 0.0
    hinted: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    noted: set[int] = field(default_factory=set)
    fetching: set[int] = field(default_factory=set)
    """Updates whose photo has come and is not stored yet."""
    fetched: asyncio.Event = field(default_factory=asyncio.Event)
    refused: bool = False
    _inside: int = 0
    _token: PhotoToken | None = None

    def learn(self, hint: str | None, called: bool) -> bool:
        """Whether that was news. The first caption stays the album's."""
        news = bool(hint and self.hint is None) or (called and not self.called.is_set())
        if hint and self.hint is None:
            self.hint = hint
            self.hinted.set()
        if called:
            self.called.set()
        return news

    @property
    def let_in(self) -> bool:
        """Whether photos of it were taken in hand already."""
        return self._token is not None and not self.refused

    @contextmanager
    def one_hand(self, hands: UserLimiter, user_id: int) -> Iterator[None]:
        """All that is in work of the album is one photo in hand.

        Raises TooManyPending: an album is let in whole, or set aside whole.
        """
        if self.refused:
            raise TooManyPending("The rest of this album was set aside.")
        if self._token is None:
            try:
                self._token = hands.acquire(user_id)
            except TooManyPending:
                self.refused = True
                raise
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._token.release()

    @contextmanager
    def fetch(self, update_id: int) -> Iterator[None]:
        """A photo is being fetched, as `settled` wants to know."""
        self.fetching.add(update_id)
        try:
            yield
        finally:
            self.fetching.discard(update_id)
            self.fetched.set()


class AlbumTracker:
    """The albums of the last hour."""

    def __init__(self, bot: Bot, database: Database, limits: LimitSettings) -> None:
        self._bot, self._database, self._limits = bot, database, limits
        self._albums: dict[tuple[int, str], AlbumState] = {}
        self._waiting: set[asyncio.Task[Any]] = set()

    async def join(self, update: Update, message: Message) -> AlbumState | None:
        """Take an item's arrival into account; None for a message of no album."""
        if not message.media_group_id:
            return None
        key = (message.chat.id, message.media_group_id)
        self._make_room()
        known = self._albums.pop(key, None)
        album = self._albums[key] = known or AlbumState()
        album.newest_at = time.monotonic()
        news = self._learn(album, update)
        if known is None:
            for raw in await inbox.list_album_updates(self._database, *key):
                news |= self._learn(album, Update.de_json(raw, self._bot))
        if news or ((album.hint or album.called.is_set()) and update.update_id not in album.noted):
            note = {"hint": album.hint, "called": album.called.is_set()}
            album.noted |= await inbox.record_album_note(self._database, *key, NOTE, note)
        return album

    async def hint(self, album: AlbumState) -> str | None:
        """The album's caption, waited for as long as items may still come."""
        await self._until(album, album.hinted, self._limits.album_wait_s)
        return album.hint

    async def settled(self, album: AlbumState) -> None:
        """Wait until no more items are to be expected, and those that came are stored.

        A slow one is left to join later.
        """
        await self._until(album, asyncio.Event(), self._limits.album_wait_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(SLOW_S):
                while album.fetching:
                    album.fetched.clear()
                    await album.fetched.wait()

    async def is_called(self, album: AlbumState) -> bool:
        """Whether any item calls the bot. Nobody notices this wait, so it is longer; `stop` ends it."""
        task = asyncio.current_task()
        assert task
        self._waiting.add(task)
        try:
            return await self._until(album, album.called, self._limits.album_mention_wait_s)
        finally:
            self._waiting.discard(task)

    def known_hint(self, message: Message) -> str | None:
        """The caption of the album that a message belongs to, if it is remembered."""
        album = self._albums.get((message.chat.id, message.media_group_id or ""))
        return album.hint if album else None

    def stop(self) -> None:
        """Who waits for a call goes on with that after the next start: their updates stay in the inbox."""
        for task in self._waiting:
            task.cancel()

    def _learn(self, album: AlbumState, update: Update) -> bool:
        note, message = update.api_kwargs.get(NOTE) or {}, update.effective_message
        news = album.learn(note.get("hint"), bool(note.get("called")))
        if message is None:
            return news
        return (
            album.learn(
                caption_hint(message, self._bot),
                mentions_bot(message, self._bot) or is_reply_to_bot(message, self._bot),
            )
            or news
        )

    async def _until(self, album: AlbumState, event: asyncio.Event, quiet_s: float) -> bool:
        while not event.is_set() and (left := album.newest_at + quiet_s - time.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await event.wait()
        return event.is_set()

    def _make_room(self) -> None:
        """Forget the quiet ones, which come first: every item moves its album to the end."""
        expired = time.monotonic() - REMEMBERED_S
        while self._albums and (len(self._albums) > MANY or next(iter(self._albums.values())).newest_at < expired):
            del self._albums[next(iter(self._albums))]
