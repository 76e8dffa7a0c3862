"""Webhook mode: an HTTP server that commits each update to the inbox before it answers 200."""

import hmac
import json
import logging
import sqlite3
from urllib.parse import urlsplit

from aiohttp import web

from bot.telegram.client import UPDATE_TYPES, TelegramClient
from bot.telegram.dispatcher import UpdateDispatcher
from configs.errors import SettingsError
from configs.settings import TelegramSettings

log = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  (a header's name)
MAX_BODY_BYTES = 1_000_000


class WebhookServer:
    """The HTTP server that Telegram calls. A reverse proxy in front of it terminates TLS."""

    def __init__(self, client: TelegramClient, updates: UpdateDispatcher, settings: TelegramSettings) -> None:
        if not settings.webhook_secret.get_secret_value() or not settings.webhook_url:
            raise SettingsError(
                "The webhook mode needs JOKEBOT_TELEGRAM_WEBHOOK_URL and JOKEBOT_TELEGRAM_WEBHOOK_SECRET."
            )
        self._client, self._updates, self._settings = client, updates, settings
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen, then set the webhook. Raises SettingsError where the port is taken, and TelegramError."""
        host, _, port = self._settings.webhook_listen.rpartition(":")
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post(urlsplit(self._settings.webhook_url).path or "/", self._receive)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=False)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host.strip("[]") or "127.0.0.1", int(port)).start()
        except (OSError, ValueError) as error:
            raise SettingsError(f"The webhook can't listen on {self._settings.webhook_listen}: {error}.") from error
        await self._client.set_webhook(
            self._settings.webhook_url,
            secret_token=self._settings.webhook_secret.get_secret_value(),
            allowed_updates=UPDATE_TYPES,
            max_connections=40,
        )

    async def stop(self) -> None:
        """Stop listening. The webhook stays set, so Telegram keeps updates until the next start."""
        if self._runner:
            await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        secret = self._settings.webhook_secret.get_secret_value().encode()
        if not hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape"), secret):
            log.warning("a call to the webhook without the right secret, from %s", request.remote)
            return web.Response(status=403)
        try:
            update = json.loads(await request.read())
        except ValueError:
            return web.Response(status=400)
        except RecursionError:
            log.warning("an update is nested too deeply and set aside")
            return web.Response()  # Telegram would send it again and again.
        if not isinstance(update, dict) or type(update.get("update_id")) is not int:
            return web.Response(status=400)
        try:
            await self._updates.receive([update])
        except sqlite3.Error as error:
            log.error("an update can't be stored (%s); Telegram keeps it", error)
            return web.Response(status=503)
        return web.Response()
