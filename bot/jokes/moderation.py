"""A hook for photos: a function that the admin names says whether a photo may be joked about, before it is kept.

The function gets the bytes of the cleaned picture file and returns None, or why the photo is declined. It runs in a
thread of its own with a time limit; a thread can't be ended from outside, so one that hangs is left behind, and when
too many hang nothing more is asked of it.
"""

import asyncio
import importlib
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from configs.errors import SettingsError
from configs.safety import SafetySettings
from storage.media.photos import CheckedPhoto, PhotoError

log = logging.getLogger(__name__)

Hook = Callable[[bytes], str | None]
AT_ONCE = 2
"""Photos looked at at the same time: a model's own threads want the rest of the processor."""
MOST_HANGING = 8


class HookError(Exception):
    """The hook came to no answer; the message says why."""


class Moderator:
    """Asks the hook of the settings; without one every photo passes.

    Raises SettingsError where the hook can't be imported.
    """

    def __init__(self, settings: SafetySettings) -> None:
        self._settings = settings
        self._hook = load_hook(settings.moderate) if settings.moderate else None
        self.is_active = self._hook is not None
        self._places = asyncio.Semaphore(AT_ONCE)
        self._hanging: list[threading.Thread] = []

    async def check(self, photo: CheckedPhoto) -> None:
        """Return where the photo may be kept. Raises PhotoError, `declined` or, where the hook failed, `unchecked`."""
        if self._hook is None:
            return
        try:
            reason = await self._ask(self._hook, photo.data)
        except HookError as error:
            passes = self._settings.moderate_failure == "pass"
            log.error(
                "the hook %s failed, so the photo %s: %s",
                self._settings.moderate,
                "passes" if passes else "is refused",
                error,
            )
            if passes:
                return
            raise PhotoError("unchecked") from None
        if reason:
            log.info("a photo is declined by the hook: %s", reason)
            raise PhotoError("declined")

    async def _ask(self, hook: Hook, data: bytes) -> str | None:
        async with self._places:
            self._hanging = [thread for thread in self._hanging if thread.is_alive()]
            if len(self._hanging) >= MOST_HANGING:
                raise HookError(f"{len(self._hanging)} calls of it hang")
            answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            thread = threading.Thread(target=_call, args=(hook, data, answer), name="moderation", daemon=True)
            thread.start()
            try:
                async with asyncio.timeout(self._settings.moderate_timeout_s):
                    said = await answer
            except TimeoutError:
                self._hanging.append(thread)
                raise HookError(f"no answer within {self._settings.moderate_timeout_s:g} s") from None
        if said is None or (isinstance(said, str) and said):
            return said
        raise HookError(f"it returned {said!r} instead of a reason or None")


def load_hook(name: str) -> Hook:
    """The function of `module:function`. Raises SettingsError."""
    module, _, function = name.partition(":")
    try:
        hook = getattr(importlib.import_module(module), function)
    except Exception as error:
        raise SettingsError(f"The hook {name!r} (setting guard.moderate) can't be imported: {error}.") from error
    if not callable(hook):
        raise SettingsError(f"{name!r} (setting guard.moderate) is no function.")
    return hook


def _call(hook: Hook, data: bytes, answer: "asyncio.Future[Any]") -> None:
    """In the thread: call the hook and hand its answer to the loop, unless that has ended or waits no longer."""
    try:
        said, error = hook(data), None
    except BaseException as raised:  # noqa: BLE001  no error of a hook, SystemExit included, may end the bot
        said, error = None, HookError(f"{type(raised).__name__}: {raised}")

    def hand_over() -> None:
        if not answer.done():
            if error:
                answer.set_exception(error)
            else:
                answer.set_result(said)

    with suppress(RuntimeError):
        answer.get_loop().call_soon_threadsafe(hand_over)
