"""The moderation hooks: functions named in the settings that accept or decline photos and punchlines.

One gets the bytes of each cleaned picture file before the photo is stored, the other the text of each punchline before
it is shown. Each returns None, or the reason to decline. They run in threads of their own with a time limit. Threads
can't be killed, so one that hangs is abandoned; with MAX_HANGING such threads the hooks are no longer called.

A hook that decodes the picture does so in the bot's process. The file has been decoded before, in a decoder with
limits, and holds one image of at most limits.photo_pixels without unusual scans or tiles, so decoding costs no more.
"""

import asyncio
import importlib
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

from configs.errors import SettingsError
from configs.safety import SafetySettings
from storage.media.photos import CheckedPhoto, PhotoError

log = logging.getLogger(__name__)

Hook = Callable[[Any], str | None]
Refusal = Literal["declined", "unchecked"]
MAX_CONCURRENT = 2
"""Concurrent calls of the hook; a hook with a model has threads of its own."""
MAX_HANGING = 8


class HookError(Exception):
    """The hook gave no verdict; the message says why."""


class Moderator:
    """Calls the hooks of the settings; without one for photos (`is_active` False) every photo passes.

    Raises SettingsError where a hook can't be imported.
    """

    def __init__(self, settings: SafetySettings) -> None:
        self._settings = settings
        self._hook = load_hook(settings.moderation_hook) if settings.moderation_hook else None
        self._punchline_hook = load_hook(settings.punchline_hook, "punchline_hook") if settings.punchline_hook else None
        self.is_active = self._hook is not None
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._hanging: list[threading.Thread] = []

    async def check(self, photo: CheckedPhoto) -> None:
        """Raises PhotoError for a photo that may not be stored: `declined`, or `unchecked` where the hook failed."""
        if refusal := await self._verdict(self._hook, photo.data, "photo"):
            raise PhotoError(refusal)

    async def check_punchline(self, text: str) -> Refusal | None:
        """Why a punchline may not be shown: `declined`, or `unchecked` where the hook failed; None if it may."""
        return await self._verdict(self._punchline_hook, text, "punchline")

    async def _verdict(self, hook: Hook | None, value: bytes | str, kind: str) -> Refusal | None:
        if hook is None:
            return None
        try:
            reason = await self._ask(hook, value)
        except HookError as error:
            passes = self._settings.moderate_failure == "pass"
            verdict = "passes" if passes else "is refused"
            log.error("the moderation hook of %ss failed, so one %s: %s", kind, verdict, error)
            return None if passes else "unchecked"
        if reason:
            log.info("the hook declined a %s: %s", kind, reason)
            return "declined"
        return None

    async def _ask(self, hook: Hook, data: bytes | str) -> str | None:
        async with self._slots:
            self._hanging = [thread for thread in self._hanging if thread.is_alive()]
            if len(self._hanging) >= MAX_HANGING:
                raise HookError(f"{len(self._hanging)} of its calls hang")
            answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            thread = threading.Thread(target=_call, args=(hook, data, answer), name="moderation", daemon=True)
            thread.start()
            try:
                async with asyncio.timeout(self._settings.moderate_timeout_s):
                    result = await answer
            except TimeoutError:
                self._hanging.append(thread)
                raise HookError(f"no answer within {self._settings.moderate_timeout_s:g} s") from None
        if result is None or (isinstance(result, str) and result):
            return result
        raise HookError(f"it returned {result!r} instead of a reason or None")


def load_hook(name: str, setting: str = "moderation_hook") -> Hook:
    """The function of `module:function`. Raises SettingsError."""
    module, _, function = name.partition(":")
    try:
        hook = getattr(importlib.import_module(module), function)
    except Exception as error:
        raise SettingsError(f"The hook {name!r} (setting safety.{setting}) can't be imported: {error}.") from error
    if not callable(hook):
        raise SettingsError(f"{name!r} (setting safety.{setting}) is no function.")
    return hook


def _call(hook: Hook, data: bytes | str, answer: "asyncio.Future[Any]") -> None:
    """In the thread: call the hook and pass its result to the event loop, unless that has ended or timed out."""
    try:
        result, error = hook(data), None
    except BaseException as raised:  # noqa: BLE001  no error of a hook, SystemExit included, may end the bot
        result, error = None, HookError(f"{type(raised).__name__}: {raised}")

    def set_result() -> None:
        if not answer.done():
            if error:
                answer.set_exception(error)
            else:
                answer.set_result(result)

    with suppress(RuntimeError):
        answer.get_loop().call_soon_threadsafe(set_result)
