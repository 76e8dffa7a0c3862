"""The composition root: constructs all parts of a bot by plain constructor calls, in the order of their dependencies.

`bot/composition/` has the constructor calls of the handlers and of what runs beside them. Nothing is set on a part
after its construction. Only `bot/app.py` imports this module.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

from telegram.ext import Application, JobQueue

from bot.chats.chat_parts import ChatParts
from bot.composition.handlers import (
    make_admin_handlers,
    make_flag_handlers,
    make_generator,
    make_joke_handlers,
    make_user_handlers,
)
from bot.composition.operations import (
    make_maintenance_jobs,
    make_monitoring,
    make_retraining,
    make_weekly_jobs,
)
from bot.engine.fair_queue import FairQueue
from bot.engine.servers.base import ModelServers
from bot.engine.servers.factory import make_servers
from bot.engine.servers.host_check import check_host
from bot.engine.servers.launch import make_launcher
from bot.handlers.access import AccessControl
from bot.handlers.admin_access import AdminAccess
from bot.handlers.callback_data import AccessButton
from bot.handlers.command_menu import CommandMenu
from bot.handlers.error_handler import ErrorReporter
from bot.handlers.routes import Route
from bot.handlers.stranger_gate import StrangerGate
from bot.handlers.update_router import PtbApplication, UpdateRouter
from bot.i18n.translator import Translator
from bot.jokes.album_tracker import AlbumTracker
from bot.maintenance.backup_job import BackupJob
from bot.messaging.access_notices import AccessNotices
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.delay_notices import DelayNotices
from bot.messaging.messenger import Messenger
from bot.messaging.stored_photos import StoredPhotoSender
from bot.monitoring.metrics import MetricsServer
from bot.panel.images import PanelImages
from bot.panel.overview import PanelOverview
from bot.panel.server import PanelServer
from bot.progress.progress_line import ProgressLine
from bot.recognition.recogniser import Recogniser, make_recogniser
from bot.retraining.run_progress import RunProgressReader
from bot.runtime.periodic import Periodic
from bot.telegram.client import TelegramClient
from bot.telegram.coalescer import Coalescer
from bot.telegram.dispatcher import UpdateDispatcher
from configs.prompts import load_prompts
from configs.settings import Settings
from storage.chat.languages import get_language
from storage.database import Database
from storage.learning.serving_model import register_serving
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
    ptb, job_queue = _make_application(client, stack)
    database = await stack.enter_async_context(Database.connect(settings.storage))
    translator = Translator(default=settings.joke.language)
    known = await ChatParts.load(settings, database, translator, prompts)
    messenger = Messenger(client, translator, known.languages, known.settings)
    coalescer, queue, delays = Coalescer(), FairQueue.of(settings), DelayNotices(messenger)
    notifier = AdminNotifier(messenger, admins, partial(get_language, database))
    notices, gate = _make_gate(messenger, database, known, notifier)
    decoders, recogniser = _make_decoders(settings, stack), _make_recogniser(settings, stack)
    servers, progress = await _make_servers(settings, stack, database, queue), _make_progress_reader(settings, database)
    backup, albums = BackupJob(settings), AlbumTracker(client, database, settings.limits)
    retraining = make_retraining(settings, database, servers, messenger, notifier, coalescer, progress, job_queue)
    reported = (progress, backup, retraining.judge)
    monitoring = make_monitoring(settings, stack, database, messenger, servers, queue, notifier, *reported)
    access, line = AdminAccess(messenger, database, admins), ProgressLine(database, servers.router, translator)
    shared, router = (settings, messenger, database), servers.router
    services = (prompts, known, queue, router, coalescer, albums, decoders, access, delays)
    judges, photos = retraining.judge.source, StoredPhotoSender(settings.storage.photos, decoders)
    generator = make_generator(settings, database, router, prompts, known, queue, judges, recogniser)
    jokes, last, joke_jobs = make_joke_handlers(settings, messenger, database, *services, generator)
    users = make_user_handlers(*shared, prompts, known, gate, coalescer, access, line, judges, photos)
    admin = make_admin_handlers(*shared, known, notices, notifier, monitoring.status, retraining.orchestrator, access)
    flags = make_flag_handlers(*shared, known, coalescer, notifier, access)
    routes = [route for group in (*jokes, *users, *admin, *flags, *last) for route in group.routes()]
    updates = _make_dispatcher(*shared, ptb, known, gate, routes, delays)
    weekly = make_weekly_jobs(settings, database, client, translator, known, photos, servers, notifier, line)
    upkeep = [*make_maintenance_jobs(settings, database, backup), known.names.job(), *_warm_up(decoders, recogniser)]
    menu = CommandMenu(client, translator, admins, routes)
    jobs = [menu.job(), *upkeep, *monitoring.alerts.jobs(), *weekly, *joke_jobs, notices.job(updates.resume_stored)]
    panel = _panel_starter(settings, database, translator, servers, queue, progress, decoders)
    metrics = partial(MetricsServer.start, settings, queue, servers, monitoring.host)
    parts = (settings, ptb, client, database, servers, coalescer, albums, decoders, updates)
    return make_app(*parts, retraining.schedule, [*jobs, *retraining.jobs], monitoring.alerts, panel, metrics)


def _make_application(client: TelegramClient, stack: AsyncExitStack) -> tuple[PtbApplication, JobQueue[Any]]:
    """python-telegram-bot's part; `stack` shuts the client down."""
    stack.push_async_callback(client.shutdown)
    job_queue: JobQueue[Any] = JobQueue()
    return Application.builder().bot(client).updater(None).job_queue(job_queue).build(), job_queue


def _make_decoders(settings: Settings, stack: AsyncExitStack) -> DecoderPool:
    """What decodes new files, and makes stored photos smaller."""
    decoders = DecoderPool(settings.limits)
    stack.push_async_callback(decoders.close)
    return decoders


def _make_recogniser(settings: Settings, stack: AsyncExitStack) -> Recogniser | None:
    recogniser = make_recogniser(settings)
    if recogniser:
        stack.push_async_callback(recogniser.close)
    return recogniser


def _warm_up(decoders: DecoderPool, recogniser: Recogniser | None) -> list[Periodic]:
    jobs = [Periodic("decoders", RETRY_S, decoders.start, once=True)]
    return jobs + ([Periodic("recogniser", RETRY_S, recogniser.start, once=True)] if recogniser else [])


def _make_progress_reader(settings: Settings, database: Database) -> RunProgressReader:
    return RunProgressReader(database, settings.storage.runs, settings.canary.max_ratings)


async def _make_servers(
    settings: Settings, stack: AsyncExitStack, database: Database, queue: FairQueue
) -> ModelServers:
    champion = await register_serving(settings, database)
    await asyncio.to_thread(check_host, settings)
    if settings.engine.kind != "url":
        await asyncio.to_thread(make_launcher(settings), champion, 0, "")
    servers = make_servers(settings, champion, on_pause=queue.hold)
    stack.push_async_callback(servers.stop)
    return servers


def _make_gate(
    messenger: Messenger, database: Database, known: ChatParts, notifier: AdminNotifier
) -> tuple[AccessNotices, StrangerGate]:
    """What asks admins about strangers, and what turns strangers away."""

    def make_button(answer: str, access_id: int) -> str:
        return AccessButton(answer, access_id).encode()

    notices = AccessNotices(messenger, database, known.access, known.names, notifier, make_button)
    return notices, StrangerGate(messenger, database, known.access, known.names, notices)


def _make_dispatcher(
    settings: Settings,
    messenger: Messenger,
    database: Database,
    application: PtbApplication,
    known: ChatParts,
    gate: StrangerGate,
    routes: Sequence[Route],
    delays: DelayNotices,
) -> UpdateDispatcher:
    access = AccessControl(messenger, known.bans, known.names, known.access, gate, routes)
    router = UpdateRouter(application, access, routes, ErrorReporter(messenger, database, delays))
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
