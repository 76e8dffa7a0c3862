"""The bot put together: Telegram on one side, the inbox and the handlers in the middle, storage and the engine on the other."""
import asyncio
import json
import logging
import signal
import sqlite3
from contextlib import AsyncExitStack, suppress
from typing import Any

from telegram import BotCommand, BotCommandScopeChat, Update
from telegram.error import InvalidToken, RetryAfter, TelegramError
from telegram.ext import Application

from bot.alerts import Alerts
from bot.api import TelegramBot
from bot.backups import Backing
from bot.bans import Bans
from bot.canary.trials import Trials
from bot.chats import Chats, Daily
from bot.engine.servers import Servers, make_servers
from bot.handlers.albums import Albums
from bot.handlers.aside import Asides
from bot.handlers.errors import apologise, give_up
from bot.handlers.privacy import keep_forgetting
from bot.handlers.register import ADMIN_COMMANDS, COMMANDS, register
from bot.hands import Hands
from bot.joker import Joker
from bot.languages import Languages
from bot.last_words import say_last_words, take_back
from bot.latest import Latest
from bot.loop.conductor import Conductor
from bot.loop.schedule import Schedule
from bot.loop.service import Service
from bot.metrics import Host, Metrics
from bot.moderation import Moderator
from bot.names import Names
from bot.outgoing import backoff, seconds_of
from bot.panel.server import Panel
from bot.parts import Parts
from bot.polling import Poller, TokenRefused, token_refused
from bot.styles import Styles
from bot.updates import RawUpdate, Updates
from bot.weekly import BestOfWeek
from bot.words import Words
from configs.errors import JokebotError, SettingsError
from configs.prompts import load_prompts
from configs.settings import ROOT, Settings
from storage import alerts, inbox
from storage.database import Database, DatabaseError, check_file, unusable
from storage.folder import held
from storage.model_files import code_of
from storage.models import agree, champion, register_base

log = logging.getLogger("jokebot")

GRACE_S = 10.0
"""How long a stop waits for handlers under way."""
PRUNE_EVERY_S = 3600.0
CHECK_EVERY_S = 6 * 3600.0
PROGRAM = ROOT / "configs"
"""A model in there is part of the program, and changes with it."""
FIRST_POLL_S = 0.1
"""Until then the first poll is under way and doesn't wait for anything else that a start does."""


class App:
    """One running bot. `start`, then `run` until it ends by itself or is cancelled, then `stop`."""

    def __init__(self, settings: Settings) -> None:
        if not settings.telegram.token.get_secret_value():
            raise SettingsError("No bot token is set. Talk to @BotFather, then set JOKEBOT_TELEGRAM_TOKEN (`make demo` needs none).")
        self.settings = settings
        self.bot = TelegramBot(settings)
        self._application = Application.builder().bot(self.bot).updater(None).build()
        self._cleanup = AsyncExitStack()
        self._failed: set[int] = set()
        self.database: Database
        self.parts: Parts
        self.servers: Servers
        self.schedule: Schedule
        self.best_of_week: BestOfWeek
        self.backing: Backing
        self.updates: Updates | None = None
        self.metrics: Metrics | None = None
        self.panel: Panel | None = None

    async def start(self) -> None:
        """Open the database, meet Telegram, take up what was left. Raises JokebotError where that is impossible."""
        settings = self.settings
        self._cleanup.enter_context(held(settings.storage.directory))
        self._cleanup.push_async_callback(self.bot.shutdown)
        self.database = await self._cleanup.enter_async_context(Database.of(settings.storage))
        await self._meet_telegram()
        self.servers = await self._make_servers()
        self._cleanup.push_async_callback(self.servers.stop)
        await self.servers.start()
        self.parts = await self._make_parts()
        self.servers.on_pause = self.parts.joker.queue.hold
        self._cleanup.push_async_callback(self.parts.latest.drain, GRACE_S)
        self._cleanup.callback(self.parts.decoders.shutdown, wait=False)
        if settings.panel.listen:
            self.panel = await Panel.start(self.parts)
            self._cleanup.push_async_callback(self.panel.stop)
        service = Service(self.database, self.servers)
        self.backing = Backing(settings)
        self.parts.alerts = Alerts(self.parts, self.backing)
        logging.getLogger().addHandler(self.parts.mistakes)
        self._cleanup.callback(logging.getLogger().removeHandler, self.parts.mistakes)
        if settings.metrics.listen:
            host = Host(settings, self.parts.mistakes, self.parts.alerts.lasting)
            self.metrics = await Metrics.start(settings, self.parts.joker.queue, self.servers, host)
            self._cleanup.push_async_callback(self.metrics.stop)
        self.parts.conductor = Conductor(self.parts, service, Trials(self.parts, service))
        self.schedule = Schedule(self.parts, self._application.job_queue, self.parts.conductor.wake)
        self.best_of_week = BestOfWeek(self.parts)
        register(self._application, self.parts)
        self._application.add_error_handler(self._on_error)
        self.updates = Updates(self.database, settings.limits, self._handle, self._give_up)
        await self.updates.start()

    async def run(self) -> None:
        """Take updates. Ends only by being cancelled, or with the JokebotError that makes going on impossible."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take_updates())
            await asyncio.sleep(FIRST_POLL_S)
            tasks.create_task(self._greet_engine())
            tasks.create_task(self._name_commands())
            tasks.create_task(self._prune())
            tasks.create_task(self.backing.keep())
            tasks.create_task(self.parts.alerts.run())
            tasks.create_task(self._check_database())
            tasks.create_task(keep_forgetting(self.parts))
            tasks.create_task(self.best_of_week.run())
            tasks.create_task(self.parts.names.keep())
            tasks.create_task(self._conduct())

    async def stop(self) -> None:
        """Let handlers under way finish, then close everything. Call it after `run` has ended, or after a failed `start`."""
        if self.updates:
            self.parts.albums.stop()
            await self.updates.stop(GRACE_S)
        await self._cleanup.aclose()

    async def _make_servers(self) -> Servers:
        base = self.settings.model
        registered = await register_base(self.database, base.name, str(base.directory) if base.directory else None)
        if base.directory and registered.code is None and not base.directory.is_relative_to(PROGRAM) and base.directory.is_dir():
            await agree(self.database, registered.id, json.dumps(await asyncio.to_thread(code_of, base.directory)))
        return make_servers(self.settings, await champion(self.database) or registered)

    async def _make_parts(self) -> Parts:
        settings, prompts = self.settings, load_prompts()
        words, latest, most = Words(default=settings.joke.language), Latest(), settings.limits.photos_waiting_per_person
        languages = await Languages.load(self.database, words, prompts, settings.joke.language)
        chats, bans = await Chats.load(self.database, prompts, languages), await Bans.load(self.database, settings.telegram.admins)
        joker = Joker(self.database, settings, self.servers.router, prompts, settings.storage.photos)
        joker.banned = bans.holds
        return Parts(settings=settings, database=self.database, prompts=prompts, words=words, languages=languages, chats=chats,
                     daily=Daily(self.database, chats), names=Names(self.database), bans=bans, bot=self.bot,
                     hands=Hands(most), latest=latest, asides=Asides(self.bot, words, languages, latest, most),
                     albums=Albums(self.bot, self.database, settings.limits), styles=Styles(self.database, prompts), servers=self.servers,
                     moderator=Moderator(settings.guard), joker=joker)

    async def _meet_telegram(self) -> None:
        pauses = backoff()
        while True:
            try:
                await self._application.initialize()
                return
            except InvalidToken:
                raise token_refused() from None
            except TelegramError as error:
                pause = seconds_of(error) if isinstance(error, RetryAfter) else next(pauses)
                log.warning("Telegram can't be reached (%s); trying again in %.0f s", error, pause)
                await asyncio.sleep(pause)

    async def _take_updates(self) -> None:
        telegram = self.settings.telegram
        if telegram.mode == "polling":
            await Poller(self.bot, self.database, self.updates, telegram.poll_timeout_s).run()
        from bot.webhook import Webhook
        webhook = Webhook(self.bot, self.updates, telegram)
        try:
            await webhook.start()
            await asyncio.Event().wait()
        finally:
            await webhook.stop()

    async def _greet_engine(self) -> None:
        """The engine's client takes long to import; that happens beside the first poll, and not with the first photo."""
        try:
            log.info("%s", await self.servers.wait_ready())
        except JokebotError as error:
            log.warning("%s Photos wait meanwhile, or are told so.", error)
        print(f"jokebot: ready as @{self.bot.username}", flush=True)

    async def _conduct(self) -> None:
        """The loop: runs, their trials, and what begins them."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.schedule.start())
                tasks.create_task(self.parts.conductor.run())
        finally:
            await self.schedule.stop()

    async def _name_commands(self) -> None:
        """The command menu, in every language there are words for; the fallback language for all others. Admins see theirs too."""
        scopes = [(None, COMMANDS), *((BotCommandScopeChat(one), COMMANDS | ADMIN_COMMANDS) for one in self.settings.telegram.admins)]
        for scope, names in scopes:
            for language in self.parts.words.languages:
                commands = [BotCommand(name, self.parts.words.say(language, f"command-{name}")) for name in names]
                with suppress(TelegramError):  # somebody who never spoke with the bot has no chat that a menu could be in
                    if language == self.parts.words.language(None):
                        await self.bot.set_my_commands(commands, scope)
                    await self.bot.set_my_commands(commands, scope, language_code=language)

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_EVERY_S)
            try:
                log.info("%d finished updates forgotten", await inbox.prune(self.database))
            except sqlite3.Error as error:
                log.warning("finished updates are forgotten later: %s", error)

    async def _check_database(self) -> None:
        """On a damaged database every further row makes it worse. Raises DatabaseError."""
        while True:
            await asyncio.to_thread(check_file, self.settings.storage.database)
            take_back(self.settings)
            await asyncio.sleep(CHECK_EVERY_S)

    async def _handle(self, raw: RawUpdate) -> bool:
        update = Update.de_json(raw, self.bot)
        await self._application.process_update(update)
        failed = update.update_id in self._failed
        self._failed.discard(update.update_id)
        return not failed

    async def _on_error(self, update: Any, context: Any) -> None:
        if await apologise(self.parts, update, context.error):
            self._failed.add(update.update_id)

    async def _give_up(self, raw: RawUpdate) -> bool:
        await give_up(self.parts, Update.de_json(raw, self.bot))
        return False


async def run_until_stopped(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT. Raises JokebotError where it can't go on."""
    app, loop = App(settings), asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    running = asyncio.create_task(_run(app))
    stopping = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    finally:
        stopping.cancel()
        await app.stop()


async def _run(app: App) -> None:
    """Start and run. Before it ends by an error that admins should hear of, they hear of it, or will."""
    try:
        await app.start()
        await app.run()
    except Exception as caught:
        error: Exception = caught
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, sqlite3.Error):
            error = unusable(app.settings.storage.database, error)
        if isinstance(error, DatabaseError):
            await say_last_words(app.settings, app.bot, error)
        if isinstance(error, TokenRefused):
            with suppress(sqlite3.Error):
                await alerts.begin(app.database, "token", {})
        raise error from None
