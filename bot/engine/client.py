"""The engine's client: the OpenAI chat protocol with the photo as a `data:` URL, streamed.

The `openai` package takes more than half a second to import, so it is imported at the first use, in a thread. Its own
retries are off; ours repeat only retryable failures (`bot/engine/errors.py`) and end within one total time limit.
"""

import asyncio
import base64
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from bot.engine.chat_types import EngineReply, OnText, SamplingParams
from bot.engine.errors import EngineError, engine_errors
from configs.chat_templates import chat_template
from configs.control_tokens import CONTROL_TOKEN, ORDINARY, readable_part
from configs.host_environment import proxy_for
from configs.log_context import HEADER, REQUEST
from configs.settings import EngineSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["EngineClient", "EngineError", "OnText", "EngineReply", "SamplingParams"]

log = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass
class PartialReply:
    """A reply during its generation. `raw` is what the engine sent, `text` the readable part of it.

    `ended`: a control token was sent, so what follows is no part of the reply.
    """

    raw: str = ""
    text: str = ""
    ended: bool = False
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int = 0

    def add(self, chunk: Any) -> bool:
        """Add a chunk; returns whether the text has grown. Raises a built-in exception for a chunk of another shape."""
        if chunk.usage is not None:
            self.prompt_tokens, self.completion_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
            self.cached_tokens = getattr(chunk.usage.prompt_tokens_details, "cached_tokens", None) or 0
        added = ""
        for choice in chunk.choices:
            added += choice.delta.content or ""
            self.finish_reason = choice.finish_reason or self.finish_reason
        if not added or self.ended:
            return False
        self.raw += added
        before = self.text
        if ORDINARY.fullmatch(self.raw):
            self.text = self.raw
        else:
            self.text = readable_part(self.raw, finished=False)
            self.ended = CONTROL_TOKEN.search(self.raw) is not None
        return self.text != before

    def finish(self) -> None:
        """Take the rest of the text, after the last chunk. A control token is a reply's regular end."""
        if not ORDINARY.fullmatch(self.raw):
            self.text = readable_part(self.raw, finished=True)
        if self.ended:
            self.finish_reason = "stop"


class EngineClient:
    """A client of one engine, for any number of tasks at the same time. Close it at the end.

    Set `ngram` only if the engine's rule against repetition works: an unmodified LMDeploy 0.18.0 ends jokes after one
    word (bot/engine/lmdeploy/repetition_fix.py).
    """

    def __init__(self, settings: EngineSettings, *, ngram: bool = True) -> None:
        self._settings, self._ngram, self._proxy = settings, ngram, proxy_for(settings.url)
        self._openai: AsyncOpenAI | None = None
        self._model, self._system = settings.model, chat_template(settings.template).system
        self._lock = asyncio.Lock()

    async def models(self) -> list[str]:
        """The names of the models that the engine serves. Raises EngineError."""
        client, url = await self._client(), self._settings.url
        with engine_errors(url):
            try:
                async with asyncio.timeout(self._settings.connect_timeout_s):
                    page = await client.models.list()
            except TimeoutError:
                raise EngineError("down", f"The engine at {url} does not answer.", retryable=True) from None
            return [str(model.id) for model in page.data]

    async def ready(self) -> bool:
        """Whether the engine answers and serves the model of the settings, or any model if they name none."""
        try:
            names = await self.models()
        except EngineError:
            return False
        return self._settings.model in names if self._settings.model else bool(names)

    async def ask(
        self,
        *,
        user: str,
        photo: bytes,
        media_type: str,
        sampling: SamplingParams,
        on_text: OnText | None = None,
    ) -> EngineReply:
        """One reply about a photo (the bytes of a file of that media type). The system prompt is the model family's.

        `on_text` gets the whole text so far whenever it grows; after a retry the text starts again. Reading waits
        until `on_text` has returned, so it should return at once. Raises EngineError after the last attempt, or for
        an error that a retry can't fix.
        """
        deadline = time.monotonic() + self._settings.total_timeout_s
        for attempt in range(1, self._settings.attempts + 1):
            try:
                return await self._request(self._messages(user, photo, media_type), sampling, on_text, deadline)
            except EngineError as error:
                delay_s = max(self._retry_delay_s(attempt), error.retry_after_s)
                if not error.retryable or attempt == self._settings.attempts or time.monotonic() + delay_s >= deadline:
                    raise
            await asyncio.sleep(delay_s)
        raise AssertionError("the last attempt returns or raises")

    async def close(self) -> None:
        """Close the connections."""
        if self._openai is not None:
            await self._openai.close()

    def _retry_delay_s(self, attempt: int) -> float:
        """Seconds before the next attempt: doubling, with jitter so that waiting requests don't return together."""
        return self._settings.retry_delay_s * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)

    def _messages(self, user: str, photo: bytes, media_type: str) -> list[dict[str, Any]]:
        """The messages with a photo. `max_dynamic_patch` is LMDeploy's; OpenAI's types don't have it."""
        image = {
            "url": f"data:{media_type};base64,{base64.b64encode(photo).decode('ascii')}",
            "max_dynamic_patch": self._settings.max_tiles,
        }
        return [
            {"role": "system", "content": self._system},
            {"role": "user", "content": [{"type": "image_url", "image_url": image}, {"type": "text", "text": user}]},
        ]

    async def _request(
        self, messages: list[dict[str, Any]], sampling: SamplingParams, on_text: OnText | None, deadline: float
    ) -> EngineReply:
        """One request. Raises EngineError."""
        model, draft, started_at, reported = await self._model_name(), PartialReply(), time.monotonic(), ""
        try:
            async with aclosing(self._drafts(model, messages, sampling, draft, deadline)) as drafts:
                async for text in drafts:
                    if on_text and text != reported:
                        reported = text
                        await on_text(text)
        except EngineError as error:
            if error.kind in ("down", "cut_off", "refused"):
                self._model = self._settings.model
            # A finished joke is used even if the token counts after it are missing or broken.
            draft.finish()
            if not (draft.text.strip() and draft.finish_reason in ("stop", "length")):
                raise
        draft.finish()
        reply = self._complete_reply(draft, time.monotonic() - started_at)
        log.debug(
            "%s at %s wrote %s tokens in %.2f s", model, self._settings.url, reply.completion_tokens, reply.latency_s
        )
        return reply

    async def _drafts(
        self,
        model: str,
        messages: list[dict[str, Any]],
        sampling: SamplingParams,
        draft: PartialReply,
        deadline: float,
    ) -> AsyncGenerator[str, None]:
        """Yields the text so far each time it has grown; fills `draft`."""
        limits, url, client = self._settings, self._settings.url, await self._client()
        untyped: dict[str, Any] = {"messages": messages, **({} if sampling.seed is None else {"seed": sampling.seed})}
        first_token_deadline = min(deadline, time.monotonic() + limits.first_token_timeout_s)
        with engine_errors(url):
            stream = await self._await_until(
                first_token_deadline,
                client.chat.completions.create(
                    model=model,
                    temperature=sampling.temperature,
                    top_p=sampling.top_p,
                    max_tokens=sampling.max_tokens,
                    stream=True,
                    stream_options={"include_usage": True},
                    extra_body=sampling.extra_fields(ngram=self._ngram),
                    extra_headers={HEADER: request} if (request := REQUEST.get()) else {},
                    **untyped,
                ),
            )
        try:
            with engine_errors(url, midway=True):
                while not draft.ended:
                    chunk_deadline = first_token_deadline
                    if draft.raw:
                        chunk_deadline = min(deadline, time.monotonic() + limits.token_timeout_s)
                    chunk = await self._await_until(chunk_deadline, anext(stream, None))
                    if chunk is None:
                        return
                    if draft.add(chunk) and (text := draft.text.strip()):
                        yield text
        finally:
            await stream.close()

    async def _await_until(self, deadline: float, awaitable: Awaitable[Result]) -> Result:
        """Await something until `deadline`, in monotonic time. Raises EngineError "slow"."""
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                return await awaitable
        except TimeoutError:
            raise EngineError("slow", f"The engine at {self._settings.url} took too long.") from None

    def _complete_reply(self, draft: PartialReply, latency_s: float) -> EngineReply:
        """The reply of a complete draft. Raises EngineError for an incomplete or empty one."""
        text, url = draft.text.strip(), self._settings.url
        if draft.finish_reason is None or draft.finish_reason == "abort":
            raise EngineError("cut_off", f"The engine at {url} stopped in the middle of a joke.", retryable=True)
        if not text:
            raise EngineError("empty", f"The engine at {url} wrote nothing.", retryable=True)
        return EngineReply(
            text, draft.prompt_tokens, draft.completion_tokens, latency_s, draft.finish_reason, draft.cached_tokens
        )

    async def _model_name(self) -> str:
        """The model of the settings, else the first that the engine lists; cached until a request fails."""
        async with self._lock:
            if not self._model:
                names = await self.models()
                if not names:
                    raise EngineError(
                        "down", f"The engine at {self._settings.url} serves no model yet.", retryable=True
                    )
                self._model = names[0]
            return self._model

    async def _client(self) -> "AsyncOpenAI":
        if self._openai is None:
            client = await asyncio.to_thread(self._make_client)
            # Two concurrent callers may both make a client; the first one is used.
            self._openai = self._openai or client
        return self._openai

    def _make_client(self) -> "AsyncOpenAI":
        import openai

        limits = self._settings
        timeout = openai.Timeout(None, connect=limits.connect_timeout_s)
        transport = openai.DefaultAsyncHttpxClient(timeout=timeout, proxy=self._proxy, trust_env=False)
        client = openai.AsyncOpenAI(
            api_key=limits.api_key.get_secret_value(),
            base_url=limits.url,
            max_retries=0,
            timeout=timeout,
            http_client=transport,
        )
        # This access imports modules here, in a thread; the first request would import them in the event loop.
        _ = client.chat.completions, client.models
        return client
