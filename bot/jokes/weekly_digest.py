"""The weekly digest: posts the most liked photos of the week with their jokes, in chats that have turned it on.

The chat's row has its last week, and each post is marked as begun before it is sent, so a restart repeats none. A time
that passes while the bot is down is made up for at the next start, up to MAX_DELAY_S later.
"""

import asyncio
import logging
import time
from datetime import datetime, timedelta

from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError

from bot.chats.bylines import Bylines
from bot.chats.chat_settings import ChatSettingsStore
from bot.i18n.formatting import format_rating_counts
from bot.i18n.translator import Translator
from bot.progress.progress_line import ProgressLine
from bot.progress.round_line import RoundLine
from bot.runtime.periodic import Periodic
from bot.telegram.client import TelegramClient
from bot.telegram.rate_limiter import CallDropped, Priority
from bot.telegram.send_journal import finish_despite_cancel
from bot.telegram.text import CAPTION_UNITS, PHOTO_BYTES, PHOTO_SIDES, truncate_for_telegram
from configs.blocklist import BlockList
from configs.settings import DigestSettings, Settings
from storage.chat import weekly_digest
from storage.chat.best import MIN_RATINGS_IN_GROUPS
from storage.chat.weekly_digest import DigestJoke, DigestPost
from storage.database import Database
from storage.media.decoder_pool import DecoderPool, DecoderUnavailable
from storage.media.photos import PhotoError, photo_file

log = logging.getLogger(__name__)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_DELAY_S = 86400.0
POLL_INTERVAL_S = 60.0
"""Polled, because clocks are set and hosts sleep."""
MEDALS = ("🥇", "🥈", "🥉", "4️⃣", "5️⃣")
SMALLER_SIDE = 2560
"""Pixels of the longer side of a picture that is made smaller, because it exceeds Telegram's limits."""


class WeeklyDigest:
    """Posts the digests; `job` does so when they are due."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        client: TelegramClient,
        translator: Translator,
        chats: ChatSettingsStore,
        decoders: DecoderPool,
        progress: ProgressLine,
        bylines: Bylines,
    ) -> None:
        self._database, self._client, self._translator = database, client, translator
        self._chats, self._decoders, self._progress, self._settings = chats, decoders, progress, settings.digest
        self._bylines, self._rounds = bylines, RoundLine(database, translator)
        self._blocked, self._photos = BlockList.of(settings.safety), settings.storage.photos
        self._posting = asyncio.Lock()

    def job(self) -> Periodic:
        """Calls `post_due` every POLL_INTERVAL_S."""
        return Periodic("weekly-digest", POLL_INTERVAL_S, lambda: self.post_due(time.time()))

    async def post_due(self, now: float) -> None:
        """Post in all chats where the digest is due at `now` (seconds since 1970) and at most MAX_DELAY_S late."""
        due = latest_due(self._settings, now)
        if now - due >= MAX_DELAY_S:
            return
        async with self._posting:
            for chat_id in await weekly_digest.list_due_chats(self._database, due):
                try:
                    await self._post(chat_id, due)
                except (TelegramError, CallDropped) as error:
                    log.warning("chat %d: the rest of the digest is posted later: %s", chat_id, error)

    async def _post(self, chat_id: int, due: float) -> None:
        if not await weekly_digest.is_digest_planned(self._database, chat_id, due):
            chosen = await self._choose(chat_id, due)
            await weekly_digest.plan_digest(self._database, chat_id, due, [liked.joke_id for liked in chosen])
            log.info("chat %d: the digest has %d photos", chat_id, len(chosen))
        while post := await weekly_digest.get_next_post(self._database, chat_id):
            await weekly_digest.mark_post_begun(self._database, chat_id, post.place)
            chat_id = await finish_despite_cancel(self._send(chat_id, post))
        await weekly_digest.delete_unsent_posts(self._database, chat_id)

    async def _choose(self, chat_id: int, due: float) -> list[DigestJoke]:
        """The best joke of each of the best photos; none where too few jokes were rated."""
        since = (datetime.fromtimestamp(due) - timedelta(days=7)).timestamp()
        rated_count, jokes = await weekly_digest.list_most_liked(
            self._database, chat_id, since, due, minimum=MIN_RATINGS_IN_GROUPS if chat_id < 0 else 1
        )
        if rated_count < self._settings.rated:
            return []
        best: dict[int, DigestJoke] = {}
        for liked in jokes:
            if not self._blocked.hit(liked.text, liked.language) and photo_file(self._photos, liked.sha256).exists():
                best.setdefault(liked.photo_id, liked)
        return list(best.values())[: self._settings.photos]

    async def _send(self, chat_id: int, post: DigestPost) -> int:
        """Send one photo with its joke; returns the chat's id, a new one where the group became a supergroup."""
        data = await self._picture(post.liked)
        if data is None:
            return chat_id
        try:
            await self._client.send_photo(
                chat_id, data, caption=await self._caption(chat_id, post), rate_limit_args=Priority.ESSENTIAL
            )
        except ChatMigrated as error:
            await weekly_digest.mark_post_begun(self._database, chat_id, post.place, begun=False)
            await self._chats.move(chat_id, error.new_chat_id)
            return error.new_chat_id
        except RetryAfter:
            await weekly_digest.mark_post_begun(self._database, chat_id, post.place, begun=False)
            raise
        except Forbidden:
            log.info("chat %d has blocked the bot; its digest is turned off", chat_id)
            await self._chats.change(chat_id, weekly_since=None)
            await weekly_digest.delete_unsent_posts(self._database, chat_id)
        except BadRequest as error:
            log.warning("chat %d does not get the photo of joke %d: %s", chat_id, post.liked.joke_id, error)
        return chat_id

    async def _caption(self, chat_id: int, post: DigestPost) -> str:
        """The joke with its ratings; the first post has a title, and at its end what learning has gained."""
        title, ending = "", f"\n{format_rating_counts(post.liked.counts)}"
        language = self._chats.chat_language(chat_id)
        if post.liked.author_id is not None:
            ending = f"\n{await self._bylines.line(post.liked.author_id, language)}{ending}"
        if post.first:
            title = self._translator.format(language, "weekly-title") + "\n\n"
            ending += f"\n\n{await self._progress.text(language)}" if self._progress.has_learnt else ""
            rounds = await self._rounds.weekly(chat_id, language)
            ending += f"\n\n{rounds}" if rounds else ""
        room = CAPTION_UNITS - len((title + ending).encode("utf-16-le")) // 2 - 4
        return f"{title}{MEDALS[post.place - 1]} {truncate_for_telegram(post.liked.text, max_units=room)}{ending}"

    async def _picture(self, liked: DigestJoke) -> bytes | None:
        """The photo's file, made smaller where Telegram would refuse it; None where that can't be read."""
        try:
            data = await asyncio.to_thread(photo_file(self._photos, liked.sha256).read_bytes)
            if liked.bytes <= PHOTO_BYTES and liked.width + liked.height <= PHOTO_SIDES:
                return data
            return await self._decoders.reduce(data, SMALLER_SIDE)
        except (OSError, PhotoError, DecoderUnavailable) as error:
            log.info("the photo of joke %d can't be shown again: %s", liked.joke_id, error)
            return None


def latest_due(settings: DigestSettings, now: float) -> float:
    """When the digest was due last, in this machine's time zone; argument and result in seconds since 1970."""
    local = datetime.fromtimestamp(now)
    days = (local.weekday() - DAYS.index(settings.day)) % 7
    due = local.replace(hour=settings.hour, minute=0, second=0, microsecond=0) - timedelta(days=days)
    return (due if due.timestamp() <= now else due - timedelta(days=7)).timestamp()
