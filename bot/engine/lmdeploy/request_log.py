"""Logs a line for each chat request to LMDeploy, with the request id that the bot has sent.

LMDeploy logs no request id of the client. Its server passes its application to `uvicorn.run`, where it is wrapped in a
middleware. The middleware changes nothing and reads only the path, the header and the status.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from configs.log_context import HEADER, about, accepted

Scope = dict[str, Any]
Send = Callable[[Any], Awaitable[None]]
CHAT = "/v1/chat/completions"
logger = logging.getLogger("jokebot.launcher")


class RequestLogMiddleware:
    """An ASGI middleware (https://asgi.readthedocs.io/en/latest/specs/www.html)."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != CHAT:
            await self._app(scope, receive, send)
            return
        request_id = dict(scope["headers"]).get(HEADER.lower().encode(), b"").decode("ascii", "replace")
        started_at, status = time.monotonic(), 0

        async def send_and_record_status(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with about(request=accepted(request_id)):
            try:
                await self._app(scope, receive, send_and_record_status)
            finally:
                logger.info("chat %s all=%.2fs", status or "cancelled", time.monotonic() - started_at)


def log_requests() -> None:
    """Wrap every application that this process passes to uvicorn in the middleware."""
    import uvicorn

    run = uvicorn.run

    def run_with_log(app: Any, *arguments: Any, **options: Any) -> None:
        run(RequestLogMiddleware(app), *arguments, **options)

    uvicorn.run = run_with_log
