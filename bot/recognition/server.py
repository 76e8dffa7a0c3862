"""The recogniser process's HTTP server: `POST /recognise` with a picture file answers `{"seen": NAME}`.

NAME is an English name of configs/subjects.py, "" where the recogniser is sure of nothing, null for a drawing.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable

from aiohttp import web

log = logging.getLogger(__name__)

BODY_BYTES = 64 * 2**20
"""Like the CPU engine's limit."""
See = Callable[[bytes], str | None]


class RecogniserServer:
    """The handlers. Pictures are named one after another, in a thread."""

    def __init__(self, see: See) -> None:
        self._see, self._turn = see, asyncio.Lock()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES)
        app.router.add_post("/recognise", self.recognise)
        return app

    async def recognise(self, request: web.Request) -> web.Response:
        data = await request.read()
        async with self._turn:
            try:
                seen = await asyncio.to_thread(self._see, data)
            except Exception:
                log.exception("a picture could not be recognised")
                return web.json_response({"error": "the picture could not be recognised"}, status=422)
        return web.json_response({"seen": seen})


async def serve(bound: socket.socket, see: See) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT; prints the ready line."""
    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    runner = web.AppRunner(RecogniserServer(see).app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, bound).start()
    print(f"listening on http://127.0.0.1:{bound.getsockname()[1]}", flush=True)
    await ended.wait()
    await runner.cleanup()
