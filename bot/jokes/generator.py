"""Jokes about stored photos: builds the prompt, waits in the queue, asks the engine, stores the joke."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bot.chats.bans import UserBanned
from bot.engine.client import EngineError, EngineReply, OnText, SamplingParams
from bot.engine.fair_queue import FairQueue, OnPosition
from bot.engine.router import Router, ServedModel
from configs.blocklist import BlockList
from configs.errors import JokebotError
from configs.prompts import Prompts
from configs.settings import Settings
from storage.chat.jokes import Joke, NewJoke, add_joke, get_joke
from storage.database import Database
from storage.media.photos import Photo, get_photo, photo_path, read_photo
from storage.write_retry import OnWait, repeat_write

log = logging.getLogger(__name__)


class PhotoFileMissing(JokebotError):
    """The file of a stored photo is missing or can't be read."""


class PhotoForgotten(JokebotError):
    """A photo was erased by /forget or retention while its joke was in work."""


class JokeBlocked(JokebotError):
    """Every joke made for a photo matches the block list."""


class JokeGenerator:
    """Makes jokes with the models of a router, in the order of the queue.

    `is_banned` is asked again after the wait: the user may have been banned meanwhile.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        router: Router,
        prompts: Prompts,
        queue: FairQueue,
        *,
        is_banned: Callable[[int], bool],
    ) -> None:
        self._database, self._settings, self._router, self._prompts = database, settings, router, prompts
        self._queue, self._is_banned = queue, is_banned
        self._photos = settings.storage.photos
        self._blocked = BlockList.of(settings.safety)
        self._sampling: dict[str, SamplingParams] = {}

    async def stored(self, joke_id: int, language: str) -> Joke | None:
        """A joke that an earlier process made; None where it matches the block list now.

        Raises JokebotError where it was deleted.
        """
        joke = await get_joke(self._database, joke_id)
        if joke is None:
            raise JokebotError("The stored joke was deleted; send the photo again.")
        return None if self._blocked.hit(joke.text, language) else joke

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
        async with self._turn(photo, user_id, on_position, language, style, caption, gentle=gentle) as question:
            key = {"user": user_id, "chat": chat_id or user_id, "photo": photo.id}[self._settings.canary.assign_by]
            served, reply = await self._ask_allowed(served, key, language, on_text, **question)
        new = NewJoke(
            photo_id=photo.id,
            model_id=served.model.id,
            person_id=user_id,
            language=language,
            style=style or self._settings.joke.style or self._prompts.languages[language].default,
            caption=caption,
            prompt=question["user"],
            text=reply.text,
            temperature=question["sampling"].temperature,
            top_p=question["sampling"].top_p,
            max_tokens=question["sampling"].max_tokens,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            latency_s=reply.latency_s,
        )
        return await self._store(new, update_id, on_wait)

    async def _store(self, new: NewJoke, update_id: int | None, on_wait: OnWait | None) -> Joke:
        """Store a joke. Raises PhotoForgotten if its photo was erased meanwhile."""
        try:
            return await add_joke(self._database, new, update_id)
        except sqlite3.OperationalError as error:
            return await repeat_write(error, lambda: self._store(new, update_id, None), on_wait)
        except sqlite3.IntegrityError:
            if await get_photo(self._database, new.photo_id) is None:
                raise PhotoForgotten(f"Photo {new.photo_id} was erased while its joke was in work.") from None
            raise

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
        async with self._turn(photo, user_id, on_position, language, "explain", joke.caption, joke.text) as question:
            served = self._router.served_model(joke.model_id) or self._router.champion
            _, reply = await self._ask_allowed(served, 0, language, on_text, **question)
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
    ) -> AsyncIterator[dict[str, Any]]:
        """Wait in the queue; yields parameters of EngineClient.ask.

        Raises PromptError, QueueFull, PhotoFileMissing, PhotoForgotten, and UserBanned for a user who was banned while
        waiting.
        """
        if language not in self._sampling:
            self._sampling[language] = SamplingParams.of(self._settings.joke, language)
        style = style or self._settings.joke.style
        prompt = self._prompts.ask(language, style, caption, joke, gentle=gentle)
        async with self._queue.acquire_slot(user_id, on_position):
            if self._is_banned(user_id):
                raise UserBanned("An admin has banned the user.")
            log.debug("photo %d has its turn, user %d", photo.id, user_id)
            try:  # Read after the wait, so that photos in the queue take no memory.
                data = await asyncio.to_thread(read_photo, self._photos, photo)
            except OSError as error:
                if await get_photo(self._database, photo.id) is None:
                    raise PhotoForgotten(f"Photo {photo.id} was erased before its turn.") from None
                raise PhotoFileMissing(
                    f"The stored photo {photo_path(self._photos, photo)} can't be read "
                    f"({error.strerror}); send the photo again."
                ) from error
            yield {
                "user": prompt,
                "photo": data,
                "media_type": photo.media_type,
                "sampling": self._sampling[language],
            }

    async def _ask_allowed(
        self, served: ServedModel | None, key: int, language: str, on_text: OnText | None, **question: Any
    ) -> tuple[ServedModel, EngineReply]:
        """Ask `served`, or the router's choice for `key`, until a text doesn't match the block list.

        Raises EngineError, JokeBlocked.
        """
        if not self._blocked.entries:
            return await self._ask(served, key, on_text=on_text, **question)

        async def show_unblocked(text: str) -> None:
            if on_text and not self._blocked.hit(text, language):
                await on_text(text)

        for _ in range(self._settings.safety.max_blocked_attempts):
            served, reply = await self._ask(served, key, on_text=show_unblocked, **question)
            entry = self._blocked.hit(reply.text, language)
            if entry is None:
                return served, reply
            log.info("a joke of model %s is blocked: it matches %r of the block list", served.model.name, entry)
        raise JokeBlocked(
            "Every joke made for this photo matches the block list (settings safety.blocked, safety.blocked_file)."
        )

    async def _ask(self, served: ServedModel | None, key: int, **question: Any) -> tuple[ServedModel, EngineReply]:
        """Ask a model, and where that fails the router's fallback for it. Raises EngineError."""
        served = served or self._router.route(key)
        try:
            return served, await served.client.ask(**question)
        except EngineError as error:
            fallback = self._router.fallback_for(served)
            if fallback is None:
                raise
            log.warning("model %s failed, asking %s instead: %s", served.model.name, fallback.model.name, error)
        return fallback, await fallback.client.ask(**question)
