"""Edits a settings file: single lines of the TOML text, so that the admin's other values and comments stay.

The standard library reads TOML and writes none. Each edit is parsed again and compared, so a file of a form that the
edit doesn't know is refused and never damaged.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.errors import SettingsError, explaining
from configs.reference import toml_value

Values = Mapping[str, Mapping[str, Any]]
"""Values by section and name."""
MODE = 0o600
LONGEST_VALUE = 200
"""Most lines of a value that an edit replaces."""


def parse_toml(path: Path, text: str) -> dict[str, dict[str, Any]]:
    """The values of a TOML text. Raises SettingsError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}.") from error


def merged(old: Values, new: Values) -> dict[str, dict[str, Any]]:
    """The values of `old` with those of `new` in their place."""
    return {section: {**old.get(section, {}), **new.get(section, {})} for section in [*old, *new]}


def edit_toml(path: Path, text: str, values: Values) -> str:
    """The text of the file `path` with these values. Raises SettingsError where its form isn't known."""
    for section, changes in values.items():
        for name, value in changes.items():
            text = _edit_value(path, text, section, name, value)
    return text


def _edit_value(path: Path, text: str, section: str, name: str, value: Any) -> str:
    expected = merged(parse_toml(path, text), {section: {name: value}})
    for candidate in _candidates(text.splitlines(), section, name, f"{name} = {toml_value(value)}"):
        edited = "\n".join(candidate) + "\n"
        try:
            if tomllib.loads(edited) == expected:
                return edited
        except tomllib.TOMLDecodeError:
            continue
    raise SettingsError(f"{path} has a form that can't be edited. Set {section}.{name} in it by hand, or move it away.")


def _candidates(lines: list[str], section: str, name: str, line: str) -> list[list[str]]:
    """The lines with a value set: in place of the old one, which may have several lines, or after the heading."""
    heading = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]")
    start = next((number for number, old in enumerate(lines) if heading.match(old)), None)
    if start is None:
        return [[*lines, *([""] if lines else []), f"[{section}]", line]]
    rest = range(start + 1, len(lines))
    end = next((number for number in rest if re.match(r"\[", lines[number])), len(lines))
    key = re.compile(rf"\s*{re.escape(name)}\s*=")
    found = next((number for number in range(start + 1, end) if key.match(lines[number])), None)
    if found is None:
        last = next(number for number in range(end - 1, start - 1, -1) if lines[number].strip())
        return [[*lines[:place], line, *lines[place:]] for place in (last + 1, start + 1)]
    lengths = range(1, min(LONGEST_VALUE, len(lines) - found) + 1)
    return [[*lines[:found], line, *lines[found + length :]] for length in lengths]


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner can read it. A link's target is replaced.

    Run by root, it belongs to the owner of the file before it, else of its folder. Raises SettingsError.
    """
    path = path.resolve()
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with explaining(f"{path} can't be written", SettingsError, lambda error: error.strerror or str(error)):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = (path if path.exists() else path.parent).stat()
        try:
            with os.fdopen(
                os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w", encoding="utf-8"
            ) as file:
                os.fchmod(file.fileno(), MODE)
                if os.geteuid() == 0:
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
