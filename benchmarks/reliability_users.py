"""The bot's users in benchmarks/reliability.py, and the replies that they expect."""

import asyncio
import io
import random
from collections import Counter
from typing import Any

from PIL import Image

from bot.i18n.translator import Translator
from bot.sandbox.server import Sandbox

ACTIONS_PER_S = 10.0
MAX_UNANSWERED = 60
"""Users pause at this number of unanswered requests, so that a slow machine is not overloaded."""
Request = tuple[int, int]
"""Chat id and message id of a request to the bot."""


def apologies() -> set[str]:
    """The error messages that may replace a joke, in every language."""
    words = Translator()
    names = ("given-up", "defect", "photo-lost", "engine-down", "engine-slow", "engine-empty", "engine-cut_off")
    return {words.format(language, name) for language in words.languages for name in names}


class SimulatedUsers:
    """Acts as all users and records the expected replies."""

    def __init__(self, sandbox: Sandbox, seed: int) -> None:
        self.world, self.random = sandbox.world, random.Random(seed)
        world = self.world
        self.user_ids = [*world.users, *(world.add_user(f"User {number}").id for number in range(5))]
        self.group = world.add_group("Everybody", self.user_ids)
        self.photos: Counter[Request] = Counter()
        self.commands: Counter[Request] = Counter()
        self.pressed: dict[tuple[int, int], tuple[int, str]] = {}
        self.presses = self.made = self.cycle = 0
        self.replies: dict[Request, list[tuple[int, int]]] = {}
        self.waiting: set[Request] = set()
        self.apologies = apologies()
        world.events.listeners.append(self.on_event)

    def on_event(self, event: dict[str, Any]) -> None:
        """Handle an event: record each of the bot's messages with the number of kills before it."""
        message = event.get("message") or {}
        if "reply_to_message" in message and (
            "reply_markup" in message or (message.get("text") or "").split("\n")[0] in self.apologies
        ):
            self.waiting.discard((event["chat_id"], message["reply_to_message"]["message_id"]))
        if event["type"] == "message" and message["from"]["is_bot"] and "reply_to_message" in message:
            request = event["chat_id"], message["reply_to_message"]["message_id"]
            self.replies.setdefault(request, []).append((message["message_id"], self.cycle))

    async def act(self) -> None:
        """Act at random times until cancelled."""
        while True:
            await asyncio.sleep(self.random.expovariate(ACTIONS_PER_S))
            kind = self.random.random()
            if len(self.waiting) >= MAX_UNANSWERED or self.unanswered_presses() >= MAX_UNANSWERED:
                continue
            if kind < 0.45:
                self.send_photo()
            elif kind < 0.85:
                self.press()
            else:
                user = self.random.choice(self.user_ids)
                message = self.world.send_text(user, user, self.random.choice(("/start", "/help", "/stats", "hello")))
                self.commands[user, message["message_id"]] += 1

    def unanswered_presses(self) -> int:
        """The number of presses without an answer."""
        return sum(not self.world.callbacks[query].answered.is_set() for _, query in self.pressed.values())

    def send_photo(self) -> None:
        """Send a new picture, in a private chat or the group."""
        self.made += 1
        colour = self.made * 7919 % 0xFFFFFF
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48), (colour >> 16, colour >> 8 & 255, colour & 255)).save(buffer, "PNG")
        user, grouped = self.random.choice(self.user_ids), self.random.random() < 0.3
        chat = self.group if grouped else user
        message = self.world.send_photo(user, chat, buffer.getvalue(), "/joke" if grouped else None)
        self.photos[chat, message["message_id"]] += 1
        self.waiting.add((chat, message["message_id"]))

    def press(self) -> None:
        """Press a random button of a random joke; a user waits for the answer before rating it again."""
        chat = self.random.choice([*self.user_ids, self.group])
        jokes = [message for message in self.world.messages(chat) if message.get("reply_markup")]
        if not jokes:
            return
        joke, user = self.random.choice(jokes), self.random.choice(self.user_ids if chat == self.group else [chat])
        buttons = [button["callback_data"] for row in joke["reply_markup"]["inline_keyboard"] for button in row]
        data = self.random.choice([button for button in buttons if button.startswith(("r:", "a:"))])
        kind, joke_id, *value = data.split(":")
        if kind == "a":
            self.photos[chat, joke["reply_to_message"]["message_id"]] += 1
            self.waiting.add((chat, joke["reply_to_message"]["message_id"]))
            self.world.press(user, chat, joke["message_id"], data)
            return
        last = self.pressed.get((int(joke_id), user))
        if last and not self.world.callbacks[last[1]].answered.is_set():
            return
        self.presses += 1
        self.pressed[int(joke_id), user] = int(value[0]), self.world.press(user, chat, joke["message_id"], data)
