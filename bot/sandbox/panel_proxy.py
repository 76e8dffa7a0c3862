"""The admin pages' figures, handed on from the bot to the page: the key stays here, and the browser asks nobody but the
sandbox.

The sandbox knows a bot's address and key only where it is told them (`jokebot demo`, or the settings `panel.url` and
`panel.key`).
"""

from typing import Any

import aiohttp
from aiohttp import web

PATIENCE_S = 150.0
"""A picture is drawn in a process of its own, on a busy machine in a minute."""
HANDED_ON = ("ETag", "Content-Type")


class PanelProxy:
    """Reads from one bot. `url` "" has nothing to show."""

    def __init__(self, url: str = "", key: str = "") -> None:
        self.url, self.key = url.rstrip("/"), key
        self._session: aiohttp.ClientSession | None = None

    def add_routes(self, app: web.Application) -> None:
        """Put the routes into the server; nothing but reading is handed on."""
        app.router.add_get("/sandbox/panel", self._hand_on)
        app.router.add_get("/sandbox/panel/{path:[a-z0-9/]+}", self._hand_on)
        app.on_cleanup.append(self._close)

    async def _hand_on(self, request: web.Request) -> web.Response:
        if not self.url:
            return answer(404, {"error": "This sandbox knows of no bot's admin pages."})
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=PATIENCE_S), headers={"Authorization": f"Bearer {self.key}"}
            )
        path, tag = request.match_info.get("path"), request.headers.get("If-None-Match")
        try:
            async with self._session.get(
                f"{self.url}/panel{f'/{path}' if path else ''}",
                params=request.query,
                allow_redirects=False,
                headers={"If-None-Match": tag} if tag else {},
            ) as response:
                headers = {name: response.headers[name] for name in HANDED_ON if name in response.headers}
                return web.Response(
                    status=response.status, body=await response.read(), headers={**headers, "Cache-Control": "no-store"}
                )
        except (TimeoutError, aiohttp.ClientError):
            return answer(502, {"error": "The bot doesn't answer."})

    async def _close(self, app: web.Application) -> None:
        if self._session:
            await self._session.close()


def answer(status: int, body: dict[str, Any]) -> web.Response:
    return web.json_response(body, status=status)
