"""What a setup knows: the settings file's values, the answers so far, and the draft that keeps them."""

import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.setup.settings_file import edit_toml, merged, parse_toml, write_private
from configs.errors import SettingsError, explaining
from configs.reference import settings_toml
from configs.settings import CONFIG_FILE, PREFIX, Settings, parse_settings

HEAD = """# Jokebot's settings, written by `jokebot setup`, which may be called again. It has only what differs from the
# defaults; configs/jokebot.toml lists all settings.
"""
DRAFT_HEAD = "# Answers of an unfinished `jokebot setup`; the next call goes on with them.\n"


class SetupAnswers:
    """The answers to setup's questions, and the values that were there before.

    Each answer is written to a draft beside the settings file, so that a setup that was stopped goes on. Raises
    SettingsError for a file that can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.draft_path = path, path.with_name(f"{path.name}.setup")
        self.exists = path.exists()
        self._text = _read(path) if self.exists else _starting_text()
        self._stored = parse_toml(path, self._text)
        self._new = parse_toml(self.draft_path, _read(self.draft_path)) if self.draft_path.exists() else {}
        self.resumed = bool(self._new)

    def has(self, section: str, name: str) -> bool:
        """Whether this setting was answered, in this call or in the unfinished one."""
        return name in self._new.get(section, {})

    def is_settled(self, section: str, name: str) -> bool:
        """Whether no question is needed: the setting was answered, or a variable gives it."""
        return self.has(section, name) or bool(os.environ.get(f"{PREFIX}{section}_{name}".upper()))

    def known(self, section: str, name: str) -> Any:
        """The answer, else the variable's value, else that of the settings file; None if there is none of them."""
        if self.has(section, name):
            return self._new[section][name]
        if variable := os.environ.get(f"{PREFIX}{section}_{name}".upper()):
            return variable
        return self._stored.get(section, {}).get(name)

    def set(self, section: str, name: str, value: Any) -> None:
        """Record an answer. Raises SettingsError for a wrong value, and where a variable overrides it."""
        parsed = parse_settings(merged(self._stored, merged(self._new, {section: {name: value}})))
        variable = f"{PREFIX}{section}_{name}".upper()
        if variable in os.environ and _plain(getattr(getattr(parsed, section), name)) != value:
            raise SettingsError(
                f"The variable {variable} has another value and overrides this answer. Unset it, also if it is empty."
            )
        self._new = merged(self._new, {section: {name: value}})
        write_private(self.draft_path, edit_toml(self.draft_path, DRAFT_HEAD, self._new))

    def suggest(self, section: str, name: str, value: Any) -> bool:
        """Record a value unless the admin has chosen one; returns whether it was recorded."""
        if self.known(section, name) not in (None, _default(section, name)):
            return False
        self.set(section, name, value)
        return True

    def settings(self) -> Settings:
        """The settings as they will be. Raises SettingsError."""
        return parse_settings(merged(self._stored, self._new))

    def settings_with(self, section: str, **values: Any) -> Settings:
        """The settings as they would be with these values too. Raises SettingsError."""
        return parse_settings(merged(merged(self._stored, self._new), {section: values}))

    def changes(self) -> dict[str, dict[str, Any]]:
        """The answers that the settings file doesn't have yet. A default that it doesn't name is left out."""
        different: dict[str, dict[str, Any]] = {}
        for section, values in self._new.items():
            for name, value in values.items():
                old = self._stored.get(section, {}).get(name, _default(section, name))
                if value != old:
                    different.setdefault(section, {})[name] = value
        return different

    def write(self) -> None:
        """Write the settings file in one step, and remove the draft. Raises SettingsError."""
        write_private(self.path, edit_toml(self.path, self._text, self.changes()))
        self.discard_draft()

    def discard_draft(self) -> None:
        """Remove the draft; the answers in it are in the settings file."""
        self.draft_path.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _default(section: str, name: str) -> Any:
    return _plain(getattr(Settings.model_fields[section].default, name))


def is_secret(section: str, name: str) -> bool:
    """Whether a setting's value is never shown."""
    return isinstance(getattr(Settings.model_fields[section].default, name), SecretStr)


def _read(path: Path) -> str:
    with explaining(f"The settings file {path} can't be read", SettingsError, lambda error: str(error.strerror)):
        return path.read_text(encoding="utf-8-sig")


def _starting_text() -> str:
    """The text of a new file: that of configs/jokebot.toml where the admin has edited it, since it replaces that."""
    text = _read(CONFIG_FILE) if CONFIG_FILE.exists() else ""
    return text if text and text != settings_toml() else HEAD
