"""Finds the admin: the first user who sends the bot a one-time code.

Updates are read from Telegram without being confirmed, so that the bot gets all of them at its start, the code's too.
"""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from telegram.error import NetworkError, RetryAfter, TelegramError

from bot.telegram.client import TelegramClient
from bot.telegram.rate_limiter import retry_after_seconds
from configs.chat import SHARED_IDS
from configs.settings import Settings

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without characters that look alike: 0 and O, 1, I and L."""
CODE_LENGTH = 12
"""31¹² codes: about 59 bits."""
LIFETIME_S = 600.0
POLL_S = 20
PAUSE_S = 1.0
"""Between two calls where updates wait: Telegram answers at once then."""
MOST_UPDATES = 100
"""Updates of one answer of getUpdates. Later ones can't be read without confirming these."""


class UpdateBacklog(Exception):
    """So many updates wait for the bot that newer ones can't be seen without losing these."""


@dataclass(frozen=True)
class CodeSender:
    """The user who sent the code, as Telegram describes them."""

    id: int
    name: str


def make_code() -> str:
    """A random code for a deep link (https://core.telegram.org/bots/features#deep-linking)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


async def wait_for_code(
    settings: Settings, code: str, greeting: str, lifetime_s: float = LIFETIME_S
) -> CodeSender | None:
    """Wait for `/start CODE` in a private chat; the sender gets `greeting`. None if the time is over.

    Raises UpdateBacklog, Conflict where another program fetches the bot's updates or has set a webhook, other
    TelegramErrors where Telegram refuses the call.
    """
    async with TelegramClient(settings) as client:
        try:
            async with asyncio.timeout(lifetime_s):
                sender = await _find_sender(client, code)
        except TimeoutError:
            return None
        with suppress(TelegramError):  # the terminal says it too
            await client.send_message(sender.id, greeting)
        return sender


async def _find_sender(client: TelegramClient, code: str) -> CodeSender:
    while True:
        try:
            updates = await client.raw_updates(0, POLL_S)
        except RetryAfter as error:
            await asyncio.sleep(retry_after_seconds(error))
            continue
        except NetworkError:
            await asyncio.sleep(PAUSE_S)
            continue
        for update in updates:
            if sender := sender_of(update, code):
                return sender
        if len(updates) >= MOST_UPDATES:
            raise UpdateBacklog
        if updates:
            await asyncio.sleep(PAUSE_S)


def sender_of(update: dict[str, Any], code: str) -> CodeSender | None:
    """The user of an update that is `/start CODE` in a private chat; None for every other update."""
    message = update.get("message")
    if not isinstance(message, dict) or message.get("chat", {}).get("type") != "private":
        return None
    command, _, given = str(message.get("text", "")).partition(" ")
    user = message.get("from", {})
    own = command.partition("@")[0] == "/start" and secrets.compare_digest(given.strip().encode(), code.encode())
    if not own or user.get("is_bot") or user.get("id") in SHARED_IDS:
        return None
    name = "".join(letter for letter in str(user.get("first_name", "")) if letter.isprintable())
    return CodeSender(int(user["id"]), name)
