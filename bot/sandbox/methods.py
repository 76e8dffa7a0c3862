"""Bot API methods of the bot itself, its updates, files, chats and commands.

`load_methods()` fills the table of methods; methods of messages are in `methods_send` and `methods_edit`.
"""

import re
from typing import Any

from bot.sandbox.api import METHODS, BotApi, Method, method, scope_key
from bot.sandbox.chats import RESTRICTED_RIGHTS
from bot.sandbox.errors import ApiError
from bot.sandbox.files import DOWNLOAD_LIMIT
from bot.sandbox.parameters import CallParameters
from bot.sandbox.telegram_objects import SandboxChat
from bot.sandbox.text_entities import units

CALLBACK_TEXT_LIMIT = 200
SECRET_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,256}")
COMMAND = re.compile(r"/?[a-z0-9_]{1,32}")
OWNER_RIGHTS = {"is_anonymous": False}
RIGHTS = dict.fromkeys(
    (
        "can_be_edited",
        "can_manage_chat",
        "can_delete_messages",
        "can_manage_video_chats",
        "can_restrict_members",
        "can_promote_members",
        "can_change_info",
        "can_invite_users",
        "can_post_stories",
        "can_edit_stories",
        "can_delete_stories",
        "can_pin_messages",
    ),
    False,
)


def load_methods() -> dict[str, Method]:
    """The table of all methods, by their names in lower case."""
    from bot.sandbox import methods_edit, methods_send  # noqa: F401  (they register themselves)

    return METHODS


@method("getMe")
async def get_me(api: BotApi, parameters: CallParameters) -> dict[str, Any]:
    return api.world.bot


@method("getUpdates")
async def get_updates(api: BotApi, parameters: CallParameters) -> list[dict[str, Any]]:
    refuse_beside_webhook(api)
    allow_updates(api, parameters)
    updates = await api.updates.get(
        parameters.integer("offset"), parameters.integer("limit", 100), parameters.integer("timeout")
    )
    refuse_beside_webhook(api)
    return updates


def refuse_beside_webhook(api: BotApi) -> None:
    if api.webhook.url:
        raise ApiError(
            "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first", 409
        )


def allow_updates(api: BotApi, parameters: CallParameters) -> None:
    allowed = parameters.json("allowed_updates", "allowed updates", list)
    if allowed is not None:
        api.updates.allowed = [str(kind) for kind in allowed]


@method("setWebhook")
async def set_webhook(api: BotApi, parameters: CallParameters) -> bool:
    """Accepts http addresses too, like Telegram's server in local mode."""
    url, secret_token = parameters.text("url").strip(), parameters.text("secret_token")
    if url and not re.match(r"https?://[^/\s]+", url):
        raise ApiError("bad webhook: invalid webhook URL specified")
    if secret_token and not SECRET_TOKEN.fullmatch(secret_token):
        raise ApiError("secret token contains unallowed characters")
    allow_updates(api, parameters)
    if parameters.flag("drop_pending_updates"):
        api.updates.clear()
    await api.webhook.set(url, secret_token, min(max(parameters.integer("max_connections", 40), 1), 100))
    return True


@method("deleteWebhook")
async def delete_webhook(api: BotApi, parameters: CallParameters) -> bool:
    if parameters.flag("drop_pending_updates"):
        api.updates.clear()
    await api.webhook.set("")
    return True


@method("getWebhookInfo")
async def get_webhook_info(api: BotApi, parameters: CallParameters) -> dict[str, Any]:
    return api.webhook.info()


@method("getFile")
async def get_file(api: BotApi, parameters: CallParameters) -> dict[str, Any]:
    file_id = parameters.text("file_id")
    if not file_id:
        raise ApiError("file_id not specified")
    file = api.world.files.get(file_id)
    if file is None or await api.world.files.read(file) is None:
        raise ApiError("wrong file_id or the file is temporarily unavailable")
    if (file.size or 0) > DOWNLOAD_LIMIT:
        raise ApiError("file is too big")
    return {"file_id": file.id, "file_unique_id": file.unique_id, "file_size": file.size, "file_path": file.path}


@method("answerCallbackQuery")
async def answer_callback_query(api: BotApi, parameters: CallParameters) -> bool:
    world = api.world
    callback = world.callbacks.get(parameters.text("callback_query_id"))
    if callback is None or callback.answer is not None or world.clock() - callback.at > api.callback_timeout_s:
        raise ApiError("query is too old and response timeout expired or query ID is invalid")
    text = parameters.text("text")
    if units(text) > CALLBACK_TEXT_LIMIT:
        raise ApiError("MESSAGE_TOO_LONG")
    callback.answer = {
        "text": text,
        "show_alert": parameters.flag("show_alert"),
        "url": parameters.text("url"),
        "cache_time": parameters.integer("cache_time"),
    }
    callback.answered.set()
    query_id = parameters.text("callback_query_id")
    world.events.emit(
        {"type": "answer", "chat_id": callback.chat_id, "callback_query_id": query_id, "answer": callback.answer}
    )
    return True


@method("setMyCommands")
async def set_my_commands(api: BotApi, parameters: CallParameters) -> bool:
    commands = parameters.json("commands", "commands", list) or []
    if len(commands) > 100:
        raise ApiError("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not isinstance(command, dict) or not COMMAND.fullmatch(str(command.get("command", ""))):
            raise ApiError("BOT_COMMAND_INVALID")
        if not 1 <= units(str(command.get("description", ""))) <= 256:
            raise ApiError("BOT_COMMAND_DESCRIPTION_INVALID")
    api.commands[scope(parameters)] = [
        {"command": command["command"].removeprefix("/"), "description": command["description"]} for command in commands
    ]
    api.world.events.emit({"type": "commands"})
    return True


@method("getMyCommands")
async def get_my_commands(api: BotApi, parameters: CallParameters) -> list[dict[str, str]]:
    return api.commands.get(scope(parameters), [])


@method("deleteMyCommands")
async def delete_my_commands(api: BotApi, parameters: CallParameters) -> bool:
    api.commands.pop(scope(parameters), None)
    return True


def scope(parameters: CallParameters) -> tuple[str, str]:
    scope_object = parameters.json("scope", "BotCommandScope", dict) or {"type": "default"}
    return scope_key(scope_object, parameters.text("language_code"))


@method("getChat")
async def get_chat(api: BotApi, parameters: CallParameters) -> dict[str, Any]:
    gifts = {
        "unlimited_gifts": False,
        "limited_gifts": False,
        "unique_gifts": False,
        "premium_subscription": False,
        "gifts_from_channels": False,
    }
    return {
        **api.chat(parameters).chat_object(),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": gifts,
    }


@method("leaveChat")
async def leave_chat(api: BotApi, parameters: CallParameters) -> bool:
    chat = api.chat(parameters)
    if chat.type == "private":
        raise ApiError("chat member status can't be changed in private chats")
    if chat.left:
        raise ApiError("bot is not a member of the supergroup chat", 403)
    api.world.leave(chat)
    return True


@method("getChatMember")
async def get_chat_member(api: BotApi, parameters: CallParameters) -> dict[str, Any]:
    chat, user_id = api.chat(parameters), parameters.integer("user_id")
    if user_id == api.world.bot["id"]:
        rights: dict[str, Any] = {"status": "member"}
        if chat.left:
            rights = {"status": "left"}
        elif chat.muted:
            rights = {"status": "restricted", "until_date": 0, "is_member": True}
            rights |= dict.fromkeys(RESTRICTED_RIGHTS, False)
        elif user_id in chat.administrators:
            rights = {"status": "administrator", **RIGHTS, "is_anonymous": False}
        return {"user": api.world.bot_user(), **rights}
    if user_id not in api.world.users:
        raise ApiError("PARTICIPANT_ID_INVALID" if user_id > 0 else "invalid user_id specified")
    if chat.hides_members:
        raise ApiError("CHAT_ADMIN_REQUIRED")
    return member(api, chat, user_id)


@method("getChatAdministrators")
async def get_chat_administrators(api: BotApi, parameters: CallParameters) -> list[dict[str, Any]]:
    chat = api.chat(parameters)
    if chat.type == "private":
        raise ApiError("there are no administrators in the private chat")
    return [member(api, chat, user) for user in (chat.members[0], *chat.administrators) if user in chat.members]


@method("getChatMemberCount")
async def get_chat_member_count(api: BotApi, parameters: CallParameters) -> int:
    return len(api.chat(parameters).members) + 1


def member(api: BotApi, chat: SandboxChat, user_id: int) -> dict[str, Any]:
    """Telegram's ChatMember object; a group's first member is its owner."""
    user = api.world.users[user_id].user_object()
    if user_id not in chat.members:
        return {"user": user, "status": "left"}
    if user_id in chat.administrators:
        return {"user": user, "status": "administrator", **RIGHTS, "is_anonymous": chat.administrators[user_id]}
    owner = chat.type != "private" and chat.members[0] == user_id
    return {"user": user, "status": "creator", **OWNER_RIGHTS} if owner else {"user": user, "status": "member"}
