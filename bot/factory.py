"""The composition root: constructs all parts of a bot by plain constructor calls, in the order of their dependencies.

`bot/composition/` has the constructor calls of the handlers and of what runs beside them. Nothing is set on a part
after its construction. Only `bot/app.py` imports this module.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

from telegram.ext import Application, JobQueue

from bot.chats.bans import BanList
from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.languages import LanguagePreferences
from bot.chats.user_names import UserNames
from bot.composition.handlers import (
    make_admin_handlers,
    make_flag_handlers,
    make_joke_handlers,
    make_user_handlers,
)
from bot.composition.operations import make_maintenance_jobs, make_monitoring, make_retraining
from bot.engine.fair_queue import FairQueue
from bot.engine.servers.base import ModelServers
from bot.engine.servers.factory import make_servers, serving_model
from bot.handlers.access import AccessControl
from bot.handlers.admin_access import AdminAccess
from bot.handlers.command_menu import CommandMenu
from bot.handlers.error_handler import ErrorReporter
from bot.handlers.routes import Route
from bot.handlers.update_router import PtbApplication, UpdateRouter
from bot.i18n.translator import Translator
from bot.jokes.album_tracker import AlbumTracker
from bot.jokes.weekly_digest import WeeklyDigest
from bot.maintenance.backup_job import BackupJob
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.delay_notices import DelayNotices
from bot.messaging.messenger import Messenger
from bot.monitoring.metrics import MetricsServer
from bot.panel.images import PanelImages
from bot.panel.overview import PanelOverview
from bot.panel.server import PanelServer
from bot.retraining.run_progress import RunProgressReader
from bot.runtime.periodic import Periodic
from bot.telegram.client import TelegramClient
from bot.telegram.coalescer import Coalescer
from bot.telegram.dispatcher import UpdateDispatcher
from configs.prompts import load_prompts
from configs.settings import Settings
from storage.chat.languages import get_language
from storage.database import Database
from storage.maintenance.data_folder import data_folder_lock
from storage.media.decoder_pool import DecoderPool

AppType = TypeVar("AppType")
RETRY_S = 60.0
"""Until the next try after a decoder process could not be started. A photo that comes before starts one too."""


async def build_app(settings: Settings, stack: AsyncExitStack, make_app: Callable[..., AppType]) -> AppType:
    """A bot that is not started yet; `stack` closes what it holds. `make_app` is `bot.app.App`.

    Raises JokebotError where the data folder is in use, the database is damaged or a setting can't be met.
    """
    stack.enter_context(data_folder_lock(settings.storage.directory))
    client, prompts, admins = TelegramClient(settings), load_prompts(), settings.telegram.admins
    stack.push_async_callback(client.shutdown)
    ptb, job_queue = _make_application(client)
    database = await stack.enter_async_context(Database.connect(settings.storage))
    translator = Translator(default=settings.joke.language)
    languages = await LanguagePreferences.load(database, translator, prompts, settings.joke.language)
    chats = await ChatSettingsStore.load(database, prompts, languages)
    bans, names = await BanList.load(database, admins), UserNames(database)
    messenger, coalescer, queue = Messenger(client, translator, languages, chats), Coalescer(), FairQueue.of(settings)
    notifier = AdminNotifier(messenger, admins, partial(get_language, database))
    decoders = _make_decoders(settings, stack)
    servers = await _make_servers(settings, stack, database, queue)
    backup, progress = BackupJob(settings), _make_progress_reader(settings, database)
    monitoring = make_monitoring(settings, stack, database, messenger, servers, queue, notifier, progress, backup)
    retraining = make_retraining(settings, database, servers, messenger, notifier, coalescer, progress, job_queue)
    access, albums = AdminAccess(messenger, database, admins), AlbumTracker(client, database, settings.limits)
    delays, router = DelayNotices(messenger), servers.router
    shared = (settings, messenger, database, prompts)
    jokes, last = make_joke_handlers(*shared, chats, bans, queue, router, coalescer, albums, decoders, access, delays)
    users = make_user_handlers(*shared, languages, chats, names, coalescer, access)
    orchestrator, status = retraining.orchestrator, monitoring.status
    admin = make_admin_handlers(settings, messenger, database, names, bans, notifier, status, orchestrator, access)
    flags = make_flag_handlers(settings, messenger, database, chats, coalescer, names, bans, notifier, access)
    routes = [route for group in (*jokes, *users, *admin, *flags, *last) for route in group.routes()]
    errors = ErrorReporter(messenger, database, delays)
    updates = _make_dispatcher(settings, ptb, messenger, database, bans, names, routes, errors)
    menu = CommandMenu(client, translator, admins, routes)
    digest = WeeklyDigest(database, settings, client, translator, chats, decoders)
    upkeep = make_maintenance_jobs(settings, database, backup)
    jobs = [menu.job(), _warm_up(decoders), *upkeep, *monitoring.alerts.jobs(), digest.job(), names.job()]
    panel = _panel_starter(settings, database, translator, servers, queue, progress, decoders)
    metrics = partial(MetricsServer.start, settings, queue, servers, monitoring.host)
    parts = (settings, ptb, client, database, servers, coalescer, albums, decoders, updates)
    return make_app(*parts, retraining.schedule, [*jobs, *retraining.jobs], monitoring.alerts, panel, metrics)


def _make_application(client: TelegramClient) -> tuple[PtbApplication, JobQueue[Any]]:
    job_queue: JobQueue[Any] = JobQueue()
    return Application.builder().bot(client).updater(None).job_queue(job_queue).build(), job_queue


def _make_decoders(settings: Settings, stack: AsyncExitStack) -> DecoderPool:
    """What decodes new files, and makes stored photos smaller."""
    decoders = DecoderPool(settings.limits)
    stack.push_async_callback(decoders.close)
    return decoders


def _warm_up(decoders: DecoderPool) -> Periodic:
    return Periodic("decoders", RETRY_S, decoders.start, once=True)


def _make_progress_reader(settings: Settings, database: Database) -> RunProgressReader:
    return RunProgressReader(database, settings.storage.runs, settings.canary.max_ratings)


async def _make_servers(
    settings: Settings, stack: AsyncExitStack, database: Database, queue: FairQueue
) -> ModelServers:
    servers = make_servers(settings, await serving_model(settings, database), on_pause=queue.hold)
    stack.push_async_callback(servers.stop)
    return servers


def _make_dispatcher(
    settings: Settings,
    application: PtbApplication,
    messenger: Messenger,
    database: Database,
    bans: BanList,
    names: UserNames,
    routes: Sequence[Route],
    errors: ErrorReporter,
) -> UpdateDispatcher:
    access = AccessControl(messenger, bans, names, routes)
    router = UpdateRouter(application, access, routes, errors)
    return UpdateDispatcher(database, settings.limits, router.handle, router.abandon)


def _panel_starter(
    settings: Settings,
    database: Database,
    translator: Translator,
    servers: ModelServers,
    queue: FairQueue,
    progress: RunProgressReader,
    decoders: DecoderPool,
) -> Callable[[], Awaitable[PanelServer]]:
    overview = PanelOverview(database, servers, queue, progress, settings.storage.directory)
    images = PanelImages(database, settings, decoders)
    return partial(PanelServer.start, database, settings, translator, overview, images)
