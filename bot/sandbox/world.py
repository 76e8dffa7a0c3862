"""The sandbox's world: people, chats, messages, and what people do. All of it in memory, used from one event loop.

People act through the methods here; the bot acts through the Bot API, whose methods use `post`, `replace` and `remove`.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from bot.sandbox import media
from bot.sandbox.errors import SandboxError
from bot.sandbox.events import EventStream
from bot.sandbox.files import FileStore
from bot.sandbox.telegram_objects import FIRST_GROUP_ID, FIRST_PERSON_ID, Message, SandboxChat, SandboxUser
from bot.sandbox.text_entities import found_entities
from bot.sandbox.updates import UpdateQueue, first_number

T = TypeVar("T")
CALLBACKS_KEPT = 10_000


@dataclass(slots=True)
class RecordedCall:
    """One call of the bot. `at`: seconds of time.monotonic at its arrival. `status`: the HTTP status of the answer;
    None while it is under way, 0 where the connection was cut instead of an answer."""

    method: str
    parameters: dict[str, Any]
    at: float
    status: int | None = None
    description: str = ""


@dataclass(slots=True)
class PendingCallback:
    """A pressed button that waits for answerCallbackQuery."""

    at: float
    chat_id: int
    answer: dict[str, Any] | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class SandboxState:
    """See the module. `bot` is Telegram's User object of the bot; `messages_kept` bounds each chat, whose
    messages are numbered from `first_message_id`."""

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
        self.bot = bot
        self.files = files
        self.updates = updates
        self.messages_kept = messages_kept
        self.clock = clock
        self.events = EventStream()
        self.calls: deque[RecordedCall] = deque(maxlen=calls_kept)
        self.people: dict[int, SandboxUser] = {}
        self.chats: dict[int, SandboxChat] = {}
        self.callbacks: OrderedDict[str, PendingCallback] = OrderedDict()
        self._first_message_id = first_message_id
        self.private_message_ids = count(first_message_id)
        self._ids = count(first_number(clock()))
        members = [self.add_person(name, code).id for name, code in (("Alice", "en"), ("Bob", "en"), ("小明", "zh"))]
        self.group_id = self.add_chat("supergroup", "Joke lovers", members)

    def add_person(self, name: str, language_code: str = "en", username: str | None = None) -> SandboxUser:
        """A new person with an open private chat with the bot."""
        person = SandboxUser(FIRST_PERSON_ID + len(self.people), name, language_code, username)
        self.people[person.id] = person
        self.chats[person.id] = SandboxChat(person.id, "private", name, [person.id], self.private_message_ids)
        self.events.emit({"type": "person", "person": person.summary()})
        return person

    def add_group(self, title: str, member_ids: Iterable[int]) -> int:
        """A new supergroup with these people and the bot; its first member made it. Returns its id."""
        members = [self.person(member).id for member in member_ids]
        if not members:
            raise SandboxError("A group needs at least one person.")
        group_id = self.add_chat("supergroup", title, members)
        self._membership(self.chats[group_id], self.people[members[0]], "left", "member")
        return group_id

    def add_chat(self, kind: str, title: str, members: list[int]) -> int:
        """A new chat of that type, which nobody is told of. Returns its id."""
        groups = sum(chat.type != "private" for chat in self.chats.values())
        chat = SandboxChat(FIRST_GROUP_ID - groups, kind, title, members, count(self._first_message_id))
        self.chats[chat.id] = chat
        self.events.emit({"type": "chat", "chat": chat.summary()})
        return chat.id

    def private_chat(self, person_id: int) -> int:
        """The id of the person's chat with the bot."""
        return self.person(person_id).id

    def person(self, person_id: int) -> SandboxUser:
        if person_id not in self.people:
            raise SandboxError(f"There is no person {person_id}.")
        return self.people[person_id]

    def block(self, person_id: int, blocked: bool = True) -> None:
        """The person blocks the bot (or lets it in again): what it sends there is refused with 403."""
        chat = self.chats[self.private_chat(person_id)]
        chat.blocked = blocked
        self._membership(chat, self.person(person_id), *(("member", "kicked") if blocked else ("kicked", "member")))

    def _membership(self, chat: SandboxChat, person: SandboxUser, before: str, after: str) -> None:
        def member(status: str) -> dict[str, Any]:
            until = {"until_date": 0} if status == "kicked" else {}
            return {"user": self.bot_user(), "status": status, **until}

        self.updates.put(
            "my_chat_member",
            {
                "chat": chat.shape(),
                "from": person.user(),
                "date": int(self.clock()),
                "old_chat_member": member(before),
                "new_chat_member": member(after),
            },
        )

    def bot_user(self) -> dict[str, Any]:
        """The bot's User object as messages carry it."""
        return {key: self.bot[key] for key in ("id", "is_bot", "first_name", "username")}

    # What people do ------------------------------------------------------------------------------------------------

    def send_text(self, person_id: int, chat_id: int, text: str, reply_to: int | None = None) -> Message:
        """A text message; returns the message, as all of these do."""
        entities = found_entities(text)
        return self._say(person_id, chat_id, {"text": text, **({"entities": entities} if entities else {})}, reply_to)

    def send_photo(
        self,
        person_id: int,
        chat_id: int,
        data: bytes,
        caption: str | None = None,
        reply_to: int | None = None,
        album: str | None = None,
    ) -> Message:
        """`album` is the media_group_id of an album that it belongs to, for photos of one that arrive apart."""
        group = {"media_group_id": album} if album else {}
        return self._say(person_id, chat_id, {**media.photo(self.files, data), **group}, reply_to, caption)

    def send_document(
        self,
        person_id: int,
        chat_id: int,
        data: bytes,
        file_name: str | None = None,
        mime_type: str | None = None,
        caption: str | None = None,
        reply_to: int | None = None,
    ) -> Message:
        return self._say(person_id, chat_id, media.document(self.files, data, file_name, mime_type), reply_to, caption)

    def send_sticker(self, person_id: int, chat_id: int, data: bytes, reply_to: int | None = None) -> Message:
        return self._say(person_id, chat_id, media.sticker(self.files, data), reply_to)

    def send_animation(
        self,
        person_id: int,
        chat_id: int,
        data: bytes,
        thumbnail: bytes | None = None,
        caption: str | None = None,
        reply_to: int | None = None,
    ) -> Message:
        return self._say(person_id, chat_id, media.animation(self.files, data, thumbnail), reply_to, caption)

    def send_video(
        self,
        person_id: int,
        chat_id: int,
        data: bytes,
        thumbnail: bytes | None = None,
        caption: str | None = None,
        reply_to: int | None = None,
    ) -> Message:
        return self._say(person_id, chat_id, media.video(self.files, data, thumbnail), reply_to, caption)

    def send_album(
        self,
        person_id: int,
        chat_id: int,
        pictures: list[bytes],
        captions: list[str | None] | None = None,
        reply_to: int | None = None,
    ) -> list[Message]:
        """Photos with one `media_group_id`: one message and one update each."""
        if not 2 <= len(pictures) <= 10:
            raise SandboxError("An album has 2 to 10 photos.")
        group = {"media_group_id": self.new_id()}
        every = captions or [None] * len(pictures)
        return [
            self._say(person_id, chat_id, {**media.photo(self.files, data), **group}, reply_to, caption)
            for data, caption in zip(pictures, every, strict=True)
        ]

    def edit_text(self, person_id: int, chat_id: int, message_id: int, text: str) -> Message:
        """A person changes their text or caption; the bot gets `edited_message`."""
        message = self.message(chat_id, message_id)
        if message is None or message["from"]["id"] != person_id:
            raise SandboxError("A person can edit only a message of their own.")
        what = "text" if "text" in message else "caption"
        entities = "entities" if what == "text" else "caption_entities"
        kept = {key: value for key, value in message.items() if key != entities}
        found = found_entities(text)
        edited = self.replace({**kept, what: text, **({entities: found} if found else {})})
        self.updates.put("edited_message", edited)
        return edited

    def press(self, person_id: int, chat_id: int, message_id: int, data: str, forged: bool = False) -> str:
        """Press the button with this callback data; returns the query's id. A forged press, as of a modified client,
        needs no button."""
        message = self.message(chat_id, message_id)
        if message is None:
            raise SandboxError(f"There is no message {message_id} in chat {chat_id}.")
        if not forged and data not in callback_data(message):
            raise SandboxError(f"The message has no button {data!r}; it has {callback_data(message)}.")
        person = self._member(person_id, chat_id)
        query_id = self.new_id()
        self.callbacks[query_id] = PendingCallback(self.clock(), chat_id)
        while len(self.callbacks) > CALLBACKS_KEPT:
            self.callbacks.popitem(last=False)
        self.updates.put(
            "callback_query",
            {
                "id": query_id,
                "from": person.user(),
                "message": message,
                "data": data,
                "chat_instance": str(abs(chat_id) * 7919),
            },
        )
        self.events.touch()
        return query_id

    async def answer(self, callback_query_id: str, timeout_s: float = 15) -> dict[str, Any] | None:
        """The bot's answer to a press, `{"text", "show_alert", …}`; None where none came in time."""
        callback = self.callbacks[callback_query_id]
        try:
            async with asyncio.timeout(timeout_s):
                await callback.answered.wait()
        except TimeoutError:
            return None
        return callback.answer

    def _say(
        self, person_id: int, chat_id: int, content: dict[str, Any], reply_to: int | None, caption: str | None = None
    ) -> Message:
        person = self._member(person_id, chat_id)
        if caption:
            entities = found_entities(caption)
            content = {**content, "caption": caption, **({"caption_entities": entities} if entities else {})}
        replied = None
        if reply_to is not None:
            replied = self.message(chat_id, reply_to)
            if replied is None:
                raise SandboxError(f"There is no message {reply_to} in chat {chat_id} to reply to.")
        sender, more = self.chats[chat_id].sender(person)
        message = self.post(self.chats[chat_id], sender, {**more, **content}, replied)
        self.updates.put("message", message)
        return message

    def _member(self, person_id: int, chat_id: int) -> SandboxUser:
        person = self.person(person_id)
        if chat_id not in self.chats:
            raise SandboxError(f"There is no chat {chat_id}.")
        if person_id not in self.chats[chat_id].members:
            raise SandboxError(f"{person.name} is not in the chat {self.chats[chat_id].title}.")
        return person

    # What everybody's actions come to ------------------------------------------------------------------------------

    def new_id(self) -> str:
        return str(next(self._ids))

    def post(
        self, chat: SandboxChat, sender: dict[str, Any], content: dict[str, Any], replied: Message | None = None
    ) -> Message:
        """Put a message into a chat."""
        message = {
            "message_id": next(chat.message_ids),
            "from": sender,
            "chat": chat.shape(),
            "date": int(self.clock()),
        }
        if replied:
            message["reply_to_message"] = {key: value for key, value in replied.items() if key != "reply_to_message"}
        message.update(content)
        chat.messages[message["message_id"]] = message
        while len(chat.messages) > self.messages_kept:
            chat.messages.popitem(last=False)
        self.events.emit({"type": "message", "chat_id": chat.id, "message": message})
        return message

    def replace(self, message: Message) -> Message:
        """Put an edited message in its old one's place."""
        edited = {**message, "edit_date": int(self.clock())}
        chat = self.chats[message["chat"]["id"]]
        chat.messages[message["message_id"]] = edited
        self.events.emit({"type": "edit", "chat_id": chat.id, "message": edited})
        return edited

    def remove(self, chat: SandboxChat, message_id: int) -> None:
        """Take a message away."""
        del chat.messages[message_id]
        self.events.emit(
            {"type": "delete", "chat_id": chat.id, "message_id": message_id, "message": {"message_id": message_id}}
        )

    def message(self, chat_id: int, message_id: int) -> Message | None:
        chat = self.chats.get(chat_id)
        return chat.messages.get(message_id) if chat else None

    def messages(self, chat_id: int) -> list[Message]:
        """The chat's messages as they are now, oldest first."""
        if chat_id not in self.chats:
            raise SandboxError(f"There is no chat {chat_id}.")
        return list(self.chats[chat_id].messages.values())

    async def wait_for(self, predicate: Callable[["SandboxState"], T], timeout_s: float = 60) -> T:
        """The predicate's first true value; it is asked again at every event. Raises TimeoutError, which says what the
        world looked like."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (value := predicate(self)):
                    await self.events.next()
                return value
        except TimeoutError:
            raise TimeoutError(f"The world did not come to that in {timeout_s} s.\n{self.describe()}") from None

    def describe(self) -> str:
        """The world in a few lines, for people who look for a mistake."""
        lines = [f"{len(self.updates)} updates are unconfirmed."]
        for chat in self.chats.values():
            lines += [f"chat {chat.id} ({chat.title}):"] if chat.messages else []
            for message in list(chat.messages.values())[-6:]:
                kind = next(
                    (key for key in ("text", "photo", "animation", "document", "sticker", "video") if key in message),
                    "?",
                )
                said = message.get("text") or f"<{kind}> {message.get('caption', '')}"
                lines.append(
                    f"  {message['message_id']} {message['from']['first_name']}: {said[:200]!r} "
                    f"{callback_data(message) or ''}"
                )
        last = [f"{call.method} {call.status} {call.description}".strip() for call in list(self.calls)[-8:]]
        return "\n".join([*lines, f"last calls: {'; '.join(last) or 'none'}"])


def callback_data(message: Message) -> list[str]:
    """The callback data of all of a message's buttons."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]
