"""Everybody who talks with the bot while benchmarks/reliability.py kills it, and what each is due."""

import asyncio
import io
import random
from collections import Counter
from typing import Any

from PIL import Image

from bot.i18n.translator import Translator
from bot.sandbox.server import Sandbox

ACTIONS_PER_S = 10.0
MOST_WAITING = 60
"""People do no more while so much of what they did is unanswered: a slow machine shall be killed at work, not
buried.
"""
Request = tuple[int, int]
"""Chat and message that the bot has to reply to."""


def apologies() -> set[str]:
    """All that may be said in place of a joke, in every language."""
    words = Translator()
    names = ("given-up", "defect", "photo-lost", "engine-down", "engine-slow", "engine-empty", "engine-cut_off")
    return {words.say(language, name) for language in words.languages for name in names}


class People:
    """Acts as everybody and remembers what each is due."""

    def __init__(self, sandbox: Sandbox, seed: int) -> None:
        self.world, self.random = sandbox.world, random.Random(seed)
        world = self.world
        self.people = [*world.users, *(world.add_user(f"Person {number}").id for number in range(5))]
        self.group = world.add_group("Everybody", self.people)
        self.photos: Counter[Request] = Counter()
        self.commands: Counter[Request] = Counter()
        self.pressed: dict[tuple[int, int], tuple[int, str]] = {}
        self.presses = self.made = self.cycle = 0
        self.replies: dict[Request, list[tuple[int, int]]] = {}
        self.waiting: set[Request] = set()
        self.apologies = apologies()
        world.events.listeners.append(self.hear)

    def hear(self, event: dict[str, Any]) -> None:
        """Note each of the bot's messages, and after how many kills it came."""
        message = event.get("message") or {}
        if "reply_to_message" in message and (
            "reply_markup" in message or (message.get("text") or "").split("\n")[0] in self.apologies
        ):
            self.waiting.discard((event["chat_id"], message["reply_to_message"]["message_id"]))
        if event["type"] == "message" and message["from"]["is_bot"] and "reply_to_message" in message:
            request = event["chat_id"], message["reply_to_message"]["message_id"]
            self.replies.setdefault(request, []).append((message["message_id"], self.cycle))

    async def act(self) -> None:
        """Do something now and then, until cancelled."""
        while True:
            await asyncio.sleep(self.random.expovariate(ACTIONS_PER_S))
            kind = self.random.random()
            if len(self.waiting) >= MOST_WAITING or self.unheard() >= MOST_WAITING:
                continue
            if kind < 0.45:
                self.send_photo()
            elif kind < 0.85:
                self.press()
            else:
                person = self.random.choice(self.people)
                message = self.world.send_text(
                    person, person, self.random.choice(("/start", "/help", "/stats", "hello"))
                )
                self.commands[person, message["message_id"]] += 1

    def unheard(self) -> int:
        """Presses that the bot has not answered."""
        return sum(not self.world.callbacks[query].answered.is_set() for _, query in self.pressed.values())

    def send_photo(self) -> None:
        """A picture that nobody has sent yet, in private or in the group."""
        self.made += 1
        colour = self.made * 7919 % 0xFFFFFF
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48), (colour >> 16, colour >> 8 & 255, colour & 255)).save(buffer, "PNG")
        person, grouped = self.random.choice(self.people), self.random.random() < 0.3
        chat = self.group if grouped else person
        message = self.world.send_photo(person, chat, buffer.getvalue(), "/joke" if grouped else None)
        self.photos[chat, message["message_id"]] += 1
        self.waiting.add((chat, message["message_id"]))

    def press(self) -> None:
        """Some button of some joke; nobody presses a verdict again before the bot has answered the last press."""
        chat = self.random.choice([*self.people, self.group])
        jokes = [message for message in self.world.messages(chat) if message.get("reply_markup")]
        if not jokes:
            return
        joke, person = self.random.choice(jokes), self.random.choice(self.people if chat == self.group else [chat])
        data = self.random.choice([button["callback_data"] for button in joke["reply_markup"]["inline_keyboard"][0]])
        kind, joke_id, *value = data.split(":")
        if kind == "a":
            self.photos[chat, joke["reply_to_message"]["message_id"]] += 1
            self.waiting.add((chat, joke["reply_to_message"]["message_id"]))
            self.world.press(person, chat, joke["message_id"], data)
            return
        last = self.pressed.get((int(joke_id), person))
        if last and not self.world.callbacks[last[1]].answered.is_set():
            return
        self.presses += 1
        self.pressed[int(joke_id), person] = int(value[0]), self.world.press(person, chat, joke["message_id"], data)
