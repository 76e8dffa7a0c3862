"""Inline keyboards of messages, checked as Telegram does."""

from typing import Any

from bot.sandbox.errors import ApiError
from bot.sandbox.parameters import CallParameters
from bot.sandbox.telegram_objects import Message

MAX_CALLBACK_DATA_BYTES = 64
MAX_BUTTONS = 100
ACTIONS = (
    "callback_data",
    "url",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)


def reply_markup(parameters: CallParameters, inline_only: bool = False) -> dict[str, Any]:
    """`{"reply_markup": …}` for an inline keyboard, else `{}`: messages don't carry other keyboards.

    Raises ApiError if the keyboard is invalid, or is no inline one with `inline_only`.
    """
    markup = parameters.json("reply_markup", "reply keyboard markup", dict)
    if markup is None:
        return {}
    if "inline_keyboard" not in markup:
        if inline_only:
            raise ApiError("inline keyboard expected")
        return {}
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ApiError('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    keyboard = [[button(item) for item in row] for row in rows if row]
    if sum(map(len, keyboard)) > MAX_BUTTONS:
        raise ApiError("reply markup is too long")
    return {"reply_markup": {"inline_keyboard": keyboard}} if keyboard else {}


def asks_for_reply(parameters: CallParameters) -> bool:
    """Whether the apps open a reply to the message that is sent (https://core.telegram.org/bots/api#forcereply)."""
    return bool((parameters.json("reply_markup", "reply keyboard markup", dict) or {}).get("force_reply"))


def selective(parameters: CallParameters) -> bool:
    """Whether that is for mentioned users, and the sender of the message that is replied to, only."""
    return bool((parameters.json("reply_markup", "reply keyboard markup", dict) or {}).get("selective"))


def asked_users(message: Message) -> list[int]:
    """The users whom a selective reply field is for; in a private chat its user."""
    if message["chat"]["type"] == "private":
        return [message["chat"]["id"]]
    mentioned = [entity["user"]["id"] for entity in message.get("entities", ()) if "user" in entity]
    return [*mentioned, message.get("reply_to_message", {}).get("from", {}).get("id", 0)]


def button(item: Any) -> dict[str, Any]:
    """One inline button without empty fields. Raises ApiError if it is invalid."""
    if not isinstance(item, dict):
        raise button_error("expected an Object")
    if not isinstance(item.get("text"), str):
        raise button_error('Field "text" must be of type String')
    if not item["text"].strip():
        raise ApiError("inline keyboard button text is empty")
    if not any(action in item for action in ACTIONS):
        raise button_error("Text buttons are unallowed in the inline keyboard")
    data = item.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= MAX_CALLBACK_DATA_BYTES:
        raise ApiError("BUTTON_DATA_INVALID")
    if "url" in item and not str(item["url"]).startswith(("http://", "https://", "tg://")):
        raise ApiError(f"inline keyboard button URL '{item['url']}' is invalid: Wrong HTTP URL")
    return {key: value for key, value in item.items() if value is not None}


def button_error(reason: str) -> ApiError:
    return ApiError(f"can't parse inline keyboard button: {reason}")


def callback_data(message: Message) -> list[str]:
    """The callback data of all buttons of a message."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [item["callback_data"] for row in rows for item in row if "callback_data" in item]
