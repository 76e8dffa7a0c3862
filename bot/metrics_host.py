"""More figures for the monitor: runs, backups, the disk, what was logged and what admins were told of."""
import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot import vitals
from bot.mistakes import Mistakes
from configs.settings import Settings
from storage.backup import newest_at
from storage.database import Database
from storage.measures import Runs, banned_people, runs_so_far
from storage.runs import FINISHED, UNFINISHED

ALERTS = ("engine", "disk", "backup", "database", "webhook", "gpu", "job")
"""What bot/checks.py looks at, and the periodic jobs all together."""
Samples = dict[tuple[tuple[str, str], ...], float]
Family = tuple[str, str, str, Samples]
"""Name, kind, meaning, samples."""


@dataclass
class Host:
    """What is read at each scrape, besides the queue and the engine. `lasting` are the alerts that last."""

    settings: Settings
    mistakes: Mistakes = field(default_factory=Mistakes)
    lasting: Mapping[str, object] = field(default_factory=dict)

    def _alert_samples(self) -> Samples:
        kinds = {what.partition(":")[0] for what in self.lasting}
        return {(("what", what),): int(what in kinds) for what in ALERTS}

    async def families(self, database: Database) -> list[Family]:
        """All of them; a backup's time is left out before there is one, and a run's end before the first."""
        storage = self.settings.storage
        free = await asyncio.to_thread(vitals.free_bytes, storage.directory)
        backup = await asyncio.to_thread(newest_at, self.settings.backup_folder)
        found = await runs_so_far(database)
        banned = await banned_people(database)
        return [*run_families(found),
                ("last_backup_timestamp_seconds", "gauge", "When the newest backup was made.", {(): backup} if backup else {}),
                ("disk_free_bytes", "gauge", "Free bytes where the data is.", {(): free}),
                ("database_bytes", "gauge", "Size of the database with its write-ahead log.", {(): vitals.database_bytes(storage.database)}),
                ("errors_total", "counter", "Errors logged since the start.", {(): self.mistakes.total}),
                ("alert", "gauge", "Whether admins were told of this trouble and it lasts.", self._alert_samples()),
                ("banned_people", "gauge", "People who are banned now.", {(): banned})]


def run_families(found: Runs) -> list[Family]:
    """How runs ended, and where the one under way is: every state has its sample, so that none goes missing."""
    states = ("none", *UNFINISHED)
    return [("run_state", "gauge", "1 for the state of the run under way, none where there is none.",
             {(("state", state),): int(state == (found.under_way or "none")) for state in states}),
            ("runs_total", "counter", "Runs that have ended, by outcome.", {(("outcome", outcome),): found.ended.get(outcome, 0) for outcome in FINISHED}),
            ("last_run_timestamp_seconds", "gauge", "When the last run ended.", {(): found.last_at} if found.last_at else {})]
