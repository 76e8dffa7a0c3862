"""The CPU engine's HTTP server: OpenAI's chat completions over aiohttp, with `data:` images only."""

import asyncio
import hmac
import json
import logging
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from PIL import Image

from bot.engine.cpu.preprocess import ImageDecodeError, open_picture
from bot.engine.cpu.protocol import (
    ChatRequest,
    RequestError,
    RequestImage,
    completion,
    parse_encode,
    parse_request,
    stream_chunk,
    usage,
)
from bot.engine.cpu.worker import GenerationJob, GenerationWorker
from configs.log_context import HEADER, about, accepted

log = logging.getLogger(__name__)

BODY_BYTES = 64 * 2**20
"""A 20 MB photo is 27 MB of base64; the limit is about twice that."""
SHUTDOWN_TIMEOUT_S = 5.0
"""Time for unfinished replies to end after SIGTERM."""


@dataclass(frozen=True)
class ServerOptions:
    """The server's options. With empty `api_keys` no key is needed."""

    name: str
    api_keys: tuple[str, ...] = ()
    max_pixels: int = 52_000_000


class CpuServer:
    """The HTTP handlers for one model."""

    def __init__(self, worker: GenerationWorker, options: ServerOptions) -> None:
        self.worker, self.options = worker, options
        self.started = int(time.time())

    def app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES, middlewares=[self.guard])
        app.router.add_get("/health", self.health)
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_post("/v1/encode", self.encode)
        return app

    @web.middleware
    async def guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Check the key, set the log context, and answer every error with OpenAI's error object."""
        try:
            if request.path != "/health":
                self.check_key(request)
            with about(request=accepted(request.headers.get(HEADER))):
                return await handler(request)
        except (RequestError, web.HTTPException) as error:
            if isinstance(error, web.HTTPException):
                error = RequestError(error.reason, status=error.status)
            headers = {"Retry-After": "1"} if error.status == 503 else {}
            return web.json_response(error.error_body(), status=error.status, headers=headers)

    def check_key(self, request: web.Request) -> None:
        sent_key = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        keys = self.options.api_keys
        if keys and not any(hmac.compare_digest(sent_key, key.encode()) for key in keys):
            raise RequestError("The API key is missing or wrong.", status=401, code="invalid_api_key")

    async def health(self, request: web.Request) -> web.Response:
        if not self.worker.thread.is_alive():
            raise RequestError("The engine's worker thread has ended.", status=503)
        return web.json_response({"status": "ok", "waiting": self.worker.waiting()})

    async def models(self, request: web.Request) -> web.Response:
        model = {"id": self.options.name, "object": "model", "created": self.started, "owned_by": "jokebot"}
        return web.json_response({"object": "list", "data": [model]})

    async def encode(self, http: web.Request) -> web.Response:
        """LMDeploy's route for token ids; `do_preprocess` applies the checkpoint's chat template first."""
        text, template = parse_encode(await self.json(http))
        ids = await asyncio.to_thread(self.worker.model.encode_text, text, template=template)
        return web.json_response({"input_ids": ids, "length": len(ids)})

    async def chat(self, http: web.Request) -> web.StreamResponse:
        request = await self.read(http)
        self.worker.check_capacity()
        job = GenerationJob(request, await asyncio.to_thread(self.cut_pictures, request))
        try:
            self.worker.submit(job)
            return await (self.stream(http, job) if request.stream else self.answer(job))
        finally:
            job.cancelled.set()
            log_request(job)

    @staticmethod
    async def json(http: web.Request) -> Any:
        try:
            return await http.json()
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise RequestError("The body is not JSON.") from error

    async def read(self, http: web.Request) -> ChatRequest:
        request = parse_request(await self.json(http))
        if request.model not in (None, "", self.options.name):
            raise RequestError(
                f"There is no model {request.model!r} here; it is {self.options.name!r}.",
                status=404,
                param="model",
                code="model_not_found",
            )
        return request

    def cut_pictures(self, request: ChatRequest) -> list[list[Image.Image]]:
        """The tiles of the request's images. They are cut before the request waits, to free the larger images."""
        try:
            return [
                self.worker.model.cut_image(part, open_picture(part.url, self.options.max_pixels))
                for part in request.parts
                if isinstance(part, RequestImage)
            ]
        except ImageDecodeError as error:
            raise RequestError(str(error), param="image_url", code="invalid_image") from error

    async def answer(self, job: GenerationJob) -> web.Response:
        text = "".join([piece.text async for piece in job.chunks()])
        if job.finish == "abort":
            raise RequestError("The engine is ending.", status=503, code="ending")
        used = usage(job.prompt_tokens, job.completion_tokens)
        return web.json_response(completion(job.request, self.options.name, text, job.finish, used))

    async def stream(self, http: web.Request, job: GenerationJob) -> web.StreamResponse:
        """Server-sent events. An error before the first chunk still gets its own HTTP status."""
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        name, response = self.options.name, web.StreamResponse(headers=headers)
        async for piece in job.chunks():
            if not response.prepared:
                await response.prepare(http)
                await response.write(event(stream_chunk(job.request, name, {"role": "assistant", "content": ""})))
            if piece.text:
                await response.write(event(stream_chunk(job.request, name, {"content": piece.text})))
            if piece.finish:
                await response.write(event(stream_chunk(job.request, name, {}, piece.finish)))
        if job.request.include_usage:
            used = usage(job.prompt_tokens, job.completion_tokens)
            await response.write(event(stream_chunk(job.request, name, None, used=used)))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response


def event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def log_request(job: GenerationJob) -> None:
    """One line for each request, without its text and images."""
    log.info(
        "chat %s %s prompt=%d tiles=%d new=%d waited=%.2fs all=%.2fs",
        job.request.id,
        job.finish,
        job.prompt_tokens,
        job.tiles,
        job.completion_tokens,
        job.waited_s,
        time.monotonic() - job.received,
    )


async def serve(bound: socket.socket, worker: GenerationWorker, options: ServerOptions) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT; prints the ready line once requests are answered."""
    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    runner = web.AppRunner(
        CpuServer(worker, options).app(),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_TIMEOUT_S,
    )
    await runner.setup()
    worker.start()
    await web.SockSite(runner, bound).start()
    host, port = bound.getsockname()[:2]
    print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
    await ended.wait()
    worker.stop()
    await runner.cleanup()
