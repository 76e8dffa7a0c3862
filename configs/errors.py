"""Errors that a person meets: the message says what happened and what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class JokebotError(Exception):
    """Base of every error that is shown to a person as one line; anything else is a defect and keeps its traceback.

    Where `code` is given, it and the `values` to fill in say the same as the message: `bot/locales` has words for
    `reason-CODE` in every language (a test looks).
    """

    def __init__(self, *message: object, code: str = "", **values: Any) -> None:
        super().__init__(*message)
        self.code, self.values = code, values


class SettingsError(JokebotError):
    """A setting is missing or wrong."""


class PromptError(JokebotError):
    """A language or style that `configs/prompts.toml` does not define."""


@contextmanager
def explaining(what: str, kind: type[JokebotError], why: Callable[[OSError], str]) -> Iterator[None]:
    """Turns an OSError inside the block into a `kind` that says `what` can't be done, and `why`."""
    try:
        yield
    except OSError as error:
        raise kind(f"{what}: {why(error)}.") from error
