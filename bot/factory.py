"""The composition root: makes every part of a bot by plain constructor calls, in the order of their dependencies.

Nothing is set on a part after it is made. Only `bot/app.py` imports this module.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from telegram.ext import Application

from bot.chats.bans import BanList
from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.daily_quota import DailyQuota
from bot.chats.languages import LanguagePreferences
from bot.chats.user_names import UserNames
from bot.engine.fair_queue import FairQueue
from bot.engine.servers.base import ModelServers
from bot.engine.servers.factory import make_servers, serving_model
from bot.experiments.canary_controller import CanaryController
from bot.experiments.champion_monitor import ChampionMonitor
from bot.handlers.access import AccessControl
from bot.handlers.admin.common import AdminAccess
from bot.handlers.admin.models import ModelAdmin
from bot.handlers.admin.retrain import RetrainAdmin
from bot.handlers.admin.review import ReviewAdmin
from bot.handlers.admin.status import StatusAdmin
from bot.handlers.admin.users import BanAdmin, UserListAdmin
from bot.handlers.album_joke import AlbumJokeHandlers
from bot.handlers.another_joke import AnotherJokeHandlers, StoredPhotoAccess
from bot.handlers.best import BestJokeHandlers
from bot.handlers.command_menu import CommandMenu
from bot.handlers.duel import DuelHandlers
from bot.handlers.error_handler import ErrorReporter
from bot.handlers.explain import ExplainHandlers
from bot.handlers.fallback import FallbackHandlers
from bot.handlers.forget import ForgetHandlers
from bot.handlers.help import HelpHandlers
from bot.handlers.joke_delivery import JokeDelivery
from bot.handlers.keyboards import JokeKeyboards
from bot.handlers.language import LanguageHandlers
from bot.handlers.photo import PhotoHandlers
from bot.handlers.privacy import PrivacyHandlers
from bot.handlers.rating import RatingHandlers, UnknownButtonHandlers
from bot.handlers.routes import UpdateRouter
from bot.handlers.routing import HandlerGroup, Route
from bot.handlers.settings import SettingsHandlers
from bot.handlers.settings_pages import SettingsPages
from bot.handlers.stats import StatsHandlers
from bot.handlers.streaming_reply import StreamingReplies
from bot.i18n.translator import Translator
from bot.jokes.album_tracker import AlbumTracker
from bot.jokes.generator import JokeGenerator
from bot.jokes.moderation import Moderator
from bot.jokes.photo_intake import PhotoIntake
from bot.jokes.styles import StyleRotation
from bot.jokes.user_limiter import UserLimiter
from bot.jokes.weekly_digest import WeeklyDigest
from bot.maintenance.backup_job import BackupJob
from bot.maintenance.database_upkeep import DatabaseUpkeep
from bot.maintenance.erasure_job import ErasureJob
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.messenger import Messenger
from bot.messaging.overflow_notices import OverflowNotices
from bot.monitoring.alert_checks import AlertChecks
from bot.monitoring.alerts import AlertManager
from bot.monitoring.error_counter import ErrorCounter
from bot.monitoring.metrics import HostMetrics, MetricsServer
from bot.monitoring.shutdown_notice import clear_shutdown_notice
from bot.monitoring.status_report import StatusReport
from bot.panel.images import PanelImages
from bot.panel.overview import PanelOverview
from bot.panel.server import PanelServer
from bot.retraining.deployer import ModelDeployer
from bot.retraining.orchestrator import RunOrchestrator
from bot.retraining.run_notifier import RunNotifier
from bot.retraining.run_progress import RunProgressReader
from bot.retraining.scheduler import RetrainScheduler
from bot.runtime.periodic import Periodic
from bot.telegram.client import TelegramClient
from bot.telegram.coalescer import Coalescer
from bot.telegram.dispatcher import UpdateDispatcher
from configs.errors import SettingsError
from configs.prompts import Prompts, load_prompts
from configs.settings import Settings
from storage.database import Database
from storage.maintenance.data_folder import data_folder_lock

AppType = TypeVar("AppType")
DECODERS = 2
"""Photos decoded at the same time: a large one takes 200 MB while it is."""
RETRY_S = 60.0
"""After a job of the start has failed that the bot can do without for a while."""


@dataclass(frozen=True)
class _Base:
    """What most constructors below take some of. It leaves this module in no other way."""

    settings: Settings
    client: TelegramClient
    application: Application
    database: Database
    prompts: Prompts
    translator: Translator
    languages: LanguagePreferences
    messenger: Messenger
    notifier: AdminNotifier
    chats: ChatSettingsStore
    bans: BanList
    names: UserNames
    coalescer: Coalescer
    queue: FairQueue
    servers: ModelServers
    decoders: ThreadPoolExecutor


@dataclass(frozen=True)
class _Operations:
    """What is done beside the answers to updates."""

    alerts: AlertManager
    status: StatusReport
    progress: RunProgressReader
    orchestrator: RunOrchestrator
    schedule: RetrainScheduler
    host: HostMetrics
    jobs: list[Periodic]


async def build_app(settings: Settings, stack: AsyncExitStack, make_app: Callable[..., AppType]) -> AppType:
    """A bot that is not started yet; `stack` closes what it holds.

    `make_app` is `bot.app.App`, which imports this module. Raises JokebotError where the folder is in use, the database
    is damaged or a setting can't be met.
    """
    stack.enter_context(data_folder_lock(settings.storage.directory))
    base = await _make_base(settings, stack)
    operations = _make_operations(base, stack)
    albums = AlbumTracker(base.client, base.database, settings.limits)
    routes = _make_routes(base, operations, albums)
    access = AccessControl(base.messenger, base.bans, base.names, routes)
    router = UpdateRouter(base.application, access, routes, ErrorReporter(base.messenger, base.database))
    updates = UpdateDispatcher(base.database, settings.limits, router.handle, router.give_up)
    menu = CommandMenu(base.client, base.translator, settings.telegram.admins, routes)
    jobs = [Periodic("command-menu", RETRY_S, menu.publish, once=True), *operations.jobs]
    overview = PanelOverview(base.database, base.servers, base.queue, operations.progress, settings.storage.directory)
    pictures = PanelImages(base.database, settings, base.decoders)
    panel = partial(PanelServer.start, base.database, settings, base.translator, overview, pictures)
    metrics = partial(MetricsServer.start, settings, base.queue, base.servers, operations.host)
    return make_app(
        settings,
        base.application,
        base.client,
        base.database,
        base.servers,
        base.coalescer,
        albums,
        updates,
        operations.schedule,
        jobs,
        operations.alerts,
        start_panel=panel,
        start_metrics=metrics,
    )


async def _make_base(settings: Settings, stack: AsyncExitStack) -> _Base:
    client, prompts = TelegramClient(settings), load_prompts()
    stack.push_async_callback(client.shutdown)
    database = await stack.enter_async_context(Database.connect(settings.storage))
    translator = Translator(default=settings.joke.language)
    languages = await LanguagePreferences.load(database, translator, prompts, settings.joke.language)
    messenger = Messenger(client, translator, languages)
    queue = FairQueue.of(settings)
    servers = make_servers(settings, await serving_model(settings, database), on_pause=queue.hold)
    stack.push_async_callback(servers.stop)
    decoders = ThreadPoolExecutor(DECODERS, "decoder")
    stack.callback(decoders.shutdown, wait=False)
    application = Application.builder().bot(client).updater(None).build()
    return _Base(
        settings,
        client,
        application,
        database,
        prompts,
        translator,
        languages,
        messenger,
        AdminNotifier(messenger, settings.telegram.admins, database),
        await ChatSettingsStore.load(database, prompts, languages),
        await BanList.load(database, settings.telegram.admins),
        UserNames(database),
        Coalescer(),
        queue,
        servers,
        decoders,
    )


def _make_operations(base: _Base, stack: AsyncExitStack) -> _Operations:
    settings, database, servers = base.settings, base.database, base.servers
    mistakes, started_at, backing = ErrorCounter(), time.time(), BackupJob(settings)
    logging.getLogger().addHandler(mistakes)
    stack.callback(logging.getLogger().removeHandler, mistakes)
    checks = AlertChecks(settings, database, servers, base.client, backing, started_at)
    alerts = AlertManager(database, base.notifier, base.translator, checks.enabled_checks())
    progress = RunProgressReader(database, settings.storage.runs, settings.canary.max_ratings)
    status = StatusReport(
        settings, database, servers, base.queue, base.translator, alerts, mistakes, progress, started_at
    )
    service = ModelDeployer(database, servers)
    news = RunNotifier(database, settings, base.messenger, base.notifier, base.coalescer, progress)
    trials = CanaryController(database, servers, service, settings.canary)
    orchestrator = RunOrchestrator(database, settings, servers, service, trials, news, progress)
    schedule = RetrainScheduler(database, settings, base.application.job_queue, orchestrator.wake)
    digest = WeeklyDigest(database, settings, base.client, base.translator, base.chats, base.decoders)
    upkeep = DatabaseUpkeep(database, settings.storage.database, lambda: clear_shutdown_notice(settings))
    jobs = [
        Periodic("retrain-schedule", RETRY_S, schedule.start, once=True, fatal=(SettingsError,)),
        *upkeep.jobs(),
        ErasureJob(database, settings.storage, settings.retention, settings.retrain.keep_models).job(),
        backing.job(),
        *alerts.jobs(),
        digest.job(),
        base.names.job(),
        *orchestrator.jobs(),
        ChampionMonitor(database, service, base.notifier, settings.champion_monitor).job(),
    ]
    return _Operations(
        alerts, status, progress, orchestrator, schedule, HostMetrics(settings, mistakes, alerts.lasting), jobs
    )


def _make_routes(base: _Base, operations: _Operations, albums: AlbumTracker) -> list[Route]:
    """All routes, in the order of the menu; those that take what no other takes come last."""
    access = AdminAccess(base.messenger, base.database, base.settings.telegram.admins)
    *joke_handlers, fallback = _joke_handlers(base, albums, access)
    groups = [*joke_handlers, *_user_handlers(base, access), *_admin_handlers(base, access, operations), fallback]
    return [route for group in [*groups, UnknownButtonHandlers(base.messenger)] for route in group.routes()]


def _joke_handlers(base: _Base, albums: AlbumTracker, access: AdminAccess) -> list[HandlerGroup]:
    """What makes, rates and explains jokes; last, what answers all other messages."""
    settings, messenger, database, chats = base.settings, base.messenger, base.database, base.chats
    limits, router, max_photos = settings.limits, base.servers.router, settings.limits.max_queued_photos_per_user
    quota, limiter = DailyQuota(database, chats), UserLimiter(max_photos)
    keyboards, styles = JokeKeyboards(base.client, database, base.coalescer), StyleRotation(database, base.prompts)
    generator = JokeGenerator(database, settings, router, base.prompts, base.queue, is_banned=base.bans.is_banned)
    moderator = Moderator(settings.safety) if settings.safety.moderation_hook else None
    intake = PhotoIntake(base.client, database, limits, settings.storage.photos, base.decoders, moderator)
    overflow = OverflowNotices(messenger, base.coalescer, max_photos)
    replies = StreamingReplies(messenger, database, base.queue, limits.edit_interval_s)
    delivery = JokeDelivery(messenger, database, chats, quota, generator, replies, base.prompts, settings)
    stored = StoredPhotoAccess(messenger, chats, quota, limiter, intake)
    duels = DuelHandlers(messenger, database, generator, replies, router, settings.duel.one_in_photos)
    another = AnotherJokeHandlers(messenger, database, keyboards, chats, styles, stored, delivery)
    album_jokes = AlbumJokeHandlers(messenger, database, keyboards, albums, limiter, intake, styles, stored, delivery)
    photos = PhotoHandlers(
        settings, messenger, chats, quota, limiter, overflow, albums, intake, album_jokes, duels, delivery
    )
    explain = ExplainHandlers(messenger, database, chats, limiter, intake, generator, replies, limits)
    return [
        RatingHandlers(messenger, database, keyboards),
        another,
        album_jokes,
        duels,
        HelpHandlers(messenger, access, settings.joke.album_mode),
        photos,
        explain,
        FallbackHandlers(messenger, albums, photos, explain),
    ]


def _user_handlers(base: _Base, access: AdminAccess) -> list[HandlerGroup]:
    messenger, database, settings, chats = base.messenger, base.database, base.settings, base.chats
    pages = SettingsPages(messenger, database, base.languages, chats, base.prompts, settings.digest)
    return [
        BestJokeHandlers(messenger, database),
        StatsHandlers(messenger, database, access, settings.storage.directory),
        SettingsHandlers(messenger, chats, pages, base.coalescer),
        LanguageHandlers(messenger, database, base.languages),
        PrivacyHandlers(messenger, database, settings.retention, settings.backup),
        ForgetHandlers(messenger, database, settings.storage, base.names, base.languages, chats),
    ]


def _admin_handlers(base: _Base, access: AdminAccess, operations: _Operations) -> list[HandlerGroup]:
    messenger, database, settings = base.messenger, base.database, base.settings
    return [
        StatusAdmin(messenger, access, operations.status.text),
        RetrainAdmin(messenger, database, access, operations.orchestrator, settings),
        ReviewAdmin(messenger, database, access, settings),
        ModelAdmin(messenger, database, access, operations.orchestrator.deployer),
        UserListAdmin(messenger, database, access, base.names),
        BanAdmin(messenger, access, base.names, base.bans, base.notifier),
    ]
