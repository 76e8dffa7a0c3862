"""What a Bot API method works with, and the table of all methods."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import ApiError
from bot.sandbox.flood_limits import FloodGuard
from bot.sandbox.parameters import CallParameters
from bot.sandbox.telegram_objects import Message, SandboxChat, SandboxUser
from bot.sandbox.updates import UpdateQueue
from bot.sandbox.webhook import WebhookSender
from bot.sandbox.world import SandboxState


@dataclass
class BotApi:
    """One bot's side of the world."""

    world: SandboxState
    updates: UpdateQueue
    webhook: WebhookSender
    floods: FloodGuard | None = None
    callback_timeout_s: float = 30.0
    commands: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)

    def default_commands(self) -> list[dict[str, str]]:
        """The commands for everybody whose language has none of its own."""
        return self.commands.get(scope_key({"type": "default"}, ""), [])

    def menu(self, chat: SandboxChat, person: SandboxUser) -> list[dict[str, str]]:
        """The commands that a person's menu shows in a chat: the narrowest list there is, in their language before
        the one for all (https://core.telegram.org/bots/api#determining-list-of-commands)."""
        kind = "all_private_chats" if chat.type == "private" else "all_group_chats"
        scopes = [
            {"type": "chat_member", "chat_id": chat.id, "user_id": person.id},
            {"type": "chat", "chat_id": chat.id},
            {"type": kind},
            {"type": "default"},
        ]
        keys = [scope_key(scope, language) for scope in scopes for language in (person.language_code, "")]
        return next((self.commands[key] for key in keys if key in self.commands), [])

    def chat(self, parameters: CallParameters) -> SandboxChat:
        """The chat named by `chat_id`. Raises Refusal where there is none."""
        given = parameters.text("chat_id").strip()
        if not given:
            raise ApiError("chat_id is empty")
        chat = self.world.chats.get(int(given)) if given.removeprefix("-").isdecimal() else None
        if chat is None:
            raise ApiError("chat not found")
        return chat

    def writable_chat(self, method: str, parameters: CallParameters) -> SandboxChat:
        """The same for a call that says something there. Raises Refusal 403 or 429 besides."""
        chat = self.chat(parameters)
        if chat.blocked:
            raise ApiError("bot was blocked by the user", 403)
        if chat.upgraded_to:
            raise ApiError("group chat was upgraded to a supergroup chat", upgraded_to=chat.upgraded_to)
        if self.floods:
            self.floods.check(method, chat.id)
        return chat

    def replied(self, chat: SandboxChat, parameters: CallParameters) -> Message | None:
        """The message that the bot replies to, by `reply_parameters` or the older `reply_to_message_id`."""
        given = CallParameters(parameters.json("reply_parameters", "reply parameters", dict) or {}, {})
        message_id = given.integer("message_id") or parameters.integer("reply_to_message_id")
        if not message_id:
            return None
        message = chat.messages.get(message_id)
        if message is None and not any(one.flag("allow_sending_without_reply") for one in (given, parameters)):
            raise ApiError("message to be replied not found")
        return message


def scope_key(scope: dict[str, Any], language_code: str) -> tuple[str, str]:
    """What a list of commands is kept under."""
    return repr(sorted(scope.items())), language_code


Method = Callable[[BotApi, CallParameters], Awaitable[Any]]
METHODS: dict[str, Method] = {}


def method(name: str) -> Callable[[Method], Method]:
    """Register a Bot API method under its name; Telegram ignores its case, and so does the sandbox."""

    def register(function: Method) -> Method:
        METHODS[name.lower()] = function
        return function

    return register
