"""The best of the week: once a week, in chats that have turned it on, the photos that were liked most, with their
jokes.

A chat's row says which week it had last, and each picture is noted as begun before it is sent: however often the bot is
killed, nothing comes twice. A time that passes while the bot is down is met at its start, if that is less than a day
late.
"""

import asyncio
import io
import logging
import time
from concurrent.futures import Executor
from datetime import datetime, timedelta

from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError

from bot.chats.chat_settings import ChatSettingsStore
from bot.i18n.formatting import format_rating_counts
from bot.i18n.translator import Translator
from bot.runtime.periodic import Periodic
from bot.telegram.client import TelegramClient
from bot.telegram.rate_limiter import CallDropped, Priority
from bot.telegram.send_journal import finish_despite_cancel
from bot.telegram.text import CAPTION_UNITS, truncate_for_telegram
from configs.blocklist import BlockList
from configs.settings import DigestSettings, Settings
from storage.chat import weekly_digest
from storage.chat.best import MIN_RATINGS_IN_GROUPS
from storage.chat.weekly_digest import DigestJoke, DigestPost
from storage.database import Database
from storage.media.photos import photo_file

log = logging.getLogger(__name__)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LATE_S = 86400.0
LOOK_S = 60.0
"""How often it is looked whether the time has come: clocks are set, and hosts sleep."""
MEDALS = ("🥇", "🥈", "🥉", "4️⃣", "5️⃣")
PHOTO_BYTES, PHOTO_SIDES, SMALLER_SIDE = 10_000_000, 10_000, 2560
"""Telegram's limits for a photo: bytes, and width plus height in pixels
(https://core.telegram.org/bots/api#sendphoto).
"""


class WeeklyDigest:
    """Its `job` posts when it is time, and what was missed at the start."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        client: TelegramClient,
        words: Translator,
        chats: ChatSettingsStore,
        decoders: Executor,
    ) -> None:
        self._database, self._client, self._words, self._chats, self._decoders = (
            database,
            client,
            words,
            chats,
            decoders,
        )
        self._settings, self._blocked, self._photos = (
            settings.digest,
            BlockList.of(settings.safety),
            settings.storage.photos,
        )
        self._looking = asyncio.Lock()

    def job(self) -> Periodic:
        """`look` at the clock, again and again."""
        return Periodic("weekly-digest", LOOK_S, lambda: self.look(time.time()))

    async def look(self, now: float) -> None:
        """Post wherever it is due at that time (seconds since 1970) and less than a day late."""
        due = latest_due(self._settings, now)
        if now - due >= LATE_S:
            return
        async with self._looking:
            for chat_id in await weekly_digest.list_due_chats(self._database, due):
                try:
                    await self._post(chat_id, due)
                except (TelegramError, CallDropped) as error:
                    log.warning("chat %d gets the rest of its week later: %s", chat_id, error)

    async def _post(self, chat_id: int, due: float) -> None:
        if not await weekly_digest.is_digest_planned(self._database, chat_id, due):
            chosen = await self._choose(chat_id, due)
            await weekly_digest.plan_digest(self._database, chat_id, due, [liked.joke_id for liked in chosen])
            log.info("chat %d: %d photos are the best of its week", chat_id, len(chosen))
        while post := await weekly_digest.get_next_post(self._database, chat_id):
            await weekly_digest.mark_post_begun(self._database, chat_id, post.place)
            chat_id = await finish_despite_cancel(self._send(chat_id, post))
        await weekly_digest.delete_unsent_posts(self._database, chat_id)

    async def _choose(self, chat_id: int, due: float) -> list[DigestJoke]:
        """The best joke of each of the best photos; none where too few jokes were rated."""
        since = (datetime.fromtimestamp(due) - timedelta(days=7)).timestamp()
        rated, found = await weekly_digest.list_most_liked(
            self._database, chat_id, since, due, minimum=MIN_RATINGS_IN_GROUPS if chat_id < 0 else 1
        )
        if rated < self._settings.rated:
            return []
        best: dict[int, DigestJoke] = {}
        for liked in found:
            if not self._blocked.hit(liked.text, liked.language) and photo_file(self._photos, liked.sha256).exists():
                best.setdefault(liked.photo_id, liked)
        return list(best.values())[: self._settings.photos]

    async def _send(self, chat_id: int, post: DigestPost) -> int:
        """Send one picture with its joke.

        Returns the chat's id, which is another one where the group has become a supergroup.
        """
        data = await asyncio.get_running_loop().run_in_executor(self._decoders, self._picture, post.liked)
        if data is None:
            return chat_id
        try:
            await self._client.send_photo(
                chat_id, data, caption=self._caption(chat_id, post), rate_limit_args=Priority.ESSENTIAL
            )
        except ChatMigrated as error:
            await weekly_digest.mark_post_begun(self._database, chat_id, post.place, begun=False)
            await self._chats.move(chat_id, error.new_chat_id)
            return error.new_chat_id
        except RetryAfter:
            await weekly_digest.mark_post_begun(self._database, chat_id, post.place, begun=False)
            raise
        except Forbidden:
            log.info("chat %d has shut the bot out and gets no more weeks", chat_id)
            await self._chats.change(chat_id, weekly_since=None)
            await weekly_digest.delete_unsent_posts(self._database, chat_id)
        except BadRequest as error:
            log.warning("chat %d does not get the photo of joke %d: %s", chat_id, post.liked.joke_id, error)
        return chat_id

    def _caption(self, chat_id: int, post: DigestPost) -> str:
        title = self._words.format(self._chats.spoken(chat_id), "weekly-title") + "\n\n" if post.first else ""
        ending = f"\n{format_rating_counts(post.liked.counts)}"
        room = CAPTION_UNITS - len((title + ending).encode("utf-16-le")) // 2 - 4
        return f"{title}{MEDALS[post.place - 1]} {truncate_for_telegram(post.liked.text, max_units=room)}{ending}"

    def _picture(self, liked: DigestJoke) -> bytes | None:
        """The photo's file, made smaller where Telegram would refuse it; None where it is gone. Blocks."""
        try:
            data = photo_file(self._photos, liked.sha256).read_bytes()
        except OSError as error:
            log.info("the photo of joke %d can't be shown again: %s", liked.joke_id, error)
            return None
        return data if liked.bytes <= PHOTO_BYTES and liked.width + liked.height <= PHOTO_SIDES else smaller(data)


def smaller(data: bytes) -> bytes:
    """The same picture with sides of at most SMALLER_SIDE pixels, a JPEG."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        picture.thumbnail((SMALLER_SIDE, SMALLER_SIDE))
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def latest_due(settings: DigestSettings, now: float) -> float:
    """The latest time that the week was due, in this machine's time zone; `now` and the result in seconds since
    1970.
    """
    local = datetime.fromtimestamp(now)
    days = (local.weekday() - DAYS.index(settings.day)) % 7
    due = local.replace(hour=settings.hour, minute=0, second=0, microsecond=0) - timedelta(days=days)
    return (due if due.timestamp() <= now else due - timedelta(days=7)).timestamp()
