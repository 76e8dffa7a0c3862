"""A newcomer who plays with the demo in its chat: sends pictures, reads jokes, presses buttons, does as the bot says.

The newcomer knows what the chat shows: the jokes' texts and what is in the pictures that they send.
"""

import asyncio
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from configs.subjects import load_subjects, load_vocabulary
from trainer.demo_model.joke_templates import JokeShape, TemplateReader, jokes, load_shapes

LIKED_SHAPES, FAVOURITES = 0.3, 0.15
"""Shares of the joke shapes of each language, and of the subjects, that a taste likes."""
LIKED, FAVOURITE, OTHER = 0.9, 0.5, 0.1
"""Probability of liking a joke of a liked shape; else one about a favourite subject; any other joke."""
WRONG_SUBJECT = 0.5
"""Factor for a joke that names another thing than the picture shows."""
NO_SUBJECT = 0.8
"""Factor for a joke that says that the bot doesn't know what the picture shows."""
FUNNY = 0.7
"""Probability of 😂 rather than 🙂 for a liked joke."""
FUNNY_BUTTON, SOMEWHAT_BUTTON, UNFUNNY_BUTTON, ANOTHER_BUTTON = range(4)
ANSWER_TIMEOUT_S = 180.0
DUEL = re.compile(r"🅰\ufe0f?\s*(?P<a>.+?)\s*🅱\ufe0f?\s*(?P<b>.+)", re.DOTALL)
Message = dict[str, Any]


class NewcomerTaste:
    """The taste of a seed: LIKED_SHAPES of the shapes of each language, FAVOURITES of the subjects."""

    def __init__(self, seed: int) -> None:
        draw, shapes, subjects = random.Random(f"newcomer {seed}"), load_shapes(), load_subjects()
        self._reader, liked = TemplateReader(shapes, load_vocabulary()), set[JokeShape]()
        for language in ("en", "zh"):
            own = jokes(shapes, language)
            liked |= set(draw.sample(own, round(LIKED_SHAPES * len(own))))
        self.shapes = frozenset(liked)
        self.favourites = frozenset(draw.sample([one.en for one in subjects], round(FAVOURITES * len(subjects))))

    def is_known(self, joke: str) -> bool:
        """Whether the joke is one of the demo model's sentences."""
        return self._reader.read(joke) is not None

    def appeal(self, joke: str, shown: str) -> float:
        """Probability, 0 to 1, of liking a joke about a picture that shows the subject with that English name."""
        read = self._reader.read(joke)
        if read is None:
            return OTHER * WRONG_SUBJECT
        if read.subject is None:
            return (LIKED if read.shape in self.shapes else OTHER) * NO_SUBJECT
        favourite = read.subject.en in self.favourites
        appeal = LIKED if read.shape in self.shapes else FAVOURITE if favourite else OTHER
        return appeal if read.subject.en == shown else appeal * WRONG_SUBJECT


@dataclass(frozen=True)
class ShownPicture:
    """A picture to send: a JPEG or PNG, and the English name of what it shows."""

    data: bytes
    subject: str


class ChatOfUser:
    """One user's private chat with the bot, over the interface of the sandbox's page."""

    def __init__(self, session: aiohttp.ClientSession, user_id: int) -> None:
        self._session, self.user_id = session, user_id
        self._messages: dict[int, Message] = {}
        self._changed = asyncio.Condition()

    async def listen(self) -> None:
        """Follow the chat's messages until cancelled."""
        async with self._session.ws_connect("/sandbox/events", max_msg_size=0) as socket:
            async for event in socket:
                message = event.json().get("message") or {}
                if message.get("chat", {}).get("id") == self.user_id:
                    async with self._changed:
                        self._messages[message["message_id"]] = message
                        self._changed.notify_all()

    async def wait_for(self, matches: Callable[[Message], bool]) -> Message:
        """The first message that matches, as it is then. Raises TimeoutError."""

        def found() -> Message | None:
            return next((message for message in self._messages.values() if matches(message)), None)

        async with asyncio.timeout(ANSWER_TIMEOUT_S), self._changed:
            await self._changed.wait_for(lambda: found() is not None)
            return found() or {}

    async def send(self, picture: ShownPicture) -> Message:
        """Send a picture; returns the bot's answer with buttons. Raises TimeoutError."""
        form = aiohttp.FormData({"person": str(self.user_id), "chat": str(self.user_id), "kind": "photo"})
        form.add_field("files", picture.data, filename="picture.jpg")
        async with self._session.post("/sandbox/files", data=form) as response:
            response.raise_for_status()
            sent = (await response.json())["messages"][0]["message_id"]
        return await self.wait_for(lambda message: answers(message, sent))

    async def say(self, text: str) -> Message:
        """Send a text; returns the bot's answer. Raises TimeoutError."""
        sent = (await self._post("text", text=text))["message"]["message_id"]
        return await self.wait_for(lambda message: message.get("reply_to_message", {}).get("message_id") == sent)

    async def press(self, message: Message, index: int) -> None:
        """Press one of a message's buttons, counted over all rows."""
        data = [button["callback_data"] for row in message["reply_markup"]["inline_keyboard"] for button in row][index]
        await self._post("press", message_id=message["message_id"], data=data)

    async def another(self, message: Message) -> Message:
        """Press 🔁 under a joke; returns the next answer about the same picture. Raises TimeoutError."""
        photo, known = message["reply_to_message"]["message_id"], set(self._messages)
        await self.press(message, ANOTHER_BUTTON)
        return await self.wait_for(lambda new: answers(new, photo) and new["message_id"] not in known)

    async def _post(self, route: str, **body: Any) -> dict[str, Any]:
        address = f"/sandbox/{route}"
        async with self._session.post(address, json={"person": self.user_id, "chat": self.user_id, **body}) as response:
            response.raise_for_status()
            return await response.json()


def answers(message: Message, sent: int) -> bool:
    """Whether a message is the bot's finished answer, with buttons, to message `sent`."""
    return bool(message.get("reply_markup")) and message.get("reply_to_message", {}).get("message_id") == sent


@dataclass
class Newcomer:
    """Rates jokes by a taste, `read_s` seconds after each has come. `ratings` counts presses, choices of duels too."""

    chat: ChatOfUser
    taste: NewcomerTaste
    dice: random.Random
    read_s: float
    ratings: int = 0
    duels: int = 0
    wait_s: list[float] = field(default_factory=list)

    async def rate(self, pictures: Sequence[ShownPicture], presses: int, is_over: Callable[[], bool]) -> None:
        """Send the pictures in turn, again from the first one, and rate a joke of each until `is_over`.

        Where a joke isn't liked, the newcomer presses 🔁 once and rates the next one too. Ends after `presses`.
        """
        last = self.ratings + presses
        for number in range(presses):
            picture = pictures[number % len(pictures)]
            message, liked = await self._answer(self.chat.send(picture), picture)
            if self.ratings < last and not is_over() and not liked and not DUEL.search(message["text"]):
                await self._answer(self.chat.another(message), picture)
            if self.ratings >= last or is_over():
                return

    async def _answer(self, coming: Any, picture: ShownPicture) -> tuple[Message, bool]:
        """Wait for an answer, read it and press one of its buttons; returns it, and whether it was liked."""
        started = asyncio.get_running_loop().time()
        message = await coming
        self.wait_s.append(asyncio.get_running_loop().time() - started)
        await asyncio.sleep(self.read_s)
        if duel := DUEL.search(message["text"]):
            liked = [self._likes(duel[side], picture) for side in ("a", "b")]
            index = 2 if not any(liked) else self.dice.randrange(2) if all(liked) else liked.index(True)
            self.duels += 1
        else:
            liked = [self._likes(message["text"], picture)]
            index = UNFUNNY_BUTTON
            if liked[0]:
                index = FUNNY_BUTTON if self.dice.random() < FUNNY else SOMEWHAT_BUTTON
        await self.chat.press(message, index)
        self.ratings += 1
        return message, any(liked)

    def _likes(self, joke: str, picture: ShownPicture) -> bool:
        return self.dice.random() < self.taste.appeal(joke, picture.subject)
