"""/review: admins keep or drop, one by one, the jokes that the next run would learn."""

import asyncio
import contextlib
import logging

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, User

from bot.handlers.admin_access import AdminAccess
from bot.handlers.callback_data import ReviewButton
from bot.handlers.routes import ButtonPress, IncomingMessage, Route
from bot.messaging.messenger import Messenger
from bot.retraining import pipeline_process
from bot.telegram.rate_limiter import CallDropped, Priority
from bot.telegram.text import CAPTION_UNITS, truncate_for_telegram
from configs.settings import Settings
from storage.chat.candidates import list_candidates
from storage.database import Database
from storage.learning import review_queue
from storage.learning.retrain_preview import PreviewError
from storage.learning.review_queue import ReviewItem
from storage.media.photos import get_photo, photo_path

log = logging.getLogger(__name__)


class ReviewAdmin:
    """Shows the jokes of the review queue, and stores the decisions."""

    def __init__(self, messenger: Messenger, database: Database, access: AdminAccess, settings: Settings) -> None:
        self._messenger, self._database, self._access, self._settings = messenger, database, access, settings

    def routes(self) -> list[Route]:
        return [
            self._access.command("review", self.on_review, refusal_in_groups="review-in-private"),
            self._access.button(ReviewButton, self.on_answer),
        ]

    async def on_review(self, incoming: IncomingMessage) -> None:
        """Fill the review queue and show its first joke. In private chats only, because the photos are other users'."""
        message = incoming.message
        with contextlib.suppress(CallDropped):
            await self._messenger.client.send_chat_action(message.chat.id, "typing")
        try:
            preview = await pipeline_process.preview_retraining(self._settings)
        except PreviewError as error:
            await self._messenger.reply(message, "retrain-cannot-look", why=str(error))
            return
        await review_queue.set_review_queue(self._database, preview.jokes)
        await self._show_next(message.chat.id, incoming.user)

    async def on_answer(self, press: ButtonPress[ReviewButton]) -> None:
        """Store a decision. The first decision about a joke brings the next joke, a later one only changes it."""
        joke_id, answer, admin = press.data.joke_id, press.data.answer, press.user
        first = await review_queue.record_decision(self._database, joke_id, kept=answer == "keep", asked_by=admin.id)
        if first is None:
            await self._messenger.reject_button(press.query, "review-gone")
            return
        log.info("joke %d is reviewed: %s", joke_id, answer)
        await self._messenger.answer_button(press.query, f"review-{answer}-done")
        await self._messenger.client.edit_message_reply_markup(
            admin.id,
            press.message.message_id,
            reply_markup=self._buttons(admin, joke_id, answer),
            rate_limit_args=Priority.ESSENTIAL,
        )
        if first:
            await self._show_next(admin.id, admin)

    async def _show_next(self, chat_id: int, admin: User) -> None:
        """Send the next joke with photo, ratings, candidates and buttons, or that none is left."""
        waiting = await review_queue.get_next_item(self._database)
        if waiting is None:
            await self._messenger.send(chat_id, self._messenger.text(admin, "review-none"))
            return
        others = await list_candidates(self._database, waiting.joke_id)
        text = self._messenger.text(
            admin,
            "review-joke",
            joke=waiting.text,
            model=waiting.model or "none",
            funny=waiting.funny,
            somewhat=waiting.somewhat,
            unfunny=waiting.unfunny,
            left=waiting.left,
            others="\n".join(f"· {other.text}" for other in others) or "none",
        )
        keyboard, photo = self._buttons(admin, waiting.joke_id), await self._photo(waiting)
        if photo is None:
            await self._messenger.send(chat_id, text, keyboard=keyboard)
            return
        caption = truncate_for_telegram(text, max_units=CAPTION_UNITS)
        await self._messenger.client.send_photo(
            chat_id, photo, caption=caption, reply_markup=keyboard, rate_limit_args=Priority.NORMAL
        )

    def _buttons(self, admin: User, joke_id: int, chosen: str | None = None) -> InlineKeyboardMarkup:
        """The buttons keep and drop, with a mark on the chosen one."""

        def button(answer: str) -> InlineKeyboardButton:
            label = ("✔️ " if answer == chosen else "") + self._messenger.text(admin, f"review-{answer}")
            return InlineKeyboardButton(label, callback_data=ReviewButton(answer, joke_id).encode())

        return InlineKeyboardMarkup([[button("keep"), button("drop")]])

    async def _photo(self, waiting: ReviewItem) -> bytes | None:
        """The photo's file; None where it can't be read."""
        photo = await get_photo(self._database, waiting.photo_id)
        if photo is None:
            return None
        try:
            return await asyncio.to_thread(photo_path(self._settings.storage.photos, photo).read_bytes)
        except OSError as error:
            log.warning("the photo of joke %d can't be read: %s", waiting.joke_id, error)
            return None
