"""Proxies the admin pages' data from the bot to the page, so that the browser needs neither address nor key.

`jokebot demo` or the settings `panel.url` and `panel.key` configure the bot's address and key.
"""

from typing import Any

import aiohttp
from aiohttp import web

REQUEST_TIMEOUT_S = 150.0
"""A separate process draws a picture; this takes a minute on a busy machine."""
FORWARDED_HEADERS = ("ETag", "Content-Type")


class PanelProxy:
    """Forwards read requests to one bot. `url` "": every request gives 404."""

    def __init__(self, url: str = "", key: str = "") -> None:
        self.url, self.key = url.rstrip("/"), key
        self._session: aiohttp.ClientSession | None = None

    def add_routes(self, app: web.Application) -> None:
        """Add the routes to the server; only GET requests are forwarded."""
        app.router.add_get("/sandbox/panel", self._forward)
        app.router.add_get("/sandbox/panel/{path:[a-z0-9/]+}", self._forward)
        app.on_cleanup.append(self._close)

    async def _forward(self, request: web.Request) -> web.Response:
        if not self.url:
            return json_response(404, {"error": "This sandbox has no bot with admin pages."})
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S), headers={"Authorization": f"Bearer {self.key}"}
            )
        path, tag = request.match_info.get("path"), request.headers.get("If-None-Match")
        try:
            async with self._session.get(
                f"{self.url}/panel{f'/{path}' if path else ''}",
                params=request.query,
                allow_redirects=False,
                headers={"If-None-Match": tag} if tag else {},
            ) as response:
                headers = {name: response.headers[name] for name in FORWARDED_HEADERS if name in response.headers}
                return web.Response(
                    status=response.status, body=await response.read(), headers={**headers, "Cache-Control": "no-store"}
                )
        except (TimeoutError, aiohttp.ClientError):
            return json_response(502, {"error": "The bot doesn't answer."})

    async def _close(self, app: web.Application) -> None:
        if self._session:
            await self._session.close()


def json_response(status: int, body: dict[str, Any]) -> web.Response:
    return web.json_response(body, status=status)
