"""What is looked at to see whether admins must be told something: each look says what is wrong, or None where all is
well.
"""

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
SLOW_S = 60.0
"""How often it is looked at what costs something: a write, a process, a call to Telegram."""
READY_S = 10.0
ROOM = 1.2
"""So much more than the least must be free before the disk is well again, so that nothing flutters at the edge."""

Detail = dict[str, Any]


class CheckInconclusive(Exception):
    """It can't be seen now whether all is well."""


@dataclass(frozen=True)
class AlertCheck:
    """`look` says what is wrong, as what its words are filled with; it must be so for `patience_s`.

    Looked at every `every_s`.

    `look` gets the alert that lasts over it, if one does.
    """

    look: Callable[[Alert | None], Awaitable[Detail | None]]
    patience_s: float = 0.0
    every_s: float = 0.0


class AlertChecks:
    """All checks that the settings ask for. The bot was started at `started_at` (seconds since 1970)."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        servers: ModelServers,
        client: TelegramClient,
        backing: BackupJob,
        started_at: float,
    ) -> None:
        self._settings, self._rows, self._servers, self._client = settings, database, servers, client
        self._backing, self._started_at = backing, started_at
        self._answered = False
        self._cards = 0

    def all(self) -> dict[str, AlertCheck]:
        """By what they are called in the words `alert-NAME-began` and `alert-NAME-ended`."""
        limits, webhook = self._settings.alerts, self._settings.telegram.mode == "webhook"
        wanted = {
            "engine": (limits.engine_min, AlertCheck(self._engine, limits.engine_min * MINUTE_S)),
            "disk": (limits.disk_gb, AlertCheck(self._disk)),
            "backup": (self._settings.backup.every_h, AlertCheck(self._backup)),
            "database": (limits.database_min, AlertCheck(self._database, limits.database_min * MINUTE_S, SLOW_S)),
            "webhook": (limits.webhook_min if webhook else 0, AlertCheck(self._webhook, 0.0, SLOW_S)),
            "gpu": (limits.gpu_min, AlertCheck(self._gpu, limits.gpu_min * MINUTE_S, SLOW_S)),
        }
        return {what: check for what, (asked, check) in wanted.items() if asked}

    async def _engine(self, _: Alert | None) -> Detail | None:
        """While it sleeps on purpose nothing is wrong, and a first start may take the time that the settings give
        it.
        """
        servers, settings = self._servers, self._settings
        if servers.paused:
            return None
        try:
            async with asyncio.timeout(READY_S):
                ready = await servers.ready()
        except TimeoutError:
            ready = False
        self._answered |= ready
        starting = any(one.state in ("starting", "checking") for one in servers.status())
        if (
            not ready
            and not self._answered
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
        least = settings.alerts.disk_gb * 1e9 * (ROOM if lasting else 1.0)
        free = [
            await asyncio.to_thread(host_stats.free_disk_bytes, folder)
            for folder in (settings.storage.directory, settings.backup_folder)
        ]
        return {"free": f"{min(free) / 1e9:.1f}"} if min(free) < least else None

    async def _backup(self, _: Alert | None) -> Detail | None:
        return {"why": self._backing.trouble} if self._backing.trouble else None

    async def _database(self, _: Alert | None) -> Detail | None:
        """A real write, since one that changes nothing succeeds on a full disk too."""
        try:
            await alerts.beat(self._rows)
        except sqlite3.Error as error:
            return {"why": str(error)}
        return None

    async def _webhook(self, _: Alert | None) -> Detail | None:
        """Telegram says what happened when it called last. Old errors that nothing waits behind are over."""
        try:
            seen = await self._client.get_webhook_info()
        except TelegramError as error:
            raise CheckInconclusive from error
        if seen.url != self._settings.telegram.webhook_url:
            return {"why": f"another address is set: {seen.url or '-'}", "waiting": seen.pending_update_count}
        failed = (
            seen.last_error_date
            and time.time() - seen.last_error_date.timestamp() < self._settings.alerts.webhook_min * MINUTE_S
        )
        return (
            {"why": seen.last_error_message or "?", "waiting": seen.pending_update_count}
            if failed and seen.pending_update_count
            else None
        )

    async def _gpu(self, lasting: Alert | None) -> Detail | None:
        """As many cards as there ever were since the start, or as an alert says that lasts over it."""
        found = await host_stats.list_gpus()
        if lasting:
            self._cards = max(self._cards, int(lasting.details.get("had", 0)))
        now = len(found or [])
        self._cards = max(self._cards, now)
        return {"had": self._cards, "now": now} if now < self._cards else None
