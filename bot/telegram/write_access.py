"""Where Telegram refuses the bot's messages, and the topic of a forum that the current update is in.

A refusal such as CHAT_WRITE_FORBIDDEN is a state of the chat and no defect. Telegram sends it as a 400; the client
raises it as Forbidden, like the 403 of a user who has blocked the bot.
"""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar

from telegram.error import BadRequest, Forbidden, TelegramError

log = logging.getLogger(__name__)

RETRY_S = 3600.0
"""A chat is tried again after this time, because not every change of its rights reaches the bot as an update."""
CHAT_REFUSALS = (
    "not enough rights",
    "have no rights",
    "have no write access",
    "need administrator rights",
    "chat_admin_required",
    "chat_write_forbidden",
    "chat_restricted",
    "chat_send_",
    "chat not found",
)
TOPIC_REFUSALS = ("topic_closed", "topic_deleted", "message thread not found")
"""Parts of descriptions of errors, in lower case, from tdlib/td and https://core.telegram.org/method/messages.sendMessage.

Those of TOPIC_REFUSALS are about one topic.
"""

TOPIC: ContextVar[tuple[int, int] | None] = ContextVar("topic", default=None)
"""The chat and the `message_thread_id` of the update that the current task handles; None outside of a topic."""


def current_topic(chat_id: int) -> int | None:
    """The topic of the current update if it is in that chat."""
    topic = TOPIC.get()
    return topic[1] if topic and topic[0] == chat_id else None


class WriteAccess:
    """The chats and topics where the bot may not write; all others are assumed to be writable.

    `refused`: when each was refused (`clock`'s seconds), by chat and topic; topic None stands for the whole chat.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.refused: dict[tuple[int, int | None], float] = {}

    def is_refused(self, chat_id: int) -> bool:
        """Whether messages to the chat, in the current update's topic, were refused less than RETRY_S ago."""
        refused_at = [self.refused.get(key) for key in ((chat_id, None), (chat_id, current_topic(chat_id)))]
        return any(at is not None and self._clock() - at < RETRY_S for at in refused_at)

    def refuse(self, chat_id: int, reason: str, topic: int | None = None) -> None:
        """Note a refusal. Only the first one until `allow` is logged."""
        if (chat_id, topic) not in self.refused:
            log.info("chat %d: the bot may not write there: %s", chat_id, reason)
        self.refused[chat_id, topic] = self._clock()

    def allow(self, chat_id: int, topic: int | None = None) -> None:
        """Note that the bot may write to the chat, and to that topic of it."""
        for key in ((chat_id, None), (chat_id, topic)):
            if self.refused.pop(key, None) is not None:
                log.info("chat %d: the bot may write there again", chat_id)

    def record_error(self, endpoint: str, chat_id: int, error: TelegramError) -> TelegramError:
        """The error to raise for a failed call: Forbidden where the bot may not write, else the same error."""
        text = str(error).lower()
        about_topic = any(part in text for part in TOPIC_REFUSALS)
        if isinstance(error, BadRequest) and not about_topic and not any(part in text for part in CHAT_REFUSALS):
            return error
        if endpoint == "sendMessage":  # the right to send pictures is another one
            self.refuse(chat_id, str(error), current_topic(chat_id) if about_topic else None)
        return Forbidden(str(error)) if isinstance(error, BadRequest) else error
