"""The data of the admin pages (part of the sandbox's page), as read-only JSON on loopback.

Changes are made by chat commands only. Every request has the key of the settings (`Authorization: Bearer KEY`). A
request for a user who is no admin gets 403.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web

from bot.charts.render import RenderError
from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from bot.panel.history import read_history, run_details
from bot.panel.images import PanelImages, RenderedImage
from bot.panel.overview import PanelOverview
from bot.runtime.http_server import listen
from bot.runtime.throttled_cache import ThrottledCache
from configs.errors import SettingsError
from configs.settings import Settings
from storage.database import Database
from storage.learning import runs
from storage.learning.runs import RunError

log = logging.getLogger(__name__)

MIN_READ_INTERVAL_S = 1.0
"""Shortest time between two reads of the history, which reads all ratings."""
LABELS = (
    "title",
    "tabs",
    "now",
    "runs",
    "models",
    "ratings",
    "no-run",
    "retrain",
    "cancel",
    "cancel-trial",
    "loss",
    "step",
    "run",
    "in-chat",
    "serves",
    "health",
    "servers",
    "no-runs",
    "loading",
    "measures",
    "before",
    "after",
    "times",
    "jokes",
    "picture",
    "roll-back",
    "interval",
    "beats",
    "share",
    "from",
    "start",
    "liked",
    "promote",
    "gone",
    "nothing-rated",
    "by-day",
    "by-model",
    "rated-last",
    "funny",
    "somewhat",
    "unfunny",
)
"""The page's headings and buttons: the messages `panel-NAME`, which have no parameters."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PanelServer:
    """The HTTP server of the admin pages. Create it with `start`, and `stop` it."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        translator: Translator,
        overview: PanelOverview,
        images: PanelImages,
    ) -> None:
        self._database, self._settings, self._translator = database, settings, translator
        self._overview, self._images = overview, images
        self._history = ThrottledCache[str, dict[str, Any]](MIN_READ_INTERVAL_S)
        self._cleanup = AsyncExitStack()
        self.url = ""

    @classmethod
    async def start(
        cls,
        database: Database,
        settings: Settings,
        translator: Translator,
        overview: PanelOverview,
        images: PanelImages,
    ) -> "PanelServer":
        """Listen at `panel.listen`; port 0 takes a free one.

        Raises SettingsError if the address can't be used or no key is set.
        """
        if not settings.panel.key.get_secret_value():
            raise SettingsError(
                "The admin pages need a key: set JOKEBOT_PANEL_KEY, to the same for `jokebot run` and `jokebot "
                "sandbox`."
            )
        panel = cls(database, settings, translator, overview, images)
        try:
            await panel._listen(settings.panel.listen)
        except BaseException:
            await panel.stop()
            raise
        return panel

    async def stop(self) -> None:
        """Stop the server."""
        await self._cleanup.aclose()

    async def _listen(self, address: str) -> None:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/panel", self._panel)
        app.router.add_get("/panel/admins", self._admins)
        app.router.add_get("/panel/runs/{run:[0-9]{1,15}}", self._run)
        app.router.add_get("/panel/runs/{run:[0-9]{1,15}}/picture", self._run_picture)
        app.router.add_get("/panel/runs/{run:[0-9]{1,15}}/photos/{place:[0-9]{1,4}}", self._gallery_photo)
        app.router.add_get("/panel/jokes/{joke:[0-9]{1,15}}/photo", self._photo)
        self.url = await listen(app, address, self._cleanup, subject="The admin pages", variable="JOKEBOT_PANEL_LISTEN")
        log.info("data of the admin pages at %s/panel", self.url)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        key = self._settings.panel.key.get_secret_value()
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {key}".encode()):
            return error_response(401, "The key is missing or another.")
        admins = {str(admin) for admin in self._settings.telegram.admins}
        if request.path != "/panel/admins" and request.query.get("person") not in admins:
            return error_response(403, "This person is no admin.")
        try:
            return await handler(request)
        except RunError as error:
            return error_response(404, str(error))
        except RenderError as error:
            log.warning("%s", error)
            return error_response(503, str(error))

    async def _admins(self, request: web.Request) -> web.Response:
        return web.json_response(self._settings.telegram.admins)

    async def _panel(self, request: web.Request) -> web.Response:
        """The whole data except the details of runs; 304 if the client has it already."""
        localize = self._localizer(request)
        content = {
            "language": localize.language,
            "words": {name: localize(f"panel-{name}") for name in LABELS},
            **await self._overview.read(localize),
            **await self._history.get(localize.language, lambda: read_history(self._database, localize)),
        }
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        return web.Response(body=body, content_type="application/json", headers={"ETag": tag})

    async def _run(self, request: web.Request) -> web.Response:
        run = await runs.get_run(self._database, int(request.match_info["run"]))
        return web.json_response(await run_details(self._database, self._settings, self._localizer(request), run))

    async def _run_picture(self, request: web.Request) -> web.Response:
        run, light = int(request.match_info["run"]), request.query.get("theme") == "light"
        return image_response(await self._images.run_picture(run, self._localizer(request), light=light))

    async def _gallery_photo(self, request: web.Request) -> web.Response:
        return image_response(
            await self._images.gallery_photo(int(request.match_info["run"]), int(request.match_info["place"]))
        )

    async def _photo(self, request: web.Request) -> web.Response:
        return image_response(await self._images.photo(int(request.match_info["joke"])))

    def _localizer(self, request: web.Request) -> Localizer:
        return Localizer(self._translator, self._translator.language(request.query.get("language")))


def image_response(picture: RenderedImage | None) -> web.Response:
    """The image, or 404 if there is none."""
    if picture is None:
        return error_response(404, "There is no such picture.")
    return web.Response(body=picture.data, content_type=picture.media_type)


def error_response(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
