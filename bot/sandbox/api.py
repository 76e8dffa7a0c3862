"""The Bot API: the context of its methods and the table of all methods."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import ApiError
from bot.sandbox.flood_limits import FloodGuard
from bot.sandbox.parameters import CallParameters
from bot.sandbox.state import SandboxState
from bot.sandbox.telegram_objects import Message, SandboxChat, SandboxUser
from bot.sandbox.updates import UpdateQueue
from bot.sandbox.webhook import WebhookSender

MAX_ID_CHARS = 20
"""Python refuses to parse numbers of thousands of digits."""


@dataclass
class BotApi:
    """What Bot API methods work with: the sandbox's state, its updates, webhook, flood limits and commands."""

    world: SandboxState
    updates: UpdateQueue
    webhook: WebhookSender
    floods: FloodGuard | None = None
    callback_timeout_s: float = 30.0
    commands: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)

    def default_commands(self) -> list[dict[str, str]]:
        """The commands of the default scope without a language."""
        return self.commands.get(scope_key({"type": "default"}, ""), [])

    def menu(self, chat: SandboxChat, user: SandboxUser) -> list[dict[str, str]]:
        """The commands in the user's menu in a chat: the narrowest scope first, then the user's language first.

        Source: https://core.telegram.org/bots/api#determining-list-of-commands
        """
        kind = "all_private_chats" if chat.type == "private" else "all_group_chats"
        scopes: list[dict[str, Any]] = [
            {"type": "chat_member", "chat_id": chat.id, "user_id": user.id},
            {"type": "chat", "chat_id": chat.id},
            {"type": kind},
            {"type": "default"},
        ]
        keys = [scope_key(scope, language) for scope in scopes for language in (user.language_code, "")]
        return next((self.commands[key] for key in keys if key in self.commands), [])

    def chat(self, parameters: CallParameters) -> SandboxChat:
        """The chat of parameter `chat_id`. Raises ApiError if there is none."""
        chat_id = parameters.text("chat_id").strip()
        if not chat_id:
            raise ApiError("chat_id is empty")
        is_number = len(chat_id) <= MAX_ID_CHARS and chat_id.removeprefix("-").isdecimal()
        chat = self.world.chats.get(int(chat_id)) if is_number else None
        if chat is None:
            raise ApiError("chat not found")
        return chat

    def writable_chat(self, method: str, parameters: CallParameters) -> SandboxChat:
        """The chat, for a call that writes to it. Raises ApiError: 403 if blocked, 400 if muted or upgraded, 429."""
        chat = self.chat(parameters)
        if chat.left:
            raise ApiError(f"bot is not a member of the {chat.type} chat", 403)
        if chat.blocked:
            raise ApiError("bot was blocked by the user", 403)
        if chat.muted:
            raise ApiError("not enough rights to send text messages to the chat")
        if chat.upgraded_to:
            raise ApiError("group chat was upgraded to a supergroup chat", upgraded_to=chat.upgraded_to)
        if self.floods:
            self.floods.check(method, chat.id)
        return chat

    def replied(self, chat: SandboxChat, parameters: CallParameters) -> Message | None:
        """The message that the bot replies to, by `reply_parameters` or the older `reply_to_message_id`.

        Returns None if the bot replies to none. Raises ApiError if the message is gone and the call needs it.
        """
        reply = CallParameters(parameters.json("reply_parameters", "reply parameters", dict) or {}, {})
        message_id = reply.integer("message_id") or parameters.integer("reply_to_message_id")
        if not message_id:
            return None
        message = chat.messages.get(message_id)
        if message is None and not any(source.flag("allow_sending_without_reply") for source in (reply, parameters)):
            raise ApiError("message to be replied not found")
        return message


def scope_key(scope: dict[str, Any], language_code: str) -> tuple[str, str]:
    """The key of a list of commands in `BotApi.commands`."""
    return repr(sorted(scope.items())), language_code


Method = Callable[[BotApi, CallParameters], Awaitable[Any]]
METHODS: dict[str, Method] = {}


def method(name: str) -> Callable[[Method], Method]:
    """Register a Bot API method; as in Telegram, the case of its name is ignored."""

    def register(function: Method) -> Method:
        METHODS[name.lower()] = function
        return function

    return register
