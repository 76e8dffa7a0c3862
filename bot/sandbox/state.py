"""The sandbox's whole state: users, chats, files and the bot's calls; all in memory, used from one event loop.

Tests and the control API act as users through it; Bot API methods change it for the bot.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.sandbox.files import FileStore
from bot.sandbox.keyboards import callback_data
from bot.sandbox.telegram_objects import Message
from bot.sandbox.updates import UpdateQueue
from bot.sandbox.user_actions import UserActions

T = TypeVar("T")
CONTENT_KINDS = ("text", "photo", "animation", "document", "sticker", "video")


@dataclass(slots=True)
class RecordedCall:
    """One Bot API call. `at`: time.monotonic at its arrival, in seconds.

    `status`: the answer's HTTP status; None until the call is answered, 0 if the connection was closed instead.
    """

    method: str
    parameters: dict[str, Any]
    at: float
    status: int | None = None
    description: str = ""


class SandboxState(UserActions):
    """Users, chats, files and recorded calls. `calls_kept`: maximum recorded calls; the oldest are dropped."""

    def __init__(
        self,
        bot: dict[str, Any],
        files: FileStore,
        updates: UpdateQueue,
        messages_kept: int = 1000,
        calls_kept: int = 100_000,
        first_message_id: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(bot, files, updates, messages_kept, first_message_id, clock)
        self.calls: deque[RecordedCall] = deque(maxlen=calls_kept)

    async def wait_for(self, predicate: Callable[["SandboxState"], T], timeout_s: float = 60) -> T:
        """The predicate's first true value; it is evaluated again at every event.

        Raises TimeoutError, with a description of the state in its message.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not (value := predicate(self)):
                    await self.events.wait_next()
                return value
        except TimeoutError:
            raise TimeoutError(f"The condition was not met in {timeout_s} s.\n{self.describe()}") from None

    def describe(self) -> str:
        """The newest messages of each chat and the newest calls, for debugging."""
        lines = [f"{len(self.updates)} updates are unconfirmed."]
        for chat in self.chats.values():
            lines += [f"chat {chat.id} ({chat.title}):"] if chat.messages else []
            lines += [f"  {describe_message(message)}" for message in list(chat.messages.values())[-6:]]
        calls = [f"{call.method} {call.status} {call.description}".strip() for call in list(self.calls)[-8:]]
        return "\n".join([*lines, f"last calls: {'; '.join(calls) or 'none'}"])


def describe_message(message: Message) -> str:
    """A message's id, sender, text and callback data, in one line."""
    kind = next((key for key in CONTENT_KINDS if key in message), "?")
    text = message.get("text") or f"<{kind}> {message.get('caption', '')}"
    return f"{message['message_id']} {message['from']['first_name']}: {text[:200]!r} {callback_data(message) or ''}"
