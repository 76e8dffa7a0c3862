"""Duels: some photos are answered with a joke of the champion and one of the candidate, and users choose.

In a private chat the user chooses, in a group every member may. The order is random. The duel's row is stored first and
says whose joke is A, so a restart resumes the same duel. The photo gets a single joke where a model fails, the trial
has ended or both jokes are the same.
"""

import asyncio
import logging
import secrets
import sqlite3
from dataclasses import replace
from functools import partial

from telegram.error import Forbidden

from bot.chats.daily_quota import DailyQuota
from bot.engine.router import Router, ServedModel
from bot.handlers.callback_data import DuelButton
from bot.handlers.duel_messages import DuelMessages
from bot.handlers.joke_delivery import JokeRequest
from bot.handlers.routes import ButtonPress, Route, button
from bot.handlers.streaming_reply import StreamingReplies, StreamingReply
from bot.jokes.generator import JokeGenerator
from bot.messaging.messenger import Messenger
from configs.safety import SafetySettings
from configs.trials import DuelSettings
from storage.chat.duels import (
    DuelRecord,
    Side,
    begin_duel,
    delete_duel,
    get_duel,
    get_duel_of_update,
    record_choice,
    record_duel_joke,
    record_duel_message,
)
from storage.chat.jokes import Joke, get_joke
from storage.database import Database
from storage.learning.trials import get_open_trial
from storage.media.photos import Photo
from storage.write_retry import repeat_write

log = logging.getLogger(__name__)


class DuelHandlers:
    """Delivers duels, at most one in `duels.one_in_photos` photos (0: none), and handles the choices."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        generator: JokeGenerator,
        replies: StreamingReplies,
        router: Router,
        quota: DailyQuota,
        messages: DuelMessages,
        duels: DuelSettings,
        safety: SafetySettings,
    ) -> None:
        self._messenger, self._database, self._generator = messenger, database, generator
        self._replies, self._router, self._quota, self._messages = replies, router, quota, messages
        self._one_in, self._gentle = duels.one_in_photos, safety.gentle

    def routes(self) -> list[Route]:
        return [button(DuelButton, self.on_choice)]

    async def deliver(self, request: JokeRequest, photo: Photo) -> bool:
        """Answer a photo with a duel; False where it should get a single joke."""
        if request.resume is None and (not self._one_in or self._router.canary is None):
            return False
        duel = await self._find(request)
        if duel is None:
            return False
        chat_id, user = request.chat.chat_id, request.user
        async with self._replies.begin(request.update_id, chat_id, request.message_id, user, request.resume) as reply:
            jokes = await self._make_both(request, photo, duel, reply)
            if jokes is None:
                await delete_duel(self._database, duel.id)
                return False
            duel = replace(duel, joke_a=jokes[0].id, joke_b=jokes[1].id)
            text, keyboard = await self._messages.render(duel, user)
            try:
                await reply.finish(text, keyboard, partial(record_duel_message, self._database, duel.id))
            except Forbidden:
                log.debug("duel %d can't be delivered: the bot may not write in chat %d", duel.id, chat_id)
                return True
        log.info("update %d: duel %d of jokes %d and %d", request.update_id, duel.id, jokes[0].id, jokes[1].id)
        return True

    async def on_choice(self, press: ButtonPress[DuelButton]) -> None:
        """Store the user's first choice. In a private chat, show it in the message and remove its buttons."""
        duel, choice = await get_duel(self._database, press.data.duel_id), press.data.choice
        if duel is None or not await self._messages.is_duel_button(press, duel):
            await self._messenger.reject_button(press.query)
            return
        outcome = await record_choice(self._database, duel, press.user.id, choice)
        key = f"duel-chosen-{choice}" if outcome == "recorded" else f"duel-{outcome}"
        await self._messenger.answer_button(press.query, key)
        if duel.is_private or outcome == "hidden":
            await self._messages.update(duel.id, press.user)

    async def _find(self, request: JokeRequest) -> DuelRecord | None:
        """The duel begun for this update before a restart, or a new one where one is due; None for no duel."""
        if request.resume and (earlier := await get_duel_of_update(self._database, request.update_id)):
            return earlier
        canary, user_id, chat_id = self._router.canary, request.user.id, request.chat.chat_id
        if not self._one_in or canary is None or user_id < 0:
            return None
        trial = await get_open_trial(self._database)
        if trial is None or trial.candidate_id != canary.model.id:
            return None
        if not await self._quota.reserve(chat_id, request.update_id):
            return None
        first = secrets.choice((trial.champion_id, trial.candidate_id))
        return await begin_duel(
            self._database, trial.id, request.update_id, user_id, chat_id, first, every=self._one_in
        )

    async def _make_both(
        self, request: JokeRequest, photo: Photo, duel: DuelRecord, reply: StreamingReply
    ) -> tuple[Joke, Joke] | None:
        """Make A and B concurrently; None unless they are different jokes of the two models."""
        champion, candidate = self._router.champion, self._router.canary
        if candidate is None:
            return None
        first, second = (champion, candidate) if duel.first_model_id == champion.model.id else (candidate, champion)
        results = await asyncio.gather(
            self._make_side(request, photo, duel, "a", first, reply),
            self._make_side(request, photo, duel, "b", second, reply),
            return_exceptions=True,
        )
        a, b = results
        if isinstance(a, BaseException) or isinstance(b, BaseException):
            log.warning("duel %d is replaced by a single joke: %s", duel.id, a if isinstance(a, BaseException) else b)
            return None
        return (a, b) if a.text != b.text and (a.model_id, b.model_id) == (first.model.id, second.model.id) else None

    async def _make_side(
        self,
        request: JokeRequest,
        photo: Photo,
        duel: DuelRecord,
        side: Side,
        served: ServedModel,
        reply: StreamingReply,
    ) -> Joke:
        joke_id = duel.joke_a if side == "a" else duel.joke_b
        if joke_id and (joke := await get_joke(self._database, joke_id)):
            return joke
        joke = await self._generator.generate(
            photo,
            user_id=request.user.id,
            language=request.language,
            style=request.style,
            caption=request.caption,
            served=served,
            on_position=reply.show_position,
            on_wait=reply.show_delay,
            gentle=self._gentle if request.chat.gentle is None else bool(request.chat.gentle),
        )
        record = partial(record_duel_joke, self._database, duel.id, side, joke.id)
        try:
            await record()
        except sqlite3.OperationalError as error:
            await repeat_write(error, record)
        return joke
