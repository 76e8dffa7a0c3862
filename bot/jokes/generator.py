"""Jokes about stored photos: builds the prompt, waits in the queue, has candidates written, stores the joke."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bot.chats.bans import UserBanned
from bot.engine.chat_types import is_plausible_text
from bot.engine.client import EngineError, EngineReply, OnText, SamplingParams
from bot.engine.fair_queue import FairQueue, OnPosition
from bot.engine.router import Router, ServedModel
from bot.jokes.candidate_writer import CandidateWriter, ChosenReply
from bot.jokes.judge_source import JokeContext, JudgeSource, ServedJudge
from bot.jokes.reply_writer import ReplyWriter
from bot.recognition.recogniser import Recogniser
from configs.errors import JokebotError
from configs.prompts import Prompts
from configs.settings import Settings
from storage.chat.candidates import UnshownCandidate
from storage.chat.jokes import Joke, NewJoke, add_joke, get_joke
from storage.database import Database
from storage.media.photos import Photo, get_photo, photo_path, read_photo
from storage.write_retry import OnWait, repeat_write

log = logging.getLogger(__name__)


class PhotoFileMissing(JokebotError):
    """The file of a stored photo is missing or can't be read."""


class PhotoForgotten(JokebotError):
    """A photo was erased by /forget or retention while its joke was in work."""


class JokeGenerator:
    """Makes jokes with the models of a router, in the order of the queue.

    While a judge is in service it chooses among several candidates. `is_banned` is asked again after the wait: the user
    may have been banned meanwhile. What the `recogniser` sees in a photo stands in the prompt and in the joke's row.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        router: Router,
        prompts: Prompts,
        queue: FairQueue,
        judges: JudgeSource,
        *,
        is_banned: Callable[[int], bool],
        recogniser: Recogniser | None = None,
    ) -> None:
        self._database, self._settings, self._router, self._prompts = database, settings, router, prompts
        self._queue, self._judges, self._is_banned, self._recogniser = queue, judges, is_banned, recogniser
        self._photos = settings.storage.photos
        self._replies = ReplyWriter(router, settings.safety)
        self._several = settings.candidates > 1
        self._candidates = CandidateWriter(
            database, queue, settings.candidates, settings.joke, settings.limits.edit_interval_s
        )
        self._sampling: dict[str, SamplingParams] = {}

    async def stored(self, joke_id: int, language: str) -> Joke | None:
        """A joke that an earlier process made; None where it matches the block list now.

        Raises JokebotError where it was deleted.
        """
        joke = await get_joke(self._database, joke_id)
        if joke is None:
            raise JokebotError("The stored joke was deleted; send the photo again.")
        return None if self._replies.is_blocked(joke.text, language) else joke

    async def generate(
        self,
        photo: Photo,
        *,
        user_id: int,
        language: str,
        style: str | None = None,
        caption: str | None = None,
        chat_id: int | None = None,
        update_id: int | None = None,
        served: ServedModel | None = None,
        on_position: OnPosition | None = None,
        on_text: OnText | None = None,
        on_wait: OnWait | None = None,
        gentle: bool = False,
    ) -> Joke:
        """Make and store a joke about a photo, for update `update_id`. `served` overrides the router's choice.

        Raises PromptError, QueueFull, UserBanned, PhotoFileMissing, PhotoForgotten, EngineError, JokeBlocked.
        """
        style = style or self._settings.joke.style
        chat_id = chat_id or user_id
        async with self._turn(photo, user_id, on_position, language, style, caption, gentle=gentle) as (question, seen):
            key = {"user": user_id, "chat": chat_id, "photo": photo.id}[self._settings.canary.assign_by]
            base_share = self._router.base_share if served is None and self._router.base else None
            style = style or self._prompts.languages[language].default
            context = JokeContext(chat_id, user_id, language, style, caption)
            judge = self._judges.current if self._several else None
            if judge:
                served, chosen = await self._write_best(served, key, judge, context, on_text, question)
            else:
                served, reply = await self._replies.write(served, key, language, on_text, **question)
                chosen = ChosenReply(reply)
        new = new_joke(photo, served, context, question, chosen, base_share, seen)
        return await self._store(new, update_id, chosen.not_shown, on_wait)

    async def _store(
        self, new: NewJoke, update_id: int | None, not_shown: Sequence[UnshownCandidate], on_wait: OnWait | None
    ) -> Joke:
        """Store a joke. Raises PhotoForgotten if its photo was erased meanwhile."""
        try:
            return await add_joke(self._database, new, update_id, not_shown)
        except sqlite3.OperationalError as error:
            return await repeat_write(error, lambda: self._store(new, update_id, not_shown, None), on_wait)
        except sqlite3.IntegrityError:
            if await get_photo(self._database, new.photo_id) is None:
                raise PhotoForgotten(f"Photo {new.photo_id} was erased while its joke was in work.") from None
            raise

    async def _write_best(
        self,
        served: ServedModel | None,
        key: int,
        judge: ServedJudge,
        context: JokeContext,
        on_text: OnText | None,
        question: dict[str, Any],
    ) -> tuple[ServedModel, ChosenReply]:
        """The best of several candidates by `served`, else by the router's choice for `key`.

        A photo of the base's random share gets a single joke, as it was before anything was learnt. Raises EngineError,
        JokeBlocked.
        """
        served = served or self._router.route(key)
        if served is not self._router.base:
            try:
                if chosen := await self._write_candidates(served, judge, context, on_text, question):
                    return served, chosen
            except EngineError as error:
                fallback = self._router.fallback_for(served)
                if fallback is None:
                    raise
                log.warning("model %s failed, asking %s instead: %s", served.model.name, fallback.model.name, error)
                served = fallback
        served, reply = await self._replies.write(served, key, context.language, on_text, **question)
        return served, ChosenReply(reply)

    async def _write_candidates(
        self,
        served: ServedModel,
        judge: ServedJudge,
        context: JokeContext,
        on_text: OnText | None,
        question: dict[str, Any],
    ) -> ChosenReply | None:
        """The chosen one of several candidates; None if none may be shown. Raises EngineError."""

        async def ask(on_text: OnText) -> EngineReply:
            return await served.client.ask(on_text=on_text, **question)

        def may_show(text: str) -> bool:
            return is_plausible_text(text) and not self._replies.is_blocked(text, context.language)

        show = self._replies.unblocked(on_text, context.language)
        return await self._candidates.write(ask, may_show, judge, context, show)

    async def explain(
        self,
        joke: Joke,
        photo: Photo,
        *,
        user_id: int,
        language: str,
        on_position: OnPosition | None = None,
        on_text: OnText | None = None,
    ) -> str:
        """An explanation of a joke in `language`, by the model that made the joke, else by the champion.

        It is not stored. Raises as `generate` does.
        """
        about = (joke.caption, joke.text)
        async with self._turn(photo, user_id, on_position, language, "explain", *about) as (question, _):
            served = (joke.model_id and self._router.served_model(joke.model_id)) or self._router.champion
            _, reply = await self._replies.write(served, 0, language, on_text, **question)
        return reply.text

    @asynccontextmanager
    async def _turn(
        self,
        photo: Photo,
        user_id: int,
        on_position: OnPosition | None,
        language: str,
        style: str | None,
        caption: str | None,
        joke: str | None = None,
        gentle: bool = False,
    ) -> AsyncIterator[tuple[dict[str, Any], str | None]]:
        """Wait in the queue; yields parameters of EngineClient.ask, and what the recogniser saw.

        Raises PromptError, QueueFull, PhotoFileMissing, PhotoForgotten, and UserBanned for a user who was banned while
        waiting.
        """
        if language not in self._sampling:
            self._sampling[language] = SamplingParams.of(self._settings.joke, language)
        style = style or self._settings.joke.style
        # Before the wait, so that an unknown style raises at once.
        user, seen = self._prompts.ask(language, style, caption, joke, gentle=gentle), None
        async with self._queue.acquire_slot(user_id, on_position):
            if self._is_banned(user_id):
                raise UserBanned("An admin has banned the user.")
            log.debug("photo %d has its turn, user %d", photo.id, user_id)
            try:  # Read after the wait, so that photos in the queue take no memory.
                data = await asyncio.to_thread(read_photo, self._photos, photo)
            except OSError as error:
                raise await self._unreadable(photo, error) from error
            if self._recogniser:
                seen = await self._recogniser.see(photo.sha256, data)
                user = self._prompts.ask(language, style, caption, joke, gentle=gentle, seen=seen)
            question = {
                "user": user,
                "photo": data,
                "media_type": photo.media_type,
                "sampling": self._sampling[language],
            }
            yield question, seen

    async def _unreadable(self, photo: Photo, error: OSError) -> PhotoForgotten | PhotoFileMissing:
        """Why the photo's file can't be read: the photo was erased meanwhile, or its file is gone."""
        if await get_photo(self._database, photo.id) is None:
            return PhotoForgotten(f"Photo {photo.id} was erased before its turn.")
        path = photo_path(self._photos, photo)
        return PhotoFileMissing(f"The stored photo {path} can't be read ({error.strerror}); send the photo again.")


def new_joke(
    photo: Photo,
    served: ServedModel,
    context: JokeContext,
    question: dict[str, Any],
    chosen: ChosenReply,
    base_share: float | None,
    seen: str | None = None,
) -> NewJoke:
    """The joke of a chosen reply, with all that it was made with."""
    reply, sampling = chosen.reply, question["sampling"]
    return NewJoke(
        photo_id=photo.id,
        model_id=served.model.id,
        person_id=context.user_id,
        language=context.language,
        style=context.style,
        caption=context.caption,
        prompt=question["user"],
        text=reply.text,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        latency_s=reply.latency_s,
        chosen_by=chosen.chosen_by,
        candidates=chosen.candidates,
        propensity=chosen.propensity,
        judge_id=chosen.judge_id,
        score=chosen.score,
        base_share=base_share,
        seen=seen,
    )
