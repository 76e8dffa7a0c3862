"""A photo becomes a joke: the prompt, a place in the queue, the engine, a row."""

import asyncio
import logging
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
from storage.media.photos import Photo, photo_path, read_photo

log = logging.getLogger(__name__)


class PhotoFileMissing(JokebotError):
    """A photo has a row, but its file is gone or can't be read."""


class JokeBlocked(JokebotError):
    """Every joke that was made for a photo is on the block list."""


class JokeGenerator:
    """Makes jokes with the models of a router, each in its turn of the queue.

    `is_banned` says whether a user was banned while their photo waited.
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
        """A joke that an earlier process made for an update; None where it may not be shown any more.

        Raises JokebotError where it was deleted.
        """
        joke = await get_joke(self._database, joke_id)
        if joke is None:
            raise JokebotError("The joke was deleted while it was stored; send the photo again.")
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
        arm: ServedModel | None = None,
        on_place: OnPosition | None = None,
        on_text: OnText | None = None,
    ) -> Joke:
        """A new joke about a stored photo, stored as the answer to an update. `arm` takes the router's place.

        `on_place` and `on_text` are as in FairQueue.acquire_slot and EngineClient.ask. Raises PromptError for an
        unknown language or style, QueueFull, UserBanned, PhotoFileMissing, EngineError, JokeBlocked.
        """
        style = style or self._settings.joke.style
        async with self._turn(photo, user_id, on_place, language, style, caption) as question:
            key = {"user": user_id, "chat": chat_id or user_id, "photo": photo.id}[self._settings.canary.assign_by]
            arm, reply = await self._ask_allowed(arm, key, language, on_text, **question)
        sampling: SamplingParams = question["sampling"]
        made_by = {"photo_id": photo.id, "model_id": arm.model.id, "person_id": user_id, "latency_s": reply.latency_s}
        asked = {"language": language, "style": style or self._prompts.languages[language].default, "caption": caption}
        new = NewJoke(
            **made_by,
            **asked,
            prompt=question["user"],
            text=reply.text,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
        )
        return await add_joke(self._database, new, update_id)

    async def explain(
        self,
        joke: Joke,
        photo: Photo,
        *,
        user_id: int,
        language: str,
        on_place: OnPosition | None = None,
        on_text: OnText | None = None,
    ) -> str:
        """What is funny about a joke, by the version that made it where it still serves.

        It is not stored: it is no joke.

        `language` is the explanation's, whatever the joke's is. Raises as `generate` does.
        """
        async with self._turn(photo, user_id, on_place, language, "explain", joke.caption, joke.text) as question:
            arm = self._router.served_model(joke.model_id) or self._router.champion
            _, reply = await self._ask_allowed(arm, 0, language, on_text, **question)
        return reply.text

    @asynccontextmanager
    async def _turn(
        self,
        photo: Photo,
        user_id: int,
        on_place: OnPosition | None,
        language: str,
        style: str | None,
        caption: str | None,
        joke: str | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """A place at the engine, and what to ask there (parameters of EngineClient.ask).

        Raises PromptError, QueueFull, PhotoFileMissing, and UserBanned for a user who was banned meanwhile.
        """
        if language not in self._sampling:
            self._sampling[language] = SamplingParams.of(self._settings.joke, language)
        prompt = self._prompts.ask(language, style, caption, joke)
        async with self._queue.acquire_slot(user_id, on_place):
            if self._is_banned(user_id):
                raise UserBanned("An admin has banned the person who asked.")
            log.debug("photo %d has its turn, person %d", photo.id, user_id)
            try:  # Read now and not before: a thousand waiting photos stay on the disk.
                data = await asyncio.to_thread(read_photo, self._photos, photo)
            except OSError as error:
                raise PhotoFileMissing(
                    f"The stored photo {photo_path(self._photos, photo)} can't be read "
                    f"({error.strerror}); send the photo again."
                ) from error
            yield {
                "system": self._prompts.system,
                "user": prompt,
                "photo": data,
                "media_type": photo.media_type,
                "sampling": self._sampling[language],
            }

    async def _ask_allowed(
        self, arm: ServedModel | None, key: int, language: str, on_text: OnText | None, **question: Any
    ) -> tuple[ServedModel, EngineReply]:
        """Ask `arm`, or the router's choice for `key`, until a text comes that is not on the block list.

        Raises EngineError, JokeBlocked.
        """
        if not self._blocked.entries:
            return await self._ask(arm, key, on_text=on_text, **question)

        async def shown(text: str) -> None:
            if on_text and not self._blocked.hit(text, language):
                await on_text(text)

        for _ in range(self._settings.safety.max_blocked_attempts):
            arm, reply = await self._ask(arm, key, on_text=shown, **question)
            entry = self._blocked.hit(reply.text, language)
            if entry is None:
                return arm, reply
            log.info("a joke of model %s is held back, because it matches %r of the block list", arm.model.name, entry)
        raise JokeBlocked(
            "Every joke that came for this photo matches the block list (settings safety.blocked, safety.blocked_file)."
        )

    async def _ask(self, arm: ServedModel | None, key: int, **question: Any) -> tuple[ServedModel, EngineReply]:
        """Ask a version; the champion, where that fails or was replaced meanwhile. Raises EngineError."""
        arm = arm or self._router.route(key)
        try:
            return arm, await arm.client.ask(**question)
        except EngineError as error:
            other = self._router.fallback_for(arm)
            if other is None:
                raise
            log.warning("model %s gave no joke, %s is asked instead: %s", arm.model.name, other.model.name, error)
        return other, await other.client.ask(**question)
