"""Finds updates that can't be stored or understood, so that one of them ends neither the process nor the others."""

import json
import re
from collections.abc import Iterator
from typing import Any

from configs.chat import MAX_TELEGRAM_ID

MAX_DEPTH = 200
"""Nesting of an update. Python and SQLite refuse about 1000 levels; Telegram's own updates have about 10."""
MAX_ID = 2**63 - 1
UPDATE_ID = re.compile(r'"update_id"\s*:\s*(\d{1,18})\b')
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},]')
"""A string, or a character that structures JSON."""


def malformed_reason(update: Any) -> str | None:
    """Why an update can't be handled; None for one that can."""
    if not isinstance(update, dict):
        return "it is no object"
    if known_id(update) is None:
        return "it has no update_id"
    if is_too_deep(update):
        return "it is nested too deeply"
    for kind in ("message", "edited_message", "callback_query"):
        if kind in update and not isinstance(update[kind], dict):
            return f"its {kind} is no object"
    messages = (update.get("message", {}), update.get("edited_message", {}))
    if not all(isinstance(message.get("chat", {}), dict) for message in messages):
        return "its chat is no object"
    if has_odd_number(update):
        return "it has a number that Telegram doesn't use"
    try:
        json.dumps(update, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "its text has half of a surrogate pair"
    return None


def known_id(update: Any) -> int | None:
    """The update's number; None where it has none."""
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if type(number) is int and 0 <= number <= MAX_ID else None


def is_too_deep(value: Any) -> bool:
    """Whether a JSON value has more than MAX_DEPTH levels."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for part in level
            if isinstance(part, dict | list)
            for item in (part.values() if isinstance(part, dict) else part)
        ]
        if not level:
            return False
    return True


def has_odd_number(update: dict[str, Any]) -> bool:
    """Whether a number, besides the update's own, has more than 52 bits or is not finite. SQLite's have 63."""
    rest: list[Any] = [value for key, value in update.items() if key != "update_id"]
    while rest:
        part = rest.pop()
        if isinstance(part, dict):
            rest += part.values()
        elif isinstance(part, list):
            rest += part
        elif isinstance(part, int | float) and not abs(part) <= MAX_TELEGRAM_ID:
            return True
    return False


def parse_deep_updates(text: str) -> list[Any]:
    """The updates of a getUpdates response that is nested too deeply for `json`; of too deep ones only the number.

    Raises ValueError if the text is no such response.
    """
    updates: list[Any] = []
    for part in result_items(text):
        try:
            updates.append(json.loads(part))
        except RecursionError:
            number = UPDATE_ID.search(part)
            updates.append({"update_id": int(number[1]), "message": None} if number else None)
    return updates


def result_items(text: str) -> Iterator[str]:
    """The texts of the items of the array `result`. Raises ValueError if there is none."""
    opening = re.search(r'"result"\s*:\s*\[', text)
    if opening is None:
        raise ValueError("no result")
    depth, begin = 0, opening.end()
    for token in TOKEN.finditer(text, begin):
        symbol = token[0]
        if depth == 0 and symbol in ",]":
            if item := text[begin : token.start()].strip():
                yield item
            begin = token.end()
            if symbol == "]":
                return
        depth += (symbol in "[{") - (symbol in "]}")
