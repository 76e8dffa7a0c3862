"""A photo becomes a joke: the prompt, a place in the queue, the engine, a row."""
import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.bans import Banned
from bot.engine.client import EngineError, OnText, Reply, Sampling
from bot.engine.queue import FairQueue, OnPlace
from bot.engine.router import Arm, Router
from configs.blocklist import BlockList
from configs.errors import JokebotError
from configs.prompts import Prompts
from configs.settings import Settings
from storage import inbox
from storage.database import Database
from storage.jokes import Joke, NewJoke, add_joke, get_joke
from storage.photos import Photo, photo_path

log = logging.getLogger(__name__)


class PhotoMissing(JokebotError):
    """A photo has a row, but its file is gone or can't be read."""


class JokeBlocked(JokebotError):
    """Every joke that was made for a photo is on the block list."""


class Joker:
    """Makes jokes with the models of a router; `queue` is the line in front of them, for those who want to know its length."""

    def __init__(self, database: Database, settings: Settings, router: Router, prompts: Prompts, photos: Path) -> None:
        self._database, self._settings, self._router = database, settings, router
        self._prompts, self._photos = prompts, photos
        self._blocked = BlockList.of(settings.guard)
        self.banned: Callable[[int], bool] = lambda person_id: False
        limits = settings.limits
        self.queue = FairQueue(settings.in_flight, limits.photos_waiting_per_person, limits.photos_waiting)

    async def joke(self, photo: Photo, *, person_id: int, language: str, style: str | None = None,
                   caption: str | None = None, chat_id: int | None = None, update_id: int | None = None, arm: Arm | None = None,
                   on_place: OnPlace | None = None, on_text: OnText | None = None) -> Joke:
        """A new joke about a stored photo, stored as the answer to an update; the one that is stored already for that update.

        `arm` is the model version to ask, where the router shall not choose. `on_place` and `on_text` are as in
        FairQueue.place and EngineClient.ask.
        Raises PromptError for an unknown language or style, QueueFull, Banned, PhotoMissing, EngineError, JokeBlocked.
        """
        if update_id is not None and (kept := (await inbox.begun(self._database, update_id)).joke_id):
            joke = await self._stored(kept)
            if not self._blocked.hit(joke.text, language):
                return joke
        style = style or self._settings.joke.style or self._prompts.language(language).default
        prompt = self._prompts.ask(language, style, caption)
        sampling = Sampling.of(self._settings.joke, language)
        async with self._place(person_id, on_place):
            log.debug("photo %d has its turn, person %d", photo.id, person_id)
            # Read now and not before: a thousand waiting photos stay on the disk.
            data = await asyncio.to_thread(self._read, photo)
            key = {"person": person_id, "chat": chat_id or person_id, "photo": photo.id}[self._settings.engine.canary_by]
            arm, reply = await self._ask_allowed(arm or self._router.pick(key), language, on_text, system=self._prompts.system,
                                                 user=prompt, photo=data, media_type=photo.media_type, sampling=sampling)
        new = NewJoke(photo_id=photo.id, model_id=arm.model.id, person_id=person_id, language=language, style=style,
                      caption=caption, prompt=prompt, text=reply.text, temperature=sampling.temperature, top_p=sampling.top_p,
                      max_tokens=sampling.max_tokens, prompt_tokens=reply.prompt_tokens,
                      completion_tokens=reply.completion_tokens, latency_s=reply.latency_s)
        return await add_joke(self._database, new, update_id)

    async def explain(self, joke: Joke, photo: Photo, *, person_id: int, language: str,
                      on_place: OnPlace | None = None, on_text: OnText | None = None) -> str:
        """What is funny about a joke, by the version that told it where it still serves. It is not stored: it is no joke.

        `language` is the explanation's, whatever the joke's is. Raises as `joke` does.
        """
        prompt = self._prompts.ask(language, "explain", joke.caption, joke.text)
        async with self._place(person_id, on_place):
            data = await asyncio.to_thread(self._read, photo)
            _, reply = await self._ask_allowed(self._router.arm_of(joke.model_id) or self._router.champion, language, on_text,
                                               system=self._prompts.system, user=prompt, photo=data, media_type=photo.media_type,
                                               sampling=Sampling.of(self._settings.joke, language))
        return reply.text

    @asynccontextmanager
    async def _place(self, person_id: int, on_place: OnPlace | None) -> AsyncIterator[None]:
        """A place at the engine. Raises QueueFull, and Banned for somebody who was banned while they waited."""
        async with self.queue.place(person_id, on_place):
            if self.banned(person_id):
                raise Banned("An admin has banned the person who asked.")
            yield

    async def _ask_allowed(self, arm: Arm, language: str, on_text: OnText | None, **question: Any) -> tuple[Arm, Reply]:
        """Ask until a joke comes that is not on the block list. Raises EngineError, JokeBlocked."""
        async def shown(text: str) -> None:
            if on_text and not self._blocked.hit(text, language):
                await on_text(text)

        for _ in range(self._settings.guard.blocked_tries):
            arm, reply = await self._ask(arm, on_text=shown, **question)
            entry = self._blocked.hit(reply.text, language)
            if entry is None:
                return arm, reply
            log.info("a joke of model %s is held back, because it matches %r of the block list", arm.model.name, entry)
        raise JokeBlocked("Every joke that came for this photo matches the block list (settings guard.blocked, guard.blocked_file).")

    async def _ask(self, arm: Arm, **question: Any) -> tuple[Arm, Reply]:
        """Ask a version; one that fails, or was replaced meanwhile, is made up for by the champion. Raises EngineError."""
        try:
            return arm, await arm.client.ask(**question)
        except EngineError as error:
            other = self._router.instead_of(arm)
            if other is None:
                raise
            log.warning("model %s gave no joke, %s is asked instead: %s", arm.model.name, other.model.name, error)
        return other, await other.client.ask(**question)

    async def _stored(self, joke_id: int) -> Joke:
        joke = await get_joke(self._database, joke_id)
        if joke is None:
            raise JokebotError("The joke was deleted while it was stored; send the photo again.")
        return joke

    def _read(self, photo: Photo) -> bytes:
        path = photo_path(self._photos, photo)
        try:
            return path.read_bytes()
        except OSError as error:
            raise PhotoMissing(f"The stored photo {path} can't be read ({error.strerror}); send the photo again.") from error
