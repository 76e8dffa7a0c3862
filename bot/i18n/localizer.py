"""Text in one language: what a translator says, bound to the language of one reader."""

from typing import Any

from bot.i18n import formatting
from bot.i18n.translator import Translator


class Localizer:
    """`say("run-title", run=3)`; further methods put values into words."""

    def __init__(self, translator: Translator, language: str) -> None:
        self.translator, self.language = translator, language

    def __call__(self, key: str, **values: Any) -> str:
        """The message of that key. Raises KeyError where no language has it."""
        return self.translator.format(self.language, key, **values)

    def say_or(self, otherwise: str, key: str, **values: Any) -> str:
        """The message of that key, or `otherwise` where no language has it."""
        try:
            return self(key, **values)
        except KeyError:
            return otherwise

    def number(self, count: int) -> str:
        """A whole number with the language's separators."""
        return self("panel-number", number=count)

    def duration(self, seconds: float) -> str:
        """A time span, a minute or longer."""
        return formatting.duration(self.translator, self.language, seconds)
