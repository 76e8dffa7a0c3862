"""A translator bound to one language."""

from typing import Any

from bot.i18n import formatting
from bot.i18n.translator import Translator


class Localizer:
    """Call it with a message key and values: `say("run-title", run=3)`."""

    def __init__(self, translator: Translator, language: str) -> None:
        self.translator, self.language = translator, language

    def __call__(self, key: str, **values: Any) -> str:
        """The message for a key. Raises KeyError for an unknown key."""
        return self.translator.format(self.language, key, **values)

    def text_or(self, default: str, key: str, **values: Any) -> str:
        """The message for a key, or `default` for an unknown key."""
        try:
            return self(key, **values)
        except KeyError:
            return default

    def number(self, count: int) -> str:
        """A whole number with the language's separators."""
        return self("panel-number", number=count)

    def duration(self, seconds: float) -> str:
        """A time span, a minute or longer."""
        return formatting.duration(self.translator, self.language, seconds)

    def elapsed(self, seconds: float) -> str:
        """A time so far; "" for a few seconds."""
        return formatting.elapsed(self.translator, self.language, seconds)
