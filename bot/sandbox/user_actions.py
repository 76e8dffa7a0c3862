"""What users do in the sandbox's chats: send, edit, press buttons."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox import media
from bot.sandbox.chats import ChatStore
from bot.sandbox.errors import SandboxError
from bot.sandbox.files import FileStore
from bot.sandbox.keyboards import callback_data
from bot.sandbox.telegram_objects import Message, SandboxUser
from bot.sandbox.text_entities import find_entities

MAX_CALLBACKS = 10_000
"""Presses remembered, answered ones included."""


@dataclass(slots=True)
class PendingCallback:
    """A pressed button; `answered` is set by answerCallbackQuery. `at`: Unix time in seconds."""

    at: float
    chat_id: int
    answer: dict[str, Any] | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class UserActions(ChatStore):
    """The chats, with users who act in them.

    Each `send_…` method stores the message, queues the bot's update and returns the message. Each action raises
    SandboxError if the user, the chat or the message is unknown, or the user is not in the chat.
    """

    def __init__(self, bot: dict[str, Any], files: FileStore, *args: Any, **kwargs: Any) -> None:
        super().__init__(bot, *args, **kwargs)
        self.files = files
        self.callbacks: OrderedDict[str, PendingCallback] = OrderedDict()

    def send_text(self, user_id: int, chat_id: int, text: str, reply_to: int | None = None) -> Message:
        entities = find_entities(text)
        return self._send(user_id, chat_id, {"text": text, **({"entities": entities} if entities else {})}, reply_to)

    def send_photo(
        self,
        user_id: int,
        chat_id: int,
        data: bytes,
        caption: str | None = None,
        reply_to: int | None = None,
        album: str | None = None,
    ) -> Message:
        """`album`: the media_group_id of the photo's album, to send an album's photos one by one."""
        group = {"media_group_id": album} if album else {}
        return self._send(user_id, chat_id, {**media.photo(self.files, data), **group}, reply_to, caption)

    def send_document(
        self,
        user_id: int,
        chat_id: int,
        data: bytes,
        file_name: str | None = None,
        mime_type: str | None = None,
        caption: str | None = None,
        reply_to: int | None = None,
    ) -> Message:
        return self._send(user_id, chat_id, media.document(self.files, data, file_name, mime_type), reply_to, caption)

    def send_sticker(self, user_id: int, chat_id: int, data: bytes, reply_to: int | None = None) -> Message:
        return self._send(user_id, chat_id, media.sticker(self.files, data), reply_to)

    def send_animation(
        self,
        user_id: int,
        chat_id: int,
        data: bytes,
        thumbnail: bytes | None = None,
        caption: str | None = None,
        reply_to: int | None = None,
    ) -> Message:
        return self._send(user_id, chat_id, media.animation(self.files, data, thumbnail), reply_to, caption)

    def send_video(
        self,
        user_id: int,
        chat_id: int,
        data: bytes,
        thumbnail: bytes | None = None,
        caption: str | None = None,
        reply_to: int | None = None,
    ) -> Message:
        return self._send(user_id, chat_id, media.video(self.files, data, thumbnail), reply_to, caption)

    def send_album(
        self,
        user_id: int,
        chat_id: int,
        pictures: list[bytes],
        captions: list[str | None] | None = None,
        reply_to: int | None = None,
    ) -> list[Message]:
        """Send photos with one `media_group_id`: one message and one update each.

        Raises SandboxError if there are fewer than 2 or more than 10 pictures.
        """
        if not 2 <= len(pictures) <= 10:
            raise SandboxError("An album has 2 to 10 photos.")
        group = {"media_group_id": self.new_id()}
        return [
            self._send(user_id, chat_id, {**media.photo(self.files, data), **group}, reply_to, caption)
            for data, caption in zip(pictures, captions or [None] * len(pictures), strict=True)
        ]

    def _send(
        self, user_id: int, chat_id: int, content: dict[str, Any], reply_to: int | None, caption: str | None = None
    ) -> Message:
        user = self._chat_member(user_id, chat_id)
        if caption:
            entities = find_entities(caption)
            content = {**content, "caption": caption, **({"caption_entities": entities} if entities else {})}
        replied = None
        if reply_to is not None:
            replied = self.message(chat_id, reply_to)
            if replied is None:
                raise SandboxError(f"There is no message {reply_to} in chat {chat_id} to reply to.")
        sender, more = self.chats[chat_id].sender(user)
        message = self.post_message(self.chats[chat_id], sender, {**more, **content}, replied)
        if not self.chats[chat_id].left:
            self.updates.put("message", message)
        return message

    def edit_text(self, user_id: int, chat_id: int, message_id: int, text: str) -> Message:
        """Change the text or caption of the user's message; the bot gets `edited_message`.

        Raises SandboxError if the user did not send the message.
        """
        message = self.message(chat_id, message_id)
        if message is None or message["from"]["id"] != user_id:
            raise SandboxError("A user can edit only a message of their own.")
        text_key = "text" if "text" in message else "caption"
        entities_key = "entities" if text_key == "text" else "caption_entities"
        unchanged = {key: value for key, value in message.items() if key != entities_key}
        entities = find_entities(text)
        edited = self.replace_message({**unchanged, text_key: text, **({entities_key: entities} if entities else {})})
        self.updates.put("edited_message", edited)
        return edited

    def press(self, user_id: int, chat_id: int, message_id: int, data: str, forged: bool = False) -> str:
        """Press the button with this callback data; returns the callback query's id.

        `forged`: the message needs no such button, as with a modified client.
        """
        message = self.message(chat_id, message_id)
        if message is None:
            raise SandboxError(f"There is no message {message_id} in chat {chat_id}.")
        if not forged and data not in callback_data(message):
            raise SandboxError(f"The message has no button {data!r}; it has {callback_data(message)}.")
        user = self._chat_member(user_id, chat_id)
        query_id = self.new_id()
        self.callbacks[query_id] = PendingCallback(self.clock(), chat_id)
        while len(self.callbacks) > MAX_CALLBACKS:
            self.callbacks.popitem(last=False)
        self.updates.put(
            "callback_query",
            {
                "id": query_id,
                "from": user.user_object(),
                "message": message,
                "data": data,
                "chat_instance": str(abs(chat_id) * 7919),
            },
        )
        self.events.wake()
        return query_id

    async def wait_for_answer(self, callback_query_id: str, timeout_s: float = 15) -> dict[str, Any] | None:
        """The bot's answer to a press, `{"text", "show_alert", …}`; None after the timeout."""
        callback = self.callbacks[callback_query_id]
        try:
            async with asyncio.timeout(timeout_s):
                await callback.answered.wait()
        except TimeoutError:
            return None
        return callback.answer

    def _chat_member(self, user_id: int, chat_id: int) -> SandboxUser:
        user = self.user(user_id)
        if chat_id not in self.chats:
            raise SandboxError(f"There is no chat {chat_id}.")
        if user_id not in self.chats[chat_id].members:
            raise SandboxError(f"{user.name} is not in the chat {self.chats[chat_id].title}.")
        return user
