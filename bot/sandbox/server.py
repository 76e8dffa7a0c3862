"""The sandbox: a loopback server with Telegram's Bot API for one bot and simulated users.

    async with Sandbox.running(token="123456:sandbox") as sandbox:
        sandbox.url                     the bot's base address: {url}/bot{token}/{method}, {url}/file/bot{token}/{path}
        sandbox.world                   users, chats and the users' actions (bot/sandbox/state.py)
        sandbox.calls                   the bot's calls, newest last
        sandbox.faults                  faults to inject (bot/sandbox/faults.py)

Other processes and the chat page at `/` use the control API (bot/sandbox/control_api.py).
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from bot.sandbox.api import BotApi
from bot.sandbox.control_api import ControlApi
from bot.sandbox.errors import ApiError, SandboxError
from bot.sandbox.faults import FaultInjector, FaultRule
from bot.sandbox.files import FileStore
from bot.sandbox.flood_limits import FloodGuard, FloodLimits
from bot.sandbox.methods import load_methods
from bot.sandbox.origin_check import check_origin
from bot.sandbox.panel_proxy import PanelProxy
from bot.sandbox.parameters import UPLOAD_LIMIT, CallParameters
from bot.sandbox.snapshot import ChatSnapshot
from bot.sandbox.state import RecordedCall, SandboxState
from bot.sandbox.telegram_objects import bot_user
from bot.sandbox.updates import UpdateQueue
from bot.sandbox.webhook import WebhookSender

TOKEN = "123456:sandbox"  # noqa: S105  (valid in the sandbox only)
SHUTDOWN_S = 2.0


class Sandbox:
    """A running sandbox; create one with `start` or `running`.

    `messages_kept`: maximum messages per chat. `file_bytes`: maximum bytes of files. `calls_kept`: maximum recorded
    calls. `flood_limits`: Telegram's rate limits, off by default. `webhook_retry_s`: first pause after a failed
    delivery. `callback_timeout_s`: time in which a press can be answered. `samples`: pictures that the page offers, by
    name. `first_message_id`: first message id in each chat; a bot's database may hold ids of an earlier sandbox.
    `panel`: proxy to the bot's admin pages. `is_demo`: the page then says what the demo's model is.
    """

    _snapshot: ChatSnapshot | None = None

    def __init__(
        self,
        host: str,
        token: str,
        *,
        username: str = "jokebot_sandbox_bot",
        messages_kept: int = 1000,
        file_bytes: int = 512 * 1024 * 1024,
        calls_kept: int = 100_000,
        flood_limits: FloodLimits | None = None,
        webhook_retry_s: float = 1.0,
        callback_timeout_s: float = 30.0,
        samples: dict[str, Path] | None = None,
        first_message_id: int = 1,
        panel: PanelProxy | None = None,
        is_demo: bool = False,
    ) -> None:
        bot_id = token.partition(":")[0]
        if not bot_id.isdigit() or not token.partition(":")[2]:
            raise SandboxError("A bot's token has the form 123456:letters.")
        self.host = host
        self.token, self.url = token, ""
        self.updates = UpdateQueue()
        self.world = SandboxState(
            bot_user(int(bot_id), username, "Jokebot"),
            FileStore(file_bytes),
            self.updates,
            messages_kept,
            calls_kept,
            first_message_id,
        )
        self.webhook = WebhookSender(self.updates, webhook_retry_s, self.world.events.wake)
        self.faults = FaultInjector()
        floods = FloodGuard(flood_limits) if flood_limits else None
        self.api = BotApi(self.world, self.updates, self.webhook, floods, callback_timeout_s)
        self.samples = samples or {}
        self.panel = panel or PanelProxy()
        self.is_demo = is_demo
        self._methods = load_methods()
        self._runner: web.AppRunner | None = None

    @classmethod
    async def start(
        cls,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = TOKEN,
        *,
        folder: Path | None = None,
        **settings: Any,
    ) -> Self:
        """Start a sandbox; port 0 chooses a free port. Raises SandboxError if the port is taken.

        `folder`: where chats and files are kept for the next start (bot/sandbox/snapshot.py); None keeps nothing.
        """
        sandbox = cls(host, token, **settings)
        snapshot = ChatSnapshot(sandbox.world, folder) if folder else None
        if snapshot:
            snapshot.restore()
        await sandbox._listen(port)
        if snapshot:
            sandbox._snapshot = snapshot
            snapshot.start()
        return sandbox

    @classmethod
    @asynccontextmanager
    async def running(cls, **settings: Any) -> AsyncIterator[Self]:
        """`start` with these settings, and `stop` at the end."""
        sandbox = await cls.start(**settings)
        try:
            yield sandbox
        finally:
            await sandbox.stop()

    @property
    def calls(self) -> deque[RecordedCall]:
        """The bot's calls, newest last; a long poll is recorded when it begins."""
        return self.world.calls

    async def stop(self) -> None:
        """Answer the waiting long poll, close every connection and stop."""
        self.updates.end_poll()
        await self.webhook.stop()
        if self._runner:
            await self._runner.cleanup()
        if self._snapshot:
            await self._snapshot.stop()

    async def _listen(self, port: int) -> None:
        app = web.Application(middlewares=[check_origin], client_max_size=UPLOAD_LIMIT)
        app.router.add_route("*", "/bot{token:[^/]+}/{method}", self._call)
        app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", self._download)
        ControlApi(self.world, self.faults, self.api, self.samples, self.panel, self.is_demo).add_routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S, handler_cancellation=False)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise SandboxError(
                f"The sandbox can't listen on {self.host}:{port}: {error.strerror}. Choose another --port."
            ) from error
        address = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"http://{address}:{self._runner.addresses[0][1]}"

    async def _call(self, request: web.Request) -> web.StreamResponse:
        """Record a Bot API call, inject its fault if there is one, and answer it."""
        if request.match_info["token"] != self.token:
            return api_response(ApiError("Unauthorized", 401))
        name = request.match_info["method"]
        method = self._methods.get(name.lower())
        if method is None or request.method not in ("GET", "POST"):
            return api_response(ApiError("Not Found", 404))
        call = RecordedCall(name, {}, time.monotonic())
        try:
            parameters = await CallParameters.read(request)
        except ApiError as refusal:
            self._record(call)
            return self._finish(request, call, refusal, None)
        call.parameters = parameters.summary()
        self._record(call)
        fault = self.faults.next_fault(name)
        result: Any = fault.refusal() if fault else None
        if fault is None or await self._delay_for(fault):
            try:
                result = await method(self.api, parameters)
            except ApiError as refusal:
                result = refusal
        return self._finish(request, call, result, fault)

    async def _delay_for(self, fault: FaultRule) -> bool:
        """Wait for the fault's delay; returns whether the call still takes effect."""
        self.world.events.emit({"type": "faults"})
        await asyncio.sleep(fault.delay_s)
        return fault.kind in ("slow", "cut_after")

    def _finish(self, request: web.Request, call: RecordedCall, result: Any, fault: FaultRule | None) -> web.Response:
        if fault and fault.kind in ("timeout", "cut", "cut_after"):
            call.status, call.description = 0, f"fault: {fault.kind}"
            self.world.events.wake()
            return close_connection(request)
        response = api_response(result)
        call.status = response.status
        if isinstance(result, ApiError):
            call.description = result.description
        self.world.events.wake()
        return response

    def _record(self, call: RecordedCall) -> None:
        self.calls.append(call)
        self.world.events.wake()

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """Serve the file of a `file_path`; faults of the method "download" apply."""
        path = request.match_info["path"]
        if request.match_info["token"] != self.token:
            return api_response(ApiError("Unauthorized", 401))
        call = RecordedCall("download", {"file_path": path}, time.monotonic())
        self._record(call)
        fault = self.faults.next_fault("download")
        if fault and not await self._delay_for(fault):
            return self._finish(request, call, fault.refusal(), fault)
        file = self.world.files.at_path(path)
        data = await self.world.files.read(file) if file else None
        if file is None or data is None:
            return self._finish(request, call, ApiError("Not Found", 404), None)
        if fault and fault.kind == "cut_after":
            call.status, call.description = 0, f"fault: {fault.kind}"
            return await send_half(request, data)
        call.status = 200
        self.world.events.wake()
        return web.Response(body=data, content_type="application/octet-stream")


def api_response(result: Any) -> web.Response:
    """A result or an ApiError as a Bot API response."""
    refused = isinstance(result, ApiError)
    body = result.body() if refused else {"ok": True, "result": result}
    return web.Response(
        text=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        content_type="application/json",
        status=result.code if refused else 200,
    )


def close_connection(request: web.Request) -> web.Response:
    """Close the connection without an answer; aiohttp needs the returned response but never sends it."""
    if request.transport:
        request.transport.abort()
    return web.Response()


async def send_half(request: web.Request, data: bytes) -> web.StreamResponse:
    """Send the headers and half the bytes, then close the connection."""
    response = web.StreamResponse(headers={"Content-Length": str(len(data))})
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write(data[: len(data) // 2])
    if request.transport:
        request.transport.close()
    return response
