"""A stub engine with scripted replies, for tests and benchmarks, over real HTTP.

It has the protocol of the real engines (`/v1/models`, streamed `/v1/chat/completions`, `/health`) and their failures.
`python -m bot.engine.stub.engine --port N` runs it as a process that answers at once.
"""

import argparse
import asyncio
import base64
import io
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from aiohttp import web
from PIL import Image

from configs.log_context import HEADER

TEXT_TOKENS = 20
Ending = Literal["stop", "length", "abort", "no_end", "drop", "hang", "garbage", "no_usage"]


@dataclass(frozen=True)
class StubReply:
    """A streamed reply, word by word, then an ending.

    Endings: "stop" and "length" are complete; "abort" is what a sleeping LMDeploy sends; "no_end" ends without a finish
    reason; "drop" cuts the connection; "hang" sends no more; "garbage" sends invalid JSON; "no_usage" leaves out the
    token counts. The reply waits until `gate` is set, and after `pause_after` words until `pause` is.
    """

    text: str = "A cat walks into a bar. The bar is closed."
    first_token_s: float = 0.0
    token_s: float = 0.0
    ending: Ending = "stop"
    gate: asyncio.Event | None = None
    pause_after: int = 0
    pause: asyncio.Event | None = None


@dataclass(frozen=True)
class StubRefusal:
    """An HTTP error status instead of a reply."""

    status: int
    message: str = "no"
    retry_after_s: int | None = None


@dataclass(frozen=True)
class RecordedRequest:
    """A request; `size` is the image's width and height in pixels, `picture_bytes` the size of its file."""

    model: str
    system: str
    user: str
    media_type: str
    format: str
    size: tuple[int, int]
    picture_bytes: int
    max_dynamic_patch: int | None
    temperature: float
    top_p: float
    max_tokens: int
    seed: int | None
    picture_hash: int
    request_id: str = ""


@dataclass
class StubEngine:
    """The engine's state.

    Each request gets the next entry of `script`; after those, the entry of `answers` for its model, else `answer`.
    """

    answer: StubReply = field(default_factory=StubReply)
    script: deque[StubReply | StubRefusal] = field(default_factory=deque)
    models: list[str] = field(default_factory=lambda: ["stub"])
    answers: dict[str, StubReply | StubRefusal] = field(default_factory=dict)
    url: str = ""
    """The base address for a client, with `/v1`."""
    requests: int = 0
    model_requests: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    prompt_tokens: int = 300
    """The reported token count of a prompt. For a picture that was answered before, all but TEXT_TOKENS are cached."""
    pictures: set[int] = field(default_factory=set)
    """Hashes of the pictures whose first token was sent."""
    asked: deque[RecordedRequest] = field(default_factory=lambda: deque(maxlen=100))
    bodies: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=10))
    """The last requests' JSON."""
    parallel: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1000))
    """How many replies are written at the same time; the others wait, as in a CPU engine."""
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while no request is in flight; a request whose client has disconnected is not in flight."""

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        port: int = 0,
        *,
        text: str | None = None,
        script: Iterable[StubReply | StubRefusal] = (),
        answer: StubReply | None = None,
        models: Iterable[str] = ("stub",),
    ) -> AsyncIterator[Self]:
        """A stub that listens on loopback (port 0: a free one) until the block ends.

        `text` is short for an `answer`.
        """
        answer = answer or (StubReply(text) if text is not None else StubReply())
        engine = cls(answer, deque(script), list(models))
        runner = web.AppRunner(engine.app(), access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            engine.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
            yield engine
        finally:
            await runner.cleanup()

    def app(self) -> web.Application:
        """The HTTP routes."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        return app

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _models(self, request: web.Request) -> web.Response:
        self.model_requests += 1
        return web.json_response({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.in_flight += 1
        self.quiet.clear()
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            body = await request.json()
            self.bodies.append(body)
            asked = replace(read_request(body), request_id=request.headers.get(HEADER, ""))
            self.asked.append(asked)
            if asked.model not in self.models:
                return _error(StubRefusal(404, f"there is no model {asked.model!r}"))
            reply = self.script.popleft() if self.script else self.answers.get(asked.model, self.answer)
            if isinstance(reply, StubRefusal):
                return _error(reply)
            async with self.parallel:
                return await self._stream(request, asked, reply)
        except (KeyError, TypeError, ValueError, OSError) as error:
            return _error(StubRefusal(400, f"{type(error).__name__}: {error}"))
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self.quiet.set()

    async def _stream(self, request: web.Request, asked: RecordedRequest, answer: StubReply) -> web.StreamResponse:
        model = asked.model
        cached = max(0, self.prompt_tokens - TEXT_TOKENS) * (asked.picture_hash in self.pictures)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if answer.gate:
            await answer.gate.wait()
        await asyncio.sleep(answer.first_token_s)
        words = (
            [f"{word} " for word in answer.text.split(" ")] if answer.token_s else answer.text.splitlines(keepends=True)
        )
        self.pictures.add(asked.picture_hash)
        await response.write(_event(model, {"role": "assistant", "content": ""}))
        for number, word in enumerate(words):
            if answer.pause and number == answer.pause_after:
                await answer.pause.wait()
            await response.write(_event(model, {"content": word}))
            await asyncio.sleep(answer.token_s)
        if answer.ending == "drop":
            if request.transport:
                request.transport.abort()
        elif answer.ending == "hang":
            await asyncio.Event().wait()
        elif answer.ending == "garbage":
            await response.write(b"data: {not json\n\n")
        elif answer.ending != "no_end":
            await self._end(response, model, answer, len(words), cached)
        return response

    async def _end(self, response: web.StreamResponse, model: str, answer: StubReply, words: int, cached: int) -> None:
        reason = "stop" if answer.ending == "no_usage" else answer.ending
        await response.write(_event(model, {}, reason))
        if answer.ending != "no_usage":
            usage = {
                "prompt_tokens": self.prompt_tokens,
                "completion_tokens": words,
                "total_tokens": self.prompt_tokens + words,
                "prompt_tokens_details": {"cached_tokens": cached},
            }
            await response.write(_event(model, None, usage=usage))
        await response.write(b"data: [DONE]\n\n")


def read_request(body: dict[str, Any]) -> RecordedRequest:
    """Parse a chat request. Raises a built-in exception if a field is missing or the photo can't be opened."""
    system, user = body["messages"]
    picture, text = user["content"]
    head, encoded = picture["image_url"]["url"].split(";base64,", 1)
    data = base64.b64decode(encoded, validate=True)
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
        kind, size = image.format, image.size
    if (system["role"], user["role"], picture["type"], text["type"]) != ("system", "user", "image_url", "text"):
        raise ValueError("the messages are not a system text and a user's picture and text")
    if not head.startswith("data:image/") or not body["stream"]:
        raise ValueError("only data: pictures and streams are answered here")
    return RecordedRequest(
        body["model"],
        system["content"],
        text["text"],
        head.removeprefix("data:"),
        kind or "",
        size,
        len(data),
        picture["image_url"].get("max_dynamic_patch"),
        body["temperature"],
        body["top_p"],
        body["max_tokens"],
        body.get("seed"),
        hash(data),
    )


def _error(refusal: StubRefusal) -> web.Response:
    headers = {} if refusal.retry_after_s is None else {"Retry-After": str(refusal.retry_after_s)}
    error = {"message": refusal.message, "code": refusal.status}
    return web.json_response({"error": error}, status=refusal.status, headers=headers)


def _event(
    model: str, delta: dict[str, str] | None, finish_reason: str | None = None, *, usage: dict[str, Any] | None = None
) -> bytes:
    # Null fields are left out, as LMDeploy does.
    choice = {"index": 0, "delta": delta, **({"finish_reason": finish_reason} if finish_reason else {})}
    chunk = {
        "id": "stub",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": [] if delta is None else [choice],
        **({"usage": usage} if usage else {}),
    }
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


async def _serve(port: int, answer: StubReply) -> None:
    async with StubEngine.running(port, answer=answer) as engine:
        print(f"listening on {engine.url.removesuffix('/v1')}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bot.engine.stub.engine", description="An engine that answers with a fixed text."
    )
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0 takes a free one")
    parser.add_argument("--text", default=StubReply.text, help="the reply to every request")
    parser.add_argument("--first-token-s", type=float, default=0.0, help="seconds before the first word")
    parser.add_argument("--token-s", type=float, default=0.0, help="seconds between words; 0 sends whole lines")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, StubReply(arguments.text, arguments.first_token_s, arguments.token_s)))


if __name__ == "__main__":
    main()
