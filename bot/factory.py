"""The composition root: makes every part of a bot by plain constructor calls, in the order of their dependencies.

Nothing is set on a part after it is made. Only `bot/app.py` imports this module.
"""
import asyncio
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from telegram.ext import Application

from bot.alerts import Alerts
from bot.api import TelegramBot
from bot.backups import Backing
from bot.bans import Bans
from bot.canary.trials import Trials
from bot.canary.watch import Watching
from bot.chats import Chats
from bot.checks import Checks
from bot.daily_quota import DailyQuota
from bot.engine.make_servers import make_servers
from bot.engine.queue import FairQueue
from bot.engine.servers import Servers
from bot.handlers.admin import AdminAccess
from bot.handlers.admin_models import ModelAdmin
from bot.handlers.admin_people import BanAdmin, UserListAdmin
from bot.handlers.admin_retrain import RetrainAdmin
from bot.handlers.admin_review import ReviewAdmin
from bot.handlers.admin_status import StatusAdmin
from bot.handlers.albums import Albums
from bot.handlers.another import AnotherJokeHandlers, StoredPhotoAccess
from bot.handlers.aside import Asides
from bot.handlers.banned import AccessControl
from bot.handlers.best import BestJokeHandlers
from bot.handlers.buttons import JokeKeyboards
from bot.handlers.command_menu import CommandMenu
from bot.handlers.duel import DuelHandlers
from bot.handlers.errors import ErrorReporter
from bot.handlers.explain import ExplainHandlers
from bot.handlers.help import HelpHandlers
from bot.handlers.joke_delivery import JokeDelivery
from bot.handlers.language import LanguageHandlers
from bot.handlers.live import StreamingReplies
from bot.handlers.photo import PhotoHandlers
from bot.handlers.privacy import ForgetHandlers
from bot.handlers.private import PrivacyHandlers
from bot.handlers.rating import RatingHandlers, UnknownButtonHandlers
from bot.handlers.register import UpdateRouter
from bot.handlers.routing import HandlerGroup
from bot.handlers.settings import SettingsHandlers
from bot.handlers.settings_pages import SettingsPages
from bot.handlers.stats import StatsHandlers
from bot.handlers.unsupported import FallbackHandlers
from bot.handlers.whole_album import AlbumJokeHandlers
from bot.hands import Hands
from bot.joker import Joker
from bot.jokes.photo_intake import PhotoIntake
from bot.languages import Languages
from bot.last_words import take_back
from bot.latest import Latest
from bot.loop.conductor import Conductor
from bot.loop.news import News
from bot.loop.progress import RunProgressReader
from bot.loop.schedule import Schedule
from bot.loop.service import Service
from bot.maintenance.database_upkeep import DatabaseUpkeep
from bot.maintenance.erasure_job import ErasureJob
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.messenger import Messenger
from bot.metrics import Host, Metrics
from bot.mistakes import Mistakes
from bot.moderation import Moderator
from bot.names import Names
from bot.panel.now import PanelOverview
from bot.panel.pictures import Pictures
from bot.panel.server import Panel
from bot.runtime.periodic import Periodic
from bot.status import Status
from bot.styles import Styles
from bot.updates import Updates
from bot.weekly import BestOfWeek
from bot.words import Words
from configs.errors import SettingsError
from configs.prompts import Prompts, load_prompts
from configs.settings import ROOT, Settings
from storage.database import Database
from storage.folder import held
from storage.model_files import code_of
from storage.models import Model, agree, champion, register_base

AppType = TypeVar("AppType")
DECODERS = 2
"""Photos decoded at the same time: a large one takes 200 MB while it is."""
PROGRAM = ROOT / "configs"
"""A model in there is part of the program, and changes with it."""
RETRY_S = 60.0
"""After a job of the start has failed that the bot can do without for a while."""


@dataclass(frozen=True)
class _Base:
    """What most constructors below take some of. It leaves this module in no other way."""

    settings: Settings
    client: TelegramBot
    application: Application
    database: Database
    prompts: Prompts
    translator: Words
    languages: Languages
    messenger: Messenger
    notifier: AdminNotifier
    chats: Chats
    bans: Bans
    names: Names
    coalescer: Latest
    queue: FairQueue
    servers: Servers
    decoders: ThreadPoolExecutor


@dataclass(frozen=True)
class _Operations:
    """What is done beside the answers to updates."""

    alerts: Alerts
    status: Status
    progress: RunProgressReader
    service: Service
    orchestrator: Conductor
    schedule: Schedule
    host: Host
    jobs: list[Periodic]


async def build_app(settings: Settings, stack: AsyncExitStack, make_app: Callable[..., AppType]) -> AppType:
    """A bot that is not started yet; `stack` closes what it holds. `make_app` is `bot.app.App`: app.py imports this file.

    Raises JokebotError where the folder is in use, the database is damaged or a setting can't be met.
    """
    stack.enter_context(held(settings.storage.directory))
    base = await _make_base(settings, stack)
    operations = _make_operations(base, stack)
    albums = Albums(base.client, base.database, settings.limits)
    access = AdminAccess(base.messenger, base.database, settings.telegram.admins)
    *joke_handlers, fallback = _joke_handlers(base, albums, access)
    handlers = [*joke_handlers, *_user_handlers(base, access), *_admin_handlers(base, access, operations),
                fallback, UnknownButtonHandlers(base.messenger)]
    routes = [route for group in handlers for route in group.routes()]
    router = UpdateRouter(base.application, AccessControl(base.messenger, base.bans, base.names, routes), routes,
                          ErrorReporter(base.messenger, base.database))
    menu = CommandMenu(base.client, base.translator, settings.telegram.admins, routes)
    overview = PanelOverview(base.database, base.servers, base.queue, operations.progress, settings.storage.directory)
    pictures = Pictures(base.database, settings, base.decoders)
    return make_app(settings, base.application, base.client, base.database, base.servers, base.coalescer, albums,
                    Updates(base.database, settings.limits, router.handle, router.give_up), operations.schedule,
                    [Periodic("command-menu", RETRY_S, menu.publish, once=True), *operations.jobs], operations.alerts,
                    start_panel=partial(Panel.start, base.database, settings, base.translator, overview, pictures),
                    start_metrics=partial(Metrics.start, settings, base.queue, base.servers, operations.host))


async def _make_base(settings: Settings, stack: AsyncExitStack) -> _Base:
    client, prompts = TelegramBot(settings), load_prompts()
    stack.push_async_callback(client.shutdown)
    database = await stack.enter_async_context(Database.of(settings.storage))
    translator = Words(default=settings.joke.language)
    languages = await Languages.load(database, translator, prompts, settings.joke.language)
    messenger = Messenger(client, translator, languages)
    queue = FairQueue.of(settings)
    servers = make_servers(settings, await _serving_model(settings, database), on_pause=queue.hold)
    stack.push_async_callback(servers.stop)
    decoders = ThreadPoolExecutor(DECODERS, "decoder")
    stack.callback(decoders.shutdown, wait=False)
    application = Application.builder().bot(client).updater(None).build()
    return _Base(settings, client, application, database, prompts, translator, languages, messenger,
                 AdminNotifier(messenger, settings.telegram.admins, database),
                 await Chats.load(database, prompts, languages), await Bans.load(database, settings.telegram.admins),
                 Names(database), Latest(), queue, servers, decoders)


async def _serving_model(settings: Settings, database: Database) -> Model:
    """The champion; the base model where none was promoted yet."""
    folder = settings.model.directory
    registered = await register_base(database, settings.model.name, str(folder) if folder else None)
    if folder and registered.code is None and not folder.is_relative_to(PROGRAM) and folder.is_dir():
        await agree(database, registered.id, json.dumps(await asyncio.to_thread(code_of, folder)))
    return await champion(database) or registered


def _make_operations(base: _Base, stack: AsyncExitStack) -> _Operations:
    settings, database, servers = base.settings, base.database, base.servers
    mistakes, started_at, backing = Mistakes(), time.time(), Backing(settings)
    logging.getLogger().addHandler(mistakes)
    stack.callback(logging.getLogger().removeHandler, mistakes)
    checks = Checks(settings, database, servers, base.client, backing, started_at)
    alerts = Alerts(database, base.notifier, base.translator, checks.all())
    progress = RunProgressReader(database, settings.storage.runs, settings.canary.ratings)
    status = Status(settings, database, servers, base.queue, base.translator, alerts, mistakes, progress, started_at)
    service = Service(database, servers)
    news = News(database, settings, base.messenger, base.notifier, base.coalescer, progress)
    trials = Trials(database, servers, service, settings.canary)
    orchestrator = Conductor(database, settings, servers, service, trials, news, progress)
    schedule = Schedule(database, settings, base.application.job_queue, orchestrator.wake)
    monitor = Watching(database, service, base.notifier, settings.watch)
    digest = BestOfWeek(database, settings, base.client, base.translator, base.chats, base.decoders)
    upkeep = DatabaseUpkeep(database, settings.storage.database, lambda: take_back(settings))
    erasure = ErasureJob(database, settings.storage, settings.retention, settings.retrain.keep_models)
    jobs = [Periodic("retrain-schedule", RETRY_S, schedule.start, once=True, fatal=(SettingsError,)),
            *upkeep.jobs(), erasure.job(), backing.job(), *alerts.jobs(), digest.job(), base.names.job(),
            *orchestrator.jobs(), monitor.job()]
    host = Host(settings, mistakes, alerts.lasting)
    return _Operations(alerts, status, progress, service, orchestrator, schedule, host, jobs)


def _joke_handlers(base: _Base, albums: Albums, access: AdminAccess) -> list[HandlerGroup]:
    """What makes, rates and explains jokes; last, what answers all other messages."""
    settings, messenger, database, chats = base.settings, base.messenger, base.database, base.chats
    limits, router, max_photos = settings.limits, base.servers.router, settings.limits.photos_waiting_per_person
    quota, limiter = DailyQuota(database, chats), Hands(max_photos)
    keyboards, styles = JokeKeyboards(base.client, database, base.coalescer), Styles(database, base.prompts)
    generator = Joker(database, settings, router, base.prompts, base.queue, is_banned=base.bans.holds)
    moderator = Moderator(settings.guard) if settings.guard.moderate else None
    intake = PhotoIntake(base.client, database, limits, settings.storage.photos, base.decoders, moderator)
    overflow = Asides(base.client, base.translator, base.languages, base.coalescer, max_photos)
    replies = StreamingReplies(messenger, database, base.queue, limits.edit_interval_s)
    delivery = JokeDelivery(messenger, database, chats, quota, generator, replies, base.prompts, settings)
    stored = StoredPhotoAccess(messenger, chats, quota, limiter, intake)
    duels = DuelHandlers(messenger, database, generator, replies, router, settings.duel.every)
    another = AnotherJokeHandlers(messenger, database, keyboards, chats, styles, stored, delivery)
    album_jokes = AlbumJokeHandlers(messenger, database, keyboards, albums, limiter, intake, styles, stored, delivery)
    photos = PhotoHandlers(settings, messenger, chats, quota, limiter, overflow, albums, intake, album_jokes, duels,
                           delivery)
    explain = ExplainHandlers(messenger, database, chats, limiter, intake, generator, replies, limits)
    return [RatingHandlers(messenger, database, keyboards), another, album_jokes, duels,
            HelpHandlers(messenger, access, settings.joke.album), photos, explain,
            FallbackHandlers(messenger, albums, photos, explain)]


def _user_handlers(base: _Base, access: AdminAccess) -> list[HandlerGroup]:
    messenger, database, settings, chats = base.messenger, base.database, base.settings, base.chats
    pages = SettingsPages(messenger, database, base.languages, chats, base.prompts, settings.weekly)
    return [BestJokeHandlers(messenger, database),
            StatsHandlers(messenger, database, access, settings.storage.directory),
            SettingsHandlers(messenger, chats, pages, base.coalescer),
            LanguageHandlers(messenger, database, base.languages),
            PrivacyHandlers(messenger, database, settings.retention, settings.backup),
            ForgetHandlers(messenger, database, settings.storage, base.names, base.languages, chats)]


def _admin_handlers(base: _Base, access: AdminAccess, operations: _Operations) -> list[HandlerGroup]:
    messenger, database, settings = base.messenger, base.database, base.settings
    return [StatusAdmin(messenger, access, operations.status.text),
            RetrainAdmin(messenger, database, access, operations.orchestrator, settings),
            ReviewAdmin(messenger, database, access, settings),
            ModelAdmin(messenger, database, access, operations.service),
            UserListAdmin(messenger, database, access, base.names),
            BanAdmin(messenger, access, base.names, base.bans, base.notifier)]
