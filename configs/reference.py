"""Writes `configs/jokebot.toml` from the settings' own defaults and descriptions: `python -m configs.reference`.

A test compares the committed file with what this makes, so the file can't fall behind the code. The site's settings
page (`make docs`) is made of the same.
"""
import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from configs.settings import CONFIG_FILE, PREFIX, Section, Settings

HEAD = """# Jokebot's settings, each with its default. Made by `python -m configs.reference`; edit the values as you like,
# or copy the file and name the copy in JOKEBOT_CONFIG. A variable JOKEBOT_SECTION_NAME overrides a line of it, as
# JOKEBOT_TELEGRAM_TOKEN does; secrets are better set that way.
"""


PAGE_HEAD = """# Settings

Made from the code. Settings are read from `configs/jokebot.toml`, or the file named by `JOKEBOT_CONFIG`; a variable overrides
its line, and secrets are better set that way. A mistake in a name or a value ends the start with one line that names it.
"""


def settings_toml() -> str:
    """The settings file with all defaults."""
    sections = [section_toml(name, field.annotation) for name, field in Settings.model_fields.items()]
    return "\n".join([HEAD, *sections])


def section_toml(name: str, section: type[Section]) -> str:
    lines = [f"[{name}]  # {(section.__doc__ or '').splitlines()[0]}"]
    for key, field in section.model_fields.items():
        lines += [f"# {field.description}", setting_line(key, field)]
    return "\n".join(lines) + "\n"


def setting_line(key: str, field: FieldInfo) -> str:
    """The line that sets the default, or a comment where the default is "not set" or a secret."""
    default = field.default
    if default is None:
        return f'# {key} = ""'
    if isinstance(default, SecretStr):
        return f"# {key} = {json.dumps(default.get_secret_value())}"
    return f"{key} = {toml_value(default)}"


def toml_value(value: Any) -> str:
    """A plain value as TOML; JSON's forms of strings, numbers, booleans and lists are TOML's too."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(part)}" for key, part in value.items()) + " }"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def settings_markdown() -> str:
    """The settings as a page, a table for each section."""
    sections = [section_markdown(name, field.annotation) for name, field in Settings.model_fields.items()]
    return "\n".join([PAGE_HEAD, *sections])


def section_markdown(name: str, section: type[Section]) -> str:
    lines = [f"## [{name}]", "", (section.__doc__ or "").splitlines()[0], "", "| setting | default | meaning |", "|---|---|---|"]
    for key, field in section.model_fields.items():
        variable = f"{PREFIX}{name}_{key}".upper()
        lines.append(f"| `{key}` | {default_shown(field)} | {cell(field.description or '')}{choices(field)}<br><small>`{variable}`</small> |")
    return "\n".join(lines) + "\n"


def default_shown(field: FieldInfo) -> str:
    if field.default is None or isinstance(field.default, SecretStr) or field.default == "":
        return "not set" if not isinstance(field.default, SecretStr) or not field.default.get_secret_value() else "set"
    return f"`{cell(toml_value(field.default))}`"


def choices(field: FieldInfo) -> str:
    """The values that a setting can have, where they can be listed."""
    return f" One of {', '.join(f'`{value}`' for value in get_args(field.annotation))}." if get_origin(field.annotation) is Literal else ""


def cell(text: str) -> str:
    """Text that doesn't end its table cell."""
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    CONFIG_FILE.write_text(settings_toml(), encoding="utf-8")
