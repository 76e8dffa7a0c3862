"""The bot's admin: by the command line, by id, or by a one-time code that the user sends the bot."""

import asyncio
from collections.abc import Sequence

from telegram import User
from telegram.error import Conflict, TelegramError

from bot.setup.admin_code import LIFETIME_S, CodeSender, UpdateBacklog, make_code, wait_for_code
from bot.setup.answers import SetupAnswers
from bot.setup.terminal import SetupError, SetupTerminal
from configs.base import split_list
from configs.errors import SettingsError
from storage.chat.bots import read_bot_id
from storage.maintenance.data_folder import is_bot_running

FLAG = "--admin ID"
CODE = "code"


class AdminStep:
    """Records at least one admin."""

    def __init__(self, terminal: SetupTerminal, answers: SetupAnswers, bot: User) -> None:
        self._terminal, self._answers, self._bot = terminal, answers, bot

    def run(self, given: Sequence[int]) -> None:
        """Record the admins. Raises SetupError, SettingsError."""
        known = [int(number) for number in split_list(self._answers.known("telegram", "admins") or [])]
        if given:
            admins = list(given)
        elif known and (self._answers.is_settled("telegram", "admins") or not self._asks_again):
            admins = known
        else:
            admins = self._ask(known)
        self._answers.set("telegram", "admins", admins)
        self._terminal.show("admins-known", ids=", ".join(map(str, admins)))

    @property
    def _asks_again(self) -> bool:
        return self._terminal.interactive and not self._terminal.agree

    def _ask(self, known: list[int]) -> list[int]:
        by_code = not self._is_served()
        if not by_code:
            self._terminal.show("admin-bot-runs")
        default = ", ".join(map(str, known)) or (CODE if by_code else "")
        while True:
            answer = self._terminal.ask("ask-admin" if by_code else "ask-admin-id", FLAG, default)
            if answer == CODE and by_code:
                if sender := self._by_code():
                    return [*known, sender.id] if sender.id not in known else known
                continue
            try:
                ids = [int(number) for number in split_list(answer)]
                self._answers.set("telegram", "admins", ids)
            except (ValueError, SettingsError):
                self._terminal.show("admin-malformed", answer=answer)
            else:
                if ids:
                    return ids

    def _is_served(self) -> bool:
        """Whether a bot with this token runs on this data: it would miss the updates that setup reads."""
        storage = self._answers.settings().storage
        return is_bot_running(storage.directory) and read_bot_id(storage.database) in (None, self._bot.id)

    def _by_code(self) -> CodeSender | None:
        """The user who sends the code; None, and said why, if that wasn't to be."""
        code = make_code()
        self._terminal.show(
            "admin-code", code=code, name=self._bot.username or "", link=self._bot.link or "", minutes=LIFETIME_S // 60
        )
        greeting = self._terminal.text("admin-greeting")
        try:
            sender = asyncio.run(wait_for_code(self._answers.settings(), code, greeting))
        except UpdateBacklog:
            self._terminal.show("admin-queue-full")
        except Conflict as error:
            self._terminal.show("admin-webhook" if "webhook" in str(error).lower() else "admin-conflict")
        except TelegramError as error:
            raise SetupError(f"Telegram answers: {type(error).__name__}.") from None
        else:
            if sender is None:
                self._terminal.show("admin-code-over")
            else:
                self._terminal.show("admin-found", name=sender.name, id=str(sender.id))
            return sender
        return None
