"""Errors that users see: the message says what happened and what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class JokebotError(Exception):
    """Base of all errors that users see as one line. Other exceptions are defects and are logged with a traceback.

    `code`, if given, names the translation `reason-CODE` of the message in bot/i18n/locales; `values` fill it in. A
    test checks that each language has it.
    """

    def __init__(self, *message: object, code: str = "", **values: Any) -> None:
        super().__init__(*message)
        self.code, self.values = code, values


class SettingsError(JokebotError):
    """A setting is missing or wrong."""


class StorageUnavailable(JokebotError):
    """The data folder can't be written now: the disk is full, read-only or failing, or rights are missing."""


class PromptError(JokebotError):
    """A language or style that `configs/prompts.toml` does not define."""


@contextmanager
def explaining(what: str, kind: type[JokebotError], why: Callable[[OSError], str]) -> Iterator[None]:
    """Raise an OSError of the block as a `kind`: its message is `what` (what failed) and `why(error)`."""
    try:
        yield
    except OSError as error:
        raise kind(f"{what}: {why(error)}.") from error
