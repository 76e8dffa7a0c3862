"""What happens to groups: administrators come, some of them anonymous, and a group becomes a supergroup."""

from bot.sandbox.errors import SandboxError
from bot.sandbox.telegram_objects import SandboxChat
from bot.sandbox.world import SandboxState

FIRST_BASIC_GROUP_ID = -4_001


def promote(world: SandboxState, chat_id: int, person_id: int, *, anonymous: bool = False) -> None:
    """Make a member, or the bot, an administrator; an anonymous one says everything in the group's name, and presses
    buttons in their own.
    """
    chat = group(world, chat_id)
    if person_id not in (*chat.members, world.bot["id"]):
        raise SandboxError(f"{world.person(person_id).name} is not in the chat {chat.title}.")
    chat.administrators[person_id] = anonymous


def add_basic_group(world: SandboxState, title: str, member_ids: list[int]) -> int:
    """A group that is no supergroup yet.

    As in Telegram it shares its message ids with private chats. Returns its id.
    """
    number = FIRST_BASIC_GROUP_ID - sum(chat.type == "group" for chat in world.chats.values())
    members = [world.person(member).id for member in member_ids]
    chat = world.chats[number] = SandboxChat(number, "group", title, members, world.private_message_ids)
    world.events.emit({"type": "chat", "chat": chat.summary()})
    return number


def upgrade(world: SandboxState, chat_id: int) -> int:
    """A group becomes a supergroup with a new id, which both are told; calls for the old one are refused from then on.

    Returns the new id (https://core.telegram.org/bots/api#message, `migrate_to_chat_id`).
    """
    old = group(world, chat_id)
    if old.type != "group":
        raise SandboxError("Only a group that isn't a supergroup yet can become one.")
    new = world.chats[world.add_chat("supergroup", old.title, list(old.members))]
    new.administrators = dict(old.administrators)
    owner = world.person(old.members[0]).user()
    for chat, said in ((old, {"migrate_to_chat_id": new.id}), (new, {"migrate_from_chat_id": old.id})):
        world.updates.put("message", world.post(chat, owner, said))
    old.upgraded_to = new.id
    return new.id


def group(world: SandboxState, chat_id: int) -> SandboxChat:
    """The group of that id. Raises SandboxError where there is none."""
    chat = world.chats.get(chat_id)
    if chat is None or chat.type == "private":
        raise SandboxError(f"There is no group {chat_id}.")
    return chat
