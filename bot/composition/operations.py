"""Constructs what runs beside the answers to updates: monitoring, retraining, and the periodic jobs."""

import logging
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from telegram.ext import JobQueue

from bot.chats.chat_parts import ChatParts
from bot.engine.fair_queue import FairQueue
from bot.engine.servers.base import ModelServers
from bot.experiments.canary_controller import CanaryController
from bot.experiments.champion_monitor import ChampionMonitor
from bot.experiments.forecast import forecast_text
from bot.experiments.predecessor_trial import PredecessorTrial
from bot.handlers.admin.before_after import before_after_keyboard
from bot.i18n.translator import Translator
from bot.jokes.judge_source import StoredJudgeSource
from bot.jokes.weekly_digest import WeeklyDigest, latest_due
from bot.maintenance.backup_job import BackupJob
from bot.maintenance.database_upkeep import DatabaseUpkeep
from bot.maintenance.erasure_job import ErasureJob
from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.messenger import Messenger
from bot.messaging.stored_photos import StoredPhotoSender
from bot.monitoring.alert_checks import AlertChecks
from bot.monitoring.alerts import AlertManager
from bot.monitoring.error_counter import ErrorCounter
from bot.monitoring.metrics import HostMetrics
from bot.monitoring.shutdown_notice import clear_shutdown_notice
from bot.monitoring.status_report import StatusReport
from bot.progress.base_share import BaseShare
from bot.progress.progress_line import ProgressLine
from bot.progress.progress_news import ProgressNews
from bot.retraining.deployer import ModelDeployer
from bot.retraining.judge_fitting import JudgeFitter
from bot.retraining.orchestrator import RunOrchestrator
from bot.retraining.run_notifier import RunNotifier
from bot.retraining.run_progress import RunProgressReader
from bot.retraining.scheduler import RetrainScheduler
from bot.runtime.periodic import Periodic
from bot.telegram.client import TelegramClient
from bot.telegram.coalescer import Coalescer
from configs.errors import SettingsError
from configs.settings import Settings
from storage.database import Database

SCHEDULE_RETRY_S = 60.0
"""Until the next try after the schedule of runs could not be started."""


@dataclass(frozen=True)
class MonitoringParts:
    """What `make_monitoring` constructs."""

    alerts: AlertManager
    status: StatusReport
    host: HostMetrics


@dataclass(frozen=True)
class RetrainingParts:
    """What `make_retraining` constructs."""

    orchestrator: RunOrchestrator
    schedule: RetrainScheduler
    judge: JudgeFitter
    jobs: Sequence[Periodic]


def make_monitoring(
    settings: Settings,
    stack: AsyncExitStack,
    database: Database,
    messenger: Messenger,
    servers: ModelServers,
    queue: FairQueue,
    notifier: AdminNotifier,
    progress: RunProgressReader,
    backup: BackupJob,
    judge: JudgeFitter,
) -> MonitoringParts:
    """Alerts, the status report and the host's metrics; errors in the log are counted until `stack` is closed."""
    errors, started_at = ErrorCounter(), time.time()
    logging.getLogger().addHandler(errors)
    stack.callback(logging.getLogger().removeHandler, errors)
    checks = AlertChecks(settings, database, servers, messenger.client, backup, started_at)
    alerts = AlertManager(database, notifier, messenger.translator, checks.enabled_checks())
    translator = messenger.translator
    status = StatusReport(settings, database, servers, queue, translator, alerts, errors, progress, judge, started_at)
    return MonitoringParts(alerts, status, HostMetrics(settings, errors, alerts.lasting))


def make_retraining(
    settings: Settings,
    database: Database,
    servers: ModelServers,
    messenger: Messenger,
    notifier: AdminNotifier,
    coalescer: Coalescer,
    progress: RunProgressReader,
    job_queue: JobQueue[Any],
) -> RetrainingParts:
    """The orchestrator and the schedule of runs, the monitor of a new champion, and the judge."""
    deployer = ModelDeployer(database, servers)
    forecast = partial(forecast_text, database, settings.canary)
    run_notifier = RunNotifier(
        database, settings, messenger, notifier, coalescer, progress, forecast, before_after_keyboard
    )
    trials = CanaryController(database, servers, deployer, settings.canary)
    orchestrator = RunOrchestrator(database, settings, servers, deployer, trials, run_notifier, progress)
    schedule = RetrainScheduler(database, settings, job_queue, orchestrator.wake)
    start = Periodic("retrain-schedule", SCHEDULE_RETRY_S, schedule.start, once=True, fatal=(SettingsError,))
    predecessor = PredecessorTrial(database, servers, settings.champion_monitor)
    monitor = ChampionMonitor(database, deployer, notifier, settings.champion_monitor, predecessor)
    judge = JudgeFitter(database, settings, StoredJudgeSource(database, settings.storage.judges))
    return RetrainingParts(orchestrator, schedule, judge, [start, *orchestrator.jobs(), monitor.job(), judge.job()])


def make_maintenance_jobs(settings: Settings, database: Database, backup: BackupJob) -> Sequence[Periodic]:
    """Upkeep of the database, erasure of what is too old, and backups."""
    upkeep = DatabaseUpkeep(database, settings.storage.database, partial(clear_shutdown_notice, settings))
    erasure = ErasureJob(database, settings.storage, settings.retention, settings.retrain.keep_models)
    return [*upkeep.jobs(), erasure.job(), backup.job()]


def make_weekly_jobs(
    settings: Settings,
    database: Database,
    client: TelegramClient,
    translator: Translator,
    known: ChatParts,
    photos: StoredPhotoSender,
    servers: ModelServers,
    notifier: AdminNotifier,
    line: ProgressLine,
) -> Sequence[Periodic]:
    """The weekly digest, the base's share of the photos, and the weekly line about what learning has gained."""
    digest = WeeklyDigest(database, settings, client, translator, known.settings, photos, line, known.bylines)
    news = ProgressNews(database, notifier, line, partial(latest_due, settings.digest))
    return [digest.job(), BaseShare(database, servers, settings).job(), news.job()]
