"""What admins look at on the sandbox's page, as JSON on loopback. It is read-only: whatever changes something is a chat command.

Every request carries the key of the settings (`Authorization: Bearer KEY`). Whoever asks for a person who is no admin gets 403.
"""
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web

from bot.drawing.draw import DrawingError
from bot.listening import listen
from bot.panel.now import now
from bot.panel.past import past, run_details
from bot.panel.pictures import Picture, Pictures
from bot.panel.speaker import Speaker
from bot.parts import Parts
from bot.rested import Rested
from configs.errors import SettingsError
from storage import runs
from storage.runs import RunError

log = logging.getLogger(__name__)

REST = 20
"""Reading all ratings took a time; they are read again after so many times as long, and not more often than every LEAST_S."""
LEAST_S = 1.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Panel:
    """An HTTP server for the page. Make one with `start`, and `stop` it."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._pictures = parts, Pictures(parts)
        self._past = Rested[str, dict[str, Any]](LEAST_S)
        self._cleanup = AsyncExitStack()
        self.url = ""

    @classmethod
    async def start(cls, parts: Parts) -> "Panel":
        """Listen at `panel.listen`; port 0 takes a free one. Raises SettingsError where that is impossible, or there is no key."""
        if not parts.settings.panel.key.get_secret_value():
            raise SettingsError("The admin pages need a key: set JOKEBOT_PANEL_KEY, to the same for `jokebot run` and `jokebot sandbox`.")
        panel = cls(parts)
        try:
            await panel._listen(parts.settings.panel.listen)
        except BaseException:
            await panel.stop()
            raise
        return panel

    async def stop(self) -> None:
        """Answer no more."""
        await self._cleanup.aclose()

    async def _listen(self, address: str) -> None:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/panel", self._overview)
        app.router.add_get("/panel/admins", self._admins)
        app.router.add_get("/panel/runs/{run:[0-9]{1,15}}", self._run)
        app.router.add_get("/panel/runs/{run:[0-9]{1,15}}/picture", self._outcome)
        app.router.add_get("/panel/runs/{run:[0-9]{1,15}}/photos/{place:[0-9]{1,4}}", self._gallery)
        app.router.add_get("/panel/jokes/{joke:[0-9]{1,15}}/photo", self._photo)
        self.url = await listen(app, address, self._cleanup, what="The admin pages", variable="JOKEBOT_PANEL_LISTEN")
        log.info("admin pages' figures at %s/panel", self.url)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        key = self._parts.settings.panel.key.get_secret_value()
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {key}".encode()):
            return refused(401, "The key is missing or another.")
        if request.path != "/panel/admins" and request.query.get("person") not in map(str, self._parts.settings.telegram.admins):
            return refused(403, "This person is no admin.")
        try:
            return await handler(request)
        except RunError as error:
            return refused(404, str(error))
        except DrawingError as error:
            log.warning("%s", error)
            return refused(503, str(error))

    async def _admins(self, request: web.Request) -> web.Response:
        return web.json_response(self._parts.settings.telegram.admins)

    async def _overview(self, request: web.Request) -> web.Response:
        """All of it but the details; 304 where it is what the reader has."""
        say = self._speaker(request)
        told = {"language": say.language, "words": say.labels(), **await now(self._parts, say), **await self._past.get(say.language, lambda: past(self._parts, say))}
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        return web.Response(body=body, content_type="application/json", headers={"ETag": tag})

    async def _run(self, request: web.Request) -> web.Response:
        run = await runs.find(self._parts.database, int(request.match_info["run"]))
        return web.json_response(await run_details(self._parts, self._speaker(request), run))

    async def _outcome(self, request: web.Request) -> web.Response:
        return shown(await self._pictures.outcome(int(request.match_info["run"]), self._speaker(request).language))

    async def _gallery(self, request: web.Request) -> web.Response:
        return shown(await self._pictures.gallery(int(request.match_info["run"]), int(request.match_info["place"])))

    async def _photo(self, request: web.Request) -> web.Response:
        return shown(await self._pictures.photo(int(request.match_info["joke"])))

    def _speaker(self, request: web.Request) -> Speaker:
        return Speaker(self._parts.words, self._parts.words.language(request.query.get("language")))


def shown(picture: Picture | None) -> web.Response:
    """The picture, or that there is none."""
    if picture is None:
        return refused(404, "There is no such picture.")
    return web.Response(body=picture.data, content_type=picture.media_type)


def refused(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
