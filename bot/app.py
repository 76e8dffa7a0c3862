"""A running bot: connects to Telegram, receives updates, runs the periodic jobs, and stops in order."""

import asyncio
import logging
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from telegram.error import InvalidToken, RetryAfter, TelegramError

from bot.chats.access_list import describe_access
from bot.engine.servers.base import ModelServers
from bot.factory import build_app
from bot.handlers.update_router import PtbApplication
from bot.jokes.album_tracker import AlbumTracker
from bot.monitoring.alerts import AlertManager
from bot.monitoring.metrics import MetricsServer
from bot.monitoring.shutdown_notice import notify_shutdown
from bot.panel.server import PanelServer
from bot.retraining.scheduler import RetrainScheduler
from bot.runtime.backoff import backoff
from bot.runtime.periodic import Periodic
from bot.telegram.client import TelegramClient
from bot.telegram.coalescer import Coalescer
from bot.telegram.dispatcher import UpdateDispatcher
from bot.telegram.polling import TokenRejected, UpdatePoller, token_refused
from bot.telegram.rate_limiter import retry_after_seconds
from configs.errors import JokebotError, SettingsError
from configs.settings import Settings
from storage.chat import alerts
from storage.chat.bots import claim_database
from storage.database import Database, DatabaseError, as_database_error
from storage.media.decoder_pool import DecoderPool

log = logging.getLogger("jokebot")

GRACE_S = 10.0
"""How long a stop waits for running handlers."""
RETRY_S = 60.0
"""Until the next try after the engine check has failed."""
FIRST_POLL_S = 0.1
"""Jobs start this much later than polling, so that the first poll doesn't wait for them."""


class App:
    """One bot. Call `start`, then `run`, which ends by an error or by cancellation, then `stop`, always.

    `alerts` observes the `jobs`. `start_panel` and `start_metrics` are called where the settings have an address.
    """

    def __init__(
        self,
        settings: Settings,
        application: PtbApplication,
        client: TelegramClient,
        database: Database,
        servers: ModelServers,
        coalescer: Coalescer,
        albums: AlbumTracker,
        decoders: DecoderPool,
        updates: UpdateDispatcher,
        schedule: RetrainScheduler,
        jobs: Sequence[Periodic],
        alerts: AlertManager,
        start_panel: Callable[[], Awaitable[PanelServer]],
        start_metrics: Callable[[], Awaitable[MetricsServer]],
    ) -> None:
        self.settings, self.client, self.database, self.servers = settings, client, database, servers
        self.updates, self.schedule, self.alerts = updates, schedule, alerts
        self.jobs = [Periodic("engine-greeting", RETRY_S, self._check_engine, once=True), *jobs]
        self.panel: PanelServer | None = None
        self.metrics: MetricsServer | None = None
        self._application, self._coalescer, self._albums = application, coalescer, albums
        self._decoders = decoders
        self._start_panel, self._start_metrics = start_panel, start_metrics

    async def start(self) -> None:
        """Connect to Telegram, start the servers, resume unfinished updates. Raises JokebotError where that fails."""
        self._log_access()
        await self._connect_to_telegram()
        await self._claim_database()
        await self.servers.start()
        if self.settings.panel.listen:
            self.panel = await self._start_panel()
        if self.settings.metrics.listen:
            self.metrics = await self._start_metrics()
        await self.updates.start()

    async def run(self) -> None:
        """Receive updates until cancelled. Raises the JokebotError after which the bot can't continue."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive_updates())
            await asyncio.sleep(FIRST_POLL_S)
            for job in self.jobs:
                tasks.create_task(job.run(self.alerts))

    async def stop(self) -> None:
        """Wait for running handlers, then stop everything."""
        await self.schedule.stop()
        self._albums.stop()
        self._decoders.stop()
        await self.updates.stop(GRACE_S)
        for listener in (self.metrics, self.panel):
            if listener:
                await listener.stop()
        await self._coalescer.drain(GRACE_S)

    def _log_access(self) -> None:
        access, admins = self.settings.access, self.settings.telegram.admins
        level = logging.INFO if admins or access.strangers != "ask" else logging.WARNING
        log.log(level, "who may use the bot: %s", describe_access(access, admins))

    async def _connect_to_telegram(self) -> None:
        pauses = backoff()
        while True:
            try:
                await self._application.initialize()
                return
            except InvalidToken:
                raise await self._recorded(token_refused()) from None
            except TelegramError as error:
                pause = retry_after_seconds(error) if isinstance(error, RetryAfter) else next(pauses)
                log.warning("Telegram can't be reached (%s); trying again in %.0f s", error, pause)
                await asyncio.sleep(pause)

    async def _claim_database(self) -> None:
        """Make the database this bot's, now that Telegram has taken the token."""
        change = await claim_database(self.database, self.client.id)
        if change:
            log.warning(
                "this data folder belonged to bot %d, and the token is of bot %d: jokes, ratings, photos and models "
                "stay; %d unfinished updates of the other bot end. Buttons under its messages work again with its "
                "token.",
                change.former_id,
                self.client.id,
                change.unfinished,
            )

    async def _receive_updates(self) -> None:
        telegram = self.settings.telegram
        if telegram.mode == "polling":
            try:
                await UpdatePoller(self.client, self.database, self.updates, telegram.poll_timeout_s).run()
            except TokenRejected as error:
                raise await self._recorded(error) from None
        from bot.telegram.webhook import WebhookServer

        webhook = WebhookServer(self.client, self.updates, telegram)
        try:
            await webhook.start()
            await asyncio.Event().wait()
        finally:
            await webhook.stop()

    async def _recorded(self, error: TokenRejected) -> TokenRejected:
        """Record the error; admins are notified after the next start with a valid token."""
        with suppress(sqlite3.Error):
            await alerts.begin_alert(self.database, "token", {})
        return error

    async def _check_engine(self) -> None:
        """Import the engine's client, which is slow, before the first photo, and log whether the engine is ready."""
        try:
            log.info("%s", await self.servers.wait_ready())
        except JokebotError as error:
            log.warning("%s Until then photos wait or get an error message.", error)
        print(f"jokebot: ready as @{self.client.username}: {self.client.link}", flush=True)


@asynccontextmanager
async def started_app(settings: Settings) -> AsyncIterator[App]:
    """A started bot, which the end of the block stops and closes. Raises JokebotError where it can't start."""
    if not settings.telegram.token.get_secret_value():
        raise SettingsError(
            "No bot token is set. `jokebot setup` asks for it, or set JOKEBOT_TELEGRAM_TOKEN (`make demo` needs none)."
        )
    if not settings.telegram.has_token_form:
        raise SettingsError(
            "JOKEBOT_TELEGRAM_TOKEN is no bot token. It looks like 123456:ABC…; copy it from @BotFather."
        )
    async with AsyncExitStack() as stack:
        app = await build_app(settings, stack, App)
        try:
            await app.start()
            yield app
        finally:
            await app.stop()


async def run_until_stopped(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT. Raises JokebotError where it can't continue."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    running = asyncio.create_task(_run(settings))
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def _run(settings: Settings) -> None:
    """Start and run. Admins are notified before it ends by a database error."""
    try:
        async with started_app(settings) as app:
            await app.run()
    except Exception as caught:  # noqa: BLE001  admins are notified, then it is raised again
        error: Exception = caught
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, sqlite3.Error):
            error = as_database_error(settings.storage.database, error)
        if isinstance(error, DatabaseError):
            async with AsyncExitStack() as stack:
                client = TelegramClient(settings)
                stack.push_async_callback(client.shutdown)
                await notify_shutdown(settings, client, error)
        raise error from None
