"""What the bot says, in every language there is: `bot/i18n/locales/<language>.ftl`, Fluent files
(https://projectfluent.org).
"""

from functools import cached_property
from pathlib import Path
from typing import Any

from fluent.runtime import FluentBundle, FluentResource

LOCALES = Path(__file__).with_name("locales")
FALLBACK = "en"


class Translator:
    """The messages of all languages. A language is read when it is first spoken; adding one is adding a file."""

    def __init__(self, folder: Path = LOCALES, default: str = FALLBACK) -> None:
        self._files = {file.stem: file for file in sorted(folder.glob("*.ftl"))}
        self._bundles: dict[str, FluentBundle] = {}
        self._default = default if default in self._files else FALLBACK

    @cached_property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._files)

    def language(self, code: str | None) -> str:
        """The language to speak with somebody whose app has the language `code` (IETF tag, as 'zh-hans'; None if
        unknown).
        """
        primary = (code or "").replace("_", "-").split("-")[0].lower()
        return primary if primary in self._files else self._default

    def format(self, language: str, message: str, **values: Any) -> str:
        """The message in that language, in the fallback language where it has none.

        Raises KeyError for an unknown message.
        """
        for bundle in (self._bundle(language), self._bundle(FALLBACK)):
            if bundle.has_message(message) and (pattern := bundle.get_message(message).value):
                text, mistakes = bundle.format_pattern(pattern, values)
                if mistakes:
                    raise KeyError(f"{message}: {mistakes[0]}")
                return str(text)
        raise KeyError(message)

    def _bundle(self, language: str) -> FluentBundle:
        if language not in self._files:
            language = self._default
        if language not in self._bundles:
            bundle = FluentBundle([language], use_isolating=False)
            bundle.add_resource(FluentResource(self._files[language].read_text(encoding="utf-8")))
            self._bundles[language] = bundle
        return self._bundles[language]
