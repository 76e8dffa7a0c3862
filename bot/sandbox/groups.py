"""Changes of groups: administrators, basic groups, and the upgrade to a supergroup."""

from bot.sandbox.errors import SandboxError
from bot.sandbox.state import SandboxState
from bot.sandbox.telegram_objects import SandboxChat

FIRST_BASIC_GROUP_ID = -4_001


def promote(world: SandboxState, chat_id: int, user_id: int, *, anonymous: bool = False) -> None:
    """Make a member, or the bot, an administrator. Raises SandboxError if the user is not in the group.

    Messages of an anonymous administrator are sent in the group's name; their button presses carry their own name.
    """
    chat = group(world, chat_id)
    if user_id not in (*chat.members, world.bot["id"]):
        raise SandboxError(f"{world.user(user_id).name} is not in the chat {chat.title}.")
    chat.administrators[user_id] = anonymous


def mute(world: SandboxState, chat_id: int, muted: bool = True) -> None:
    """Let the group's owner take or give back the bot's right to send messages. Raises SandboxError for no group."""
    chat = group(world, chat_id)
    chat.muted = muted
    statuses = ("member", "restricted") if muted else ("restricted", "member")
    world.put_membership_update(chat, world.user(chat.members[0]), *statuses)


def add_basic_group(world: SandboxState, title: str, member_ids: list[int]) -> int:
    """Add a basic group (not a supergroup); returns its id.

    As in Telegram, basic groups and private chats share one counter of message ids.
    """
    number = FIRST_BASIC_GROUP_ID - sum(chat.type == "group" for chat in world.chats.values())
    members = [world.user(member).id for member in member_ids]
    chat = world.chats[number] = SandboxChat(number, "group", title, members, world.private_message_ids)
    world.events.emit({"type": "chat", "chat": chat.summary()})
    return number


def upgrade(world: SandboxState, chat_id: int) -> int:
    """Upgrade a basic group to a supergroup; returns the supergroup's id. Raises SandboxError for a supergroup.

    Both chats get a service message with the other's id; later calls for the basic group are refused.
    Source: https://core.telegram.org/bots/api#message, `migrate_to_chat_id`.
    """
    old = group(world, chat_id)
    if old.type != "group":
        raise SandboxError("Only a group that isn't a supergroup yet can become one.")
    new = world.chats[world.add_chat("supergroup", old.title, list(old.members))]
    new.administrators = dict(old.administrators)
    owner = world.user(old.members[0]).user_object()
    for chat, content in ((old, {"migrate_to_chat_id": new.id}), (new, {"migrate_from_chat_id": old.id})):
        world.updates.put("message", world.post_message(chat, owner, content))
    old.upgraded_to = new.id
    return new.id


def group(world: SandboxState, chat_id: int) -> SandboxChat:
    """The group with this id. Raises SandboxError if there is none."""
    chat = world.chats.get(chat_id)
    if chat is None or chat.type == "private":
        raise SandboxError(f"There is no group {chat_id}.")
    return chat
