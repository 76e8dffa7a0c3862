"""Asks the engine for a joke: the OpenAI chat protocol with the photo as a `data:` URL, streamed.

The `openai` package takes more than half a second to import, so it is imported at the first use, in a thread; its own
retries are off, ours know which failures pass (`bot/engine/errors.py`) and end within one total time limit.
"""
import asyncio
import base64
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from bot.engine.errors import EngineError, engine_errors
from configs.log_lines import HEADER, REQUEST
from configs.settings import Engine, Joke

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["EngineClient", "EngineError", "OnText", "Reply", "Sampling"]

log = logging.getLogger(__name__)

Result = TypeVar("Result")
OnText = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Sampling:
    """How the engine picks its words; `max_tokens` bounds their number. The same `seed` picks the same ones again, where
    engine, model and request are the same. `repetition_penalty` above 1 holds back what was said already; a text ends where
    its last `ngram_size` tokens have been written `ngram_threshold` times (0: it goes on)."""

    temperature: float
    top_p: float
    max_tokens: int
    seed: int | None = None
    repetition_penalty: float = 1.0
    ngram_size: int = 0
    ngram_threshold: int = 0

    @classmethod
    def of(cls, joke: Joke, language: str, seed: int | None = None) -> "Sampling":
        """What the settings say for jokes in a language."""
        chosen = joke.sampling(language)
        return cls(chosen["temperature"], chosen["top_p"], chosen["max_tokens"], seed, chosen["repetition_penalty"],
                   chosen["repetition_ngram_size"], chosen["repetition_ngram_threshold"])

    def extra(self, *, ngram: bool = True) -> dict[str, Any]:
        """What the protocol doesn't have, under LMDeploy's names; nothing where nothing is asked for, since not every engine knows it.
        Without `ngram` the rule that ends a text which repeats itself is left out."""
        found: dict[str, Any] = {}
        if self.repetition_penalty != 1.0:
            found["repetition_penalty"] = self.repetition_penalty
        if ngram and self.ngram_size and self.ngram_threshold:
            found |= {"repetition_ngram_size": self.ngram_size, "repetition_ngram_threshold": self.ngram_threshold}
        return found


@dataclass(frozen=True)
class Reply:
    """What the engine wrote. Token counts are None where it doesn't tell; `latency_s` runs from the request that
    succeeded to its last word; `finish_reason` is "stop" or "length"."""

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_s: float
    finish_reason: str


@dataclass
class _Draft:
    """A reply while it is written."""

    text: str = ""
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def add(self, chunk: Any) -> bool:
        """Take a chunk in; whether there is new text. Raises one of Python's own errors for a chunk of another shape."""
        if chunk.usage is not None:
            self.prompt_tokens, self.completion_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
        piece = ""
        for choice in chunk.choices:
            piece += choice.delta.content or ""
            self.finish_reason = choice.finish_reason or self.finish_reason
        self.text += piece
        return bool(piece)


class EngineClient:
    """A client of one engine; any number of tasks may ask at the same time. Close it at the end.

    `ngram` is for engines whose rule against repetition is known to work: LMDeploy 0.18.0's own ends jokes after a word
    (bot/engine/lmdeploy/repetition.py).
    """

    def __init__(self, settings: Engine, *, ngram: bool = True) -> None:
        self._settings, self._ngram = settings, ngram
        self._openai: AsyncOpenAI | None = None
        self._model = settings.model
        self._lock = asyncio.Lock()

    async def models(self) -> list[str]:
        """The names of the models it serves. Raises EngineError."""
        client, url = await self._client(), self._settings.url
        with engine_errors(url):
            try:
                async with asyncio.timeout(self._settings.connect_timeout_s):
                    page = await client.models.list()
            except TimeoutError:
                raise EngineError("down", f"The engine at {url} does not answer.", retryable=True) from None
            return [str(model.id) for model in page.data]

    async def ready(self) -> bool:
        """Whether it answers and serves the model that will be asked."""
        try:
            names = await self.models()
        except EngineError:
            return False
        return self._settings.model in names if self._settings.model else bool(names)

    async def ask(self, *, system: str, user: str, photo: bytes, media_type: str, sampling: Sampling,
                  on_text: OnText | None = None) -> Reply:
        """One reply about a photo (the bytes of a file of that media type).

        `on_text` gets the whole text so far whenever it grows, and after a retry from the beginning again; reading
        waits for it, so it should return at once. Raises EngineError when all tries are used up or can't help.
        """
        deadline = time.monotonic() + self._settings.total_timeout_s
        for attempt in range(1, self._settings.attempts + 1):
            try:
                return await self._try(self._messages(system, user, photo, media_type), sampling, on_text, deadline)
            except EngineError as error:
                pause = max(self._pause(attempt), error.retry_after_s)
                if not error.retryable or attempt == self._settings.attempts or time.monotonic() + pause >= deadline:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def close(self) -> None:
        """Close the connections."""
        if self._openai is not None:
            await self._openai.close()

    def _pause(self, attempt: int) -> float:
        """Seconds before the next try: doubling, and spread so that many waiting requests don't return together."""
        return self._settings.retry_delay_s * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)

    def _messages(self, system: str, user: str, photo: bytes, media_type: str) -> list[dict[str, Any]]:
        picture = {"url": f"data:{media_type};base64,{base64.b64encode(photo).decode('ascii')}",
                   "max_dynamic_patch": self._settings.max_tiles}
        return [{"role": "system", "content": system},
                {"role": "user", "content": [{"type": "image_url", "image_url": picture}, {"type": "text", "text": user}]}]

    async def _try(self, messages: list[dict[str, Any]], sampling: Sampling, on_text: OnText | None, deadline: float) -> Reply:
        """One request. Raises EngineError."""
        model, draft, started, shown = await self._model_name(), _Draft(), time.monotonic(), ""
        try:
            async with aclosing(self._drafts(model, messages, sampling, draft, deadline)) as drafts:
                async for text in drafts:
                    if on_text and text != shown:
                        shown = text
                        await on_text(text)
        except EngineError as error:
            if error.kind in ("down", "cut_off", "refused"):
                self._model = self._settings.model
            # A joke that was finished stays one, whatever came instead of the token counts.
            if not (draft.text.strip() and draft.finish_reason in ("stop", "length")):
                raise
        reply = self._finished(draft, time.monotonic() - started)
        log.debug("%s at %s wrote %s tokens in %.2f s", model, self._settings.url, reply.completion_tokens, reply.latency_s)
        return reply

    async def _drafts(self, model: str, messages: list[dict[str, Any]], sampling: Sampling, draft: _Draft,
                      deadline: float) -> AsyncIterator[str]:
        """The text so far, each time it has grown; `draft` is filled on the way."""
        limits, url, client = self._settings, self._settings.url, await self._client()
        first = min(deadline, time.monotonic() + limits.first_token_timeout_s)
        with engine_errors(url):
            stream = await self._within(first, client.chat.completions.create(
                model=model, messages=messages, temperature=sampling.temperature, top_p=sampling.top_p,
                max_tokens=sampling.max_tokens, stream=True, stream_options={"include_usage": True}, extra_body=sampling.extra(ngram=self._ngram),
                extra_headers={HEADER: request} if (request := REQUEST.get()) else {},
                **({} if sampling.seed is None else {"seed": sampling.seed})))
        try:
            with engine_errors(url, midway=True):
                while True:
                    limit = min(deadline, time.monotonic() + limits.token_timeout_s) if draft.text else first
                    chunk = await self._within(limit, anext(stream, None))
                    if chunk is None:
                        return
                    if draft.add(chunk) and (text := draft.text.strip()):
                        yield text
        finally:
            await stream.close()

    async def _within(self, limit: float, awaitable: Awaitable[Result]) -> Result:
        """Await until a point of monotonic time. Raises EngineError "slow"."""
        try:
            async with asyncio.timeout(max(0.0, limit - time.monotonic())):
                return await awaitable
        except TimeoutError:
            raise EngineError("slow", f"The engine at {self._settings.url} took too long.") from None

    def _finished(self, draft: _Draft, latency_s: float) -> Reply:
        """The reply of a whole draft. Raises EngineError for one that is none."""
        text, url = draft.text.strip(), self._settings.url
        if draft.finish_reason is None or draft.finish_reason == "abort":
            raise EngineError("cut_off", f"The engine at {url} stopped in the middle of a joke.", retryable=True)
        if not text:
            raise EngineError("empty", f"The engine at {url} wrote nothing.", retryable=True)
        return Reply(text, draft.prompt_tokens, draft.completion_tokens, latency_s, draft.finish_reason)

    async def _model_name(self) -> str:
        """The name to ask for: the setting's, else the first one listed, remembered until something fails."""
        async with self._lock:
            if not self._model:
                names = await self.models()
                if not names:
                    raise EngineError("down", f"The engine at {self._settings.url} serves no model yet.", retryable=True)
                self._model = names[0]
            return self._model

    async def _client(self) -> "AsyncOpenAI":
        if self._openai is None:
            made = await asyncio.to_thread(self._make_client)
            # Two first callers may both have made one; the first to come back wins.
            self._openai = self._openai or made
        return self._openai

    def _make_client(self) -> "AsyncOpenAI":
        import openai

        limits, local = self._settings, urlsplit(self._settings.url).hostname in ("127.0.0.1", "localhost", "::1")
        timeout = openai.Timeout(None, connect=limits.connect_timeout_s)
        # An engine on this machine is never behind the proxy that the environment may name.
        transport = openai.DefaultAsyncHttpxClient(timeout=timeout, trust_env=not local)
        client = openai.AsyncOpenAI(api_key=limits.api_key.get_secret_value(), base_url=limits.url, max_retries=0,
                                    timeout=timeout, http_client=transport)
        # Loads the rest of what the first request would load in the event loop.
        _ = client.chat.completions, client.models
        return client
