"""The checks behind the alerts. Each probe returns the details of a failure, or None."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from telegram.error import TelegramError

from bot.engine.servers.base import ModelServers
from bot.maintenance.backup_job import BackupJob
from bot.monitoring import host_stats
from bot.telegram.client import TelegramClient
from configs.settings import Settings
from storage.chat import alerts
from storage.chat.alerts import Alert
from storage.database import Database

MINUTE_S = 60.0
EXPENSIVE_INTERVAL_S = 60.0
"""Interval of the expensive checks: those with a write, a process or a call to Telegram."""
READY_TIMEOUT_S = 10.0
RECOVERY_FACTOR = 1.2
"""The disk alert ends at this multiple of the limit, so that it doesn't begin and end again and again at the limit."""

Detail = dict[str, Any]


class CheckInconclusive(Exception):
    """The check can't be decided now."""


@dataclass(frozen=True)
class AlertCheck:
    """`probe` gets the open alert, if there is one, and returns the details of a failure: the values of its message.

    It runs every `interval_s` seconds. The alert begins once it has failed for `min_duration_s` seconds. It raises
    CheckInconclusive if it can't decide.
    """

    probe: Callable[[Alert | None], Awaitable[Detail | None]]
    min_duration_s: float = 0.0
    interval_s: float = 0.0


class AlertChecks:
    """All checks that the settings ask for. The bot was started at `started_at` (seconds since 1970)."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        servers: ModelServers,
        client: TelegramClient,
        backup_job: BackupJob,
        started_at: float,
    ) -> None:
        self._settings, self._rows, self._servers, self._client = settings, database, servers, client
        self._backup_job, self._started_at = backup_job, started_at
        self._engine_answered = False
        self._gpu_count = 0

    def enabled_checks(self) -> dict[str, AlertCheck]:
        """The enabled checks by NAME, as in the messages `alert-NAME-began` and `alert-NAME-ended`."""
        limits, webhook = self._settings.alerts, self._settings.telegram.mode == "webhook"
        checks = {
            "engine": (limits.engine_min, AlertCheck(self._engine, limits.engine_min * MINUTE_S)),
            "disk": (limits.disk_gb, AlertCheck(self._disk)),
            "backup": (self._settings.backup.every_h, AlertCheck(self._backup)),
            "database": (
                limits.database_min,
                AlertCheck(self._database, limits.database_min * MINUTE_S, EXPENSIVE_INTERVAL_S),
            ),
            "webhook": (limits.webhook_min if webhook else 0, AlertCheck(self._webhook, 0.0, EXPENSIVE_INTERVAL_S)),
            "files": (True, AlertCheck(self._files)),
            "gpu": (limits.gpu_min, AlertCheck(self._gpu, limits.gpu_min * MINUTE_S, EXPENSIVE_INTERVAL_S)),
        }
        return {name: check for name, (enabled, check) in checks.items() if enabled}

    async def _engine(self, _: Alert | None) -> Detail | None:
        """A pause is no failure. The first start is inconclusive for at most `servers.start_timeout_s`."""
        servers, settings = self._servers, self._settings
        if servers.paused:
            return None
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                ready = await servers.ready()
        except TimeoutError:
            ready = False
        self._engine_answered |= ready
        starting = any(server.state in ("starting", "checking") for server in servers.status())
        if (
            not ready
            and not self._engine_answered
            and starting
            and time.time() - self._started_at < settings.servers.start_timeout_s
        ):
            raise CheckInconclusive
        details = next(
            (server.details for server in servers.status() if server.details and server.state != "ready"), ""
        )
        return None if ready else {"minutes": settings.alerts.engine_min, "why": details or "none"}

    async def _disk(self, lasting: Alert | None) -> Detail | None:
        settings = self._settings
        limit = settings.alerts.disk_gb * 1e9 * (RECOVERY_FACTOR if lasting else 1.0)
        free = [
            await asyncio.to_thread(host_stats.free_disk_bytes, folder)
            for folder in (settings.storage.directory, settings.backup_folder)
        ]
        return {"free": f"{min(free) / 1e9:.1f}"} if min(free) < limit else None

    async def _backup(self, _: Alert | None) -> Detail | None:
        return {"why": self._backup_job.error} if self._backup_job.error else None

    async def _database(self, _: Alert | None) -> Detail | None:
        """Write a changed row: a write without a change succeeds on a full disk too."""
        try:
            await alerts.record_pulse(self._rows)
        except sqlite3.Error as error:
            return {"why": str(error)}
        return None

    async def _webhook(self, _: Alert | None) -> Detail | None:
        """Telegram reports the error of its last call. An old error without waiting updates is no failure."""
        try:
            info = await self._client.get_webhook_info()
        except TelegramError as error:
            raise CheckInconclusive from error
        if info.url != self._settings.telegram.webhook_url:
            return {"why": f"another address is set: {info.url or '-'}", "waiting": info.pending_update_count}
        failed = (
            info.last_error_date
            and time.time() - info.last_error_date.timestamp() < self._settings.alerts.webhook_min * MINUTE_S
        )
        return (
            {"why": info.last_error_message or "?", "waiting": info.pending_update_count}
            if failed and info.pending_update_count
            else None
        )

    async def _files(self, _: Alert | None) -> Detail | None:
        """The files of a Bot API server in local mode; inconclusive before the first of them."""
        problem = self._client.file_problem
        if problem is None:
            raise CheckInconclusive
        return {"why": problem} if problem else None

    async def _gpu(self, lasting: Alert | None) -> Detail | None:
        """Fails if there are fewer GPUs than at any time since the start, or than the open alert names."""
        count = len(await host_stats.list_gpus() or [])
        if lasting:
            self._gpu_count = max(self._gpu_count, int(lasting.details.get("had", 0)))
        self._gpu_count = max(self._gpu_count, count)
        return {"had": self._gpu_count, "now": count} if count < self._gpu_count else None
