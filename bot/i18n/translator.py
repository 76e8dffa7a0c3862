"""The bot's texts in all languages: Fluent files (https://projectfluent.org) in `bot/i18n/locales/`."""

from functools import cached_property
from pathlib import Path
from typing import Any

from fluent.runtime import FluentBundle, FluentResource

LOCALES = Path(__file__).with_name("locales")
FALLBACK = "en"


class Translator:
    """Formats messages. `<language>.ftl` is loaded at first use; a new file adds a language."""

    def __init__(self, folder: Path = LOCALES, default: str = FALLBACK) -> None:
        self._files = {file.stem: file for file in sorted(folder.glob("*.ftl"))}
        self._bundles: dict[str, FluentBundle] = {}
        self._default = default if default in self._files else FALLBACK

    @cached_property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._files)

    def language(self, code: str | None) -> str:
        """The supported language for an IETF tag (as "zh-hans"); the default language for others and None."""
        primary = (code or "").replace("_", "-").split("-")[0].lower()
        return primary if primary in self._files else self._default

    def format(self, language: str, key: str, **values: Any) -> str:
        """A message in a language, else in the fallback language. Raises KeyError for an unknown key or value."""
        for bundle in (self._bundle(language), self._bundle(FALLBACK)):
            if bundle.has_message(key) and (pattern := bundle.get_message(key).value):
                text, errors = bundle.format_pattern(pattern, values)
                if errors:
                    raise KeyError(f"{key}: {errors[0]}")
                return str(text)
        raise KeyError(key)

    def _bundle(self, language: str) -> FluentBundle:
        if language not in self._files:
            language = self._default
        if language not in self._bundles:
            bundle = FluentBundle([language], use_isolating=False)
            bundle.add_resource(FluentResource(self._files[language].read_text(encoding="utf-8")))
            self._bundles[language] = bundle
        return self._bundles[language]
