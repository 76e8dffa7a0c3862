"""The terminal of `jokebot setup`: questions, answers and lines in the language of the locale."""

import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from configs.errors import JokebotError

LOCALES = Path(__file__).with_name("locales")
"""All texts of the setup, a Fluent file a language."""
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""In the order of precedence of POSIX."""
YES = frozenset({"y", "yes", "是", "好", "对"})
NO = frozenset({"n", "no", "否", "不"})


class SetupError(JokebotError):
    """Setup can't go on; the message says what to do."""


class SetupTerminal:
    """Asks and tells. `interactive`: there is a user to ask; `agree`: questions with yes or no are answered yes."""

    def __init__(self, language: str, *, interactive: bool, agree: bool) -> None:
        self.language, self.interactive, self.agree = language, interactive, agree
        self.text = Localizer(Translator(LOCALES), language)

    def show(self, key: str, **values: Any) -> None:
        """Print a text."""
        print(self.text(key, **values), flush=True)

    def ask(self, key: str, flag: str, default: str = "", **values: Any) -> str:
        """The user's answer, `default` for an empty one. Raises SetupError, which names `flag`, without a terminal."""
        self._require(flag)
        shown = f" [{default}]" if default else ""
        return self._read(f"{self.text(key, **values)}{shown}: ") or default

    def ask_secret(self, key: str, flag: str, **values: Any) -> str:
        """As `ask`, without showing what is typed."""
        self._require(flag)
        try:
            return getpass.getpass(f"{self.text(key, **values)}: ").strip()
        except EOFError:
            raise SetupError(self.text("input-ended")) from None

    def confirm(self, key: str, flag: str, *, default: bool, **values: Any) -> bool:
        """Whether the user agrees. With `agree` nothing is asked."""
        if self.agree:
            return True
        self._require(flag)
        while True:
            answer = self._read(f"{self.text(key, **values)} [{'Y/n' if default else 'y/N'}]: ").lower()
            if not answer or answer in YES | NO:
                return default if not answer else answer in YES

    def _require(self, flag: str) -> None:
        if not self.interactive:
            raise SetupError(self.text("no-terminal", flag=flag))

    def _read(self, question: str) -> str:
        try:
            return input(question).strip()
        except EOFError:
            raise SetupError(self.text("input-ended")) from None


def locale_language(variables: Mapping[str, str] = os.environ) -> str:
    """The language of the locale that has texts, else English."""
    code = next((value for name in LOCALE_VARIABLES if (value := variables.get(name))), "")
    return Translator(LOCALES).language(code)
