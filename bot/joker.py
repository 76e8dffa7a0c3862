"""A photo becomes a joke: the prompt, a place in the queue, the engine, a row."""
import asyncio
from pathlib import Path

from bot.engine.client import EngineClient, OnText, Sampling
from bot.engine.queue import FairQueue, OnPlace
from configs.errors import JokebotError
from configs.prompts import Prompts
from configs.settings import Settings
from storage import inbox
from storage.database import Database
from storage.jokes import Joke, NewJoke, add_joke, get_joke
from storage.models import Model
from storage.photos import Photo, photo_path


class PhotoMissing(JokebotError):
    """A photo has a row, but its file is gone or can't be read."""


class Joker:
    """Makes jokes with one model; `queue` is the line in front of the engine, for those who want to know its length."""

    def __init__(self, database: Database, settings: Settings, client: EngineClient, prompts: Prompts, photos: Path,
                 model: Model) -> None:
        self._database, self._settings, self._client = database, settings, client
        self._prompts, self._photos, self._model = prompts, photos, model
        limits = settings.limits
        self.queue = FairQueue(settings.engine.in_flight, limits.photos_waiting_per_person, limits.photos_waiting)

    async def joke(self, photo: Photo, *, person_id: int, language: str, style: str | None = None,
                   caption: str | None = None, update_id: int | None = None, on_place: OnPlace | None = None,
                   on_text: OnText | None = None) -> Joke:
        """A new joke about a stored photo, stored as the answer to an update; the one that is stored already for that update.

        `on_place` and `on_text` are as in FairQueue.place and EngineClient.ask.
        Raises PromptError for an unknown language or style, QueueFull, PhotoMissing, EngineError.
        """
        if update_id is not None and (kept := (await inbox.begun(self._database, update_id)).joke_id):
            return await self._stored(kept)
        style = style or self._settings.joke.style or self._prompts.language(language).default
        prompt = self._prompts.ask(language, style, caption)
        chosen = self._settings.joke
        sampling = Sampling(chosen.temperature, chosen.top_p, chosen.max_tokens)
        async with self.queue.place(person_id, on_place):
            # Read now and not before: a thousand waiting photos stay on the disk.
            data = await asyncio.to_thread(self._read, photo)
            reply = await self._client.ask(system=self._prompts.system, user=prompt, photo=data,
                                           media_type=photo.media_type, sampling=sampling, on_text=on_text)
        new = NewJoke(photo_id=photo.id, model_id=self._model.id, person_id=person_id, language=language, style=style,
                      caption=caption, prompt=prompt, text=reply.text, temperature=sampling.temperature, top_p=sampling.top_p,
                      max_tokens=sampling.max_tokens, prompt_tokens=reply.prompt_tokens,
                      completion_tokens=reply.completion_tokens, latency_s=reply.latency_s)
        return await self._stored(await add_joke(self._database, new, update_id))

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
