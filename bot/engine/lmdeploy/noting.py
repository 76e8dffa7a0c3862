"""A line in the log for each chat request to LMDeploy, under the request id that the bot sent with it.

LMDeploy has no log line with a client's id. Its server hands its application to `uvicorn.run`, and there it gets a thin
coat: nothing of requests and replies is changed or read besides the path, the header and the status.
"""
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from configs.log_lines import HEADER, about, accepted

Scope = dict[str, Any]
Send = Callable[[Any], Awaitable[None]]
CHAT = "/v1/chat/completions"
logger = logging.getLogger("jokebot.launcher")


class Noted:
    """An ASGI application (https://asgi.readthedocs.io/en/latest/specs/www.html) around another one."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != CHAT:
            await self._app(scope, receive, send)
            return
        sent = dict(scope["headers"]).get(HEADER.lower().encode(), b"").decode("ascii", "replace")
        began, status = time.monotonic(), 0

        async def noting(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with about(request=accepted(sent)):
            try:
                await self._app(scope, receive, noting)
            finally:
                logger.info("chat %s all=%.2fs", status or "cancelled", time.monotonic() - began)


def note_requests() -> None:
    """Let whatever application this process gives to uvicorn be a noted one."""
    import uvicorn

    run = uvicorn.run

    def run_noted(app: Any, *arguments: Any, **options: Any) -> None:
        run(Noted(app), *arguments, **options)
    uvicorn.run = run_noted
