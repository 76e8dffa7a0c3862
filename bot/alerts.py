"""Admins are told when something is wrong, once, and again when it is over; a restart repeats nothing.

What is wrong is a row (`storage/alerts.py`), and so is who has been told. Only where the database itself can't be written is an
alert kept in memory, until it can. A periodic job that meets a defect is an alert too: `job:` and the job's name.
"""
import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable

from telegram.error import BadRequest, Forbidden, TelegramError

from bot.backups import Backing
from bot.checks import CannotTell, Check, Checks, Detail
from bot.i18n.formatting import day_and_time, duration
from bot.loop.reasons import said
from bot.outgoing import Priority, Shed
from bot.parts import Parts
from bot.replies import let_finish, noted_by
from bot.runtime.periodic import Periodic
from bot.telegram.text import NO_PREVIEW, truncate_for_telegram
from storage import alerts, news
from storage.alerts import Alert

log = logging.getLogger(__name__)

LOOK_S, TELL_S = 15.0, 3.0
WELL_S = 60.0
"""All must be well for so long before it is said to be over: what flutters is one trouble."""
STALE_S = 86400.0
"""A job that reports nothing for so long is no job any more; the rarest one runs every six hours."""
JOB = "job:"
WHY = 300
"""Longest reason that is told, characters."""


async def unnoted(_: int = 0) -> None:
    """For what is noted elsewhere."""


class Alerts:
    """Its `jobs` look and tell, and it observes all periodic jobs. `lasting` are the troubles that last."""

    def __init__(self, parts: Parts, backing: Backing) -> None:
        self._parts, self._database = parts, parts.database
        self.lasting: dict[str, Alert] = {}
        self._unsaved: dict[str, set[int]] = {}
        """What can't be written down, with the chats that know of it."""
        self._checks: dict[str, Check] = Checks(parts, backing, self.lasting).all()
        self._bad_since: dict[str, float] = {}
        self._well_since: dict[str, float] = {}
        self._looked_at: dict[str, float] = {}
        self._reported_at: dict[str, float] = {}
        self._started_at = time.monotonic()
        self._taken_up = False
        self._taking_up, self._telling = asyncio.Lock(), asyncio.Lock()

    def jobs(self) -> list[Periodic]:
        """`look` and `tell`, again and again."""
        return [Periodic("alert-checks", LOOK_S, self.look), Periodic("alert-messages", TELL_S, self.tell)]

    async def job_failed(self, name: str, error: Exception) -> None:
        """Begin the job's alert and tell it at once: the job that tells alerts may be the one that fails."""
        what = JOB + name
        self._reported_at[what] = time.monotonic()
        self._well_since.pop(what, None)
        if what not in self.lasting:
            # Only an OSError's text is known to hold no secret.
            await self._begin(what, {"why": str(error) if isinstance(error, OSError) else type(error).__name__})
        await self.tell()

    async def job_succeeded(self, name: str) -> None:
        """The job's alert ends once there has been no defect for WELL_S."""
        what = JOB + name
        self._reported_at[what] = time.monotonic()
        if what in self.lasting:
            self._well_since.setdefault(what, time.monotonic())

    async def _take_up(self) -> None:
        """What lasted when the bot stopped. What nothing looks at is over: that a bot runs is proof that its token is taken."""
        async with self._taking_up:
            if self._taken_up:
                return
            self.lasting.update(await alerts.lasting(self._database))
            for what in self.lasting.keys() - self._checks.keys():
                if not what.startswith(JOB):
                    await self._end(what)
            self._taken_up = True

    async def look(self) -> None:
        """Look at all that is due."""
        await self._take_up()
        await self._end_job_alerts()
        for what, check in self._checks.items():
            if time.monotonic() - self._looked_at.get(what, float("-inf")) >= check.every_s:
                self._looked_at[what] = time.monotonic()
                await self._look_at(what, check)

    async def _end_job_alerts(self) -> None:
        now = time.monotonic()
        for what in [what for what in self.lasting if what.startswith(JOB)]:
            well_s = now - self._well_since.get(what, now)
            if well_s >= WELL_S or now - self._reported_at.get(what, self._started_at) >= STALE_S:
                await self._end(what)

    async def _look_at(self, what: str, check: Check) -> None:
        try:
            detail = await check.look()
        except CannotTell:
            return
        now = time.monotonic()
        if detail is None:
            self._bad_since.pop(what, None)
            if what in self.lasting and now - self._well_since.setdefault(what, now) >= WELL_S:
                await self._end(what)
            return
        self._well_since.pop(what, None)
        if now - self._bad_since.setdefault(what, now) >= check.patience_s and what not in self.lasting:
            await self._begin(what, detail)

    async def _begin(self, what: str, detail: Detail) -> None:
        log.warning("alert: %s %s", what, detail)
        try:
            self.lasting[what] = await alerts.begin(self._database, what, detail)
        except sqlite3.Error:
            self.lasting[what] = Alert(0, what, "{}", time.time())
            self._unsaved[what] = set()
            await self._tell_unsaved(what, detail)

    async def _end(self, what: str) -> None:
        log.warning("over: %s", what)
        if what in self._unsaved:
            await alerts.begin(self._database, what, {}, at=self.lasting[what].began_at, told=self._unsaved[what])
            del self._unsaved[what]
        await alerts.end(self._database, what)
        del self.lasting[what]

    async def tell(self) -> None:
        """Tell every admin what they don't know yet. Raises what went wrong with one alert once the others are told."""
        await self._take_up()
        defects: list[Exception] = []
        async with self._telling:
            for alert, chat_id, words in await alerts.untold(self._database, self._parts.settings.telegram.admins):
                try:
                    await let_finish(self._tell(alert, chat_id, words))
                except Exception as error:
                    defects.append(error)
        if defects:
            raise defects[0]

    async def _tell(self, alert: Alert, chat_id: int, words: list[str]) -> None:
        async def note(_: int = 0) -> None:
            await alerts.tell(self._database, alert.id, chat_id, words)

        await self._send(chat_id, self.text(alert, await self._language(chat_id), words), note)

    async def _tell_unsaved(self, what: str, detail: Detail) -> None:
        for chat_id in self._parts.settings.telegram.admins:
            text = self._words(what, "began", await self._language(chat_id), detail)
            if await self._send(chat_id, text):
                self._unsaved[what].add(chat_id)

    def text(self, alert: Alert, language: str, words: list[str]) -> str:
        """What there is to say of an alert."""
        ended = alert.ended_at or time.time()
        detail = {**alert.details, "began": day_and_time(alert.began_at), "time": duration(self._parts.words, language, ended - alert.began_at)}
        return "\n".join(self._words(alert.what, word, language, detail) for word in words)

    def _words(self, what: str, word: str, language: str, detail: Detail) -> str:
        blanks = {"began": "", "time": "", "why": "none", "minutes": 0, "free": "?", "had": 0, "now": 0, "waiting": 0}
        values = {**blanks, **detail}
        kind, _, job = what.partition(":")
        if job:
            values["job"] = said(self._parts.words, language, f"job-{job}", job)
        return self._parts.words.say(language, f"alert-{kind}-{word}", **{**values, "why": str(values["why"])[:WHY]})

    async def _send(self, chat_id: int, text: str, note: Callable[..., Awaitable[None]] = unnoted) -> bool:
        """False where it shall be tried again later; otherwise `note` has written it down."""
        try:
            with noted_by(note):
                await self._parts.bot.send_message(chat_id, truncate_for_telegram(text), link_preview_options=NO_PREVIEW, rate_limit_args=Priority.ANSWER)
        except (Forbidden, BadRequest) as error:
            log.info("admin %d can't be told: %s", chat_id, error)
            await note()
        except (TelegramError, Shed) as error:
            log.warning("admin %d is told later: %s", chat_id, error)
            return False
        return True

    async def _language(self, chat_id: int) -> str:
        try:
            return self._parts.words.language(await news.language_of(self._database, chat_id))
        except sqlite3.Error:
            return self._parts.words.language(None)
