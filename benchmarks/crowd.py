"""Simulated users for benchmarks: send painted pictures to the sandbox and rate the bot's jokes by a hidden taste.

They know only what the chat shows: a joke's text, and the subject of the picture that they sent. A joke's style is that
of the template in shapes.toml that matches the whole text. They use neither the bot's code nor its models or database.
"""

import asyncio
import random
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from configs.subjects import PictureSubject, load_subjects
from trainer.demo_model.joke_templates import TemplateReader, load_shapes

JOKE_TIMEOUT_S = 300.0
FITS, FORGIVEN, OTHER = 0.97, 0.15, 0.03
"""Probability that a user likes a joke about the picture's subject in a liked style; in another style about a
favourite subject; any other joke.
"""
DUEL = re.compile(r"🅰\ufe0f?\s*(?P<a>.+?)\s*🅱\ufe0f?\s*(?P<b>.+)", re.DOTALL)
LOCALES = Path(__file__).parents[1] / "bot" / "i18n" / "locales"
Message = dict[str, Any]


class Taste:
    """A crowd's taste: liked styles, and favourite subjects (the share `fond_of` of all, drawn with `seed`)."""

    def __init__(self, styles: Sequence[str], fond_of: float = 0.3, seed: int = 1) -> None:
        subjects = load_subjects()
        self.styles = frozenset(styles)
        self.fond = frozenset(random.Random(seed).sample(subjects, round(fond_of * len(subjects))))
        self._reader = TemplateReader(load_shapes(), subjects)

    def appeal(self, joke: str, subject: PictureSubject) -> float:
        """Probability, 0 to 1, that a user likes the joke about a picture of the subject."""
        read = self._reader.read(joke)
        if read is None or read.subject != subject:
            return OTHER
        if read.shape.style in self.styles:
            return FITS
        return FORGIVEN if subject in self.fond else OTHER


@dataclass(frozen=True)
class Picture:
    """A picture to send: a JPEG and its subject."""

    jpeg: bytes
    subject: PictureSubject


@dataclass
class Member:
    """A user with their own random generator; `easy`: probability of 😂 rather than 🙂 for a liked joke."""

    id: int
    dice: random.Random
    easy: float

    def verdict(self, appeal: float) -> int:
        """Index of the button to press: 0 😂, 1 🙂, 2 😐."""
        if self.dice.random() >= appeal:
            return 2
        return 0 if self.dice.random() < self.easy else 1


@dataclass
class Crowd:
    """Users with one taste, in private chats and groups; and a jury, whose users read jokes without rating them."""

    session: aiohttp.ClientSession
    taste: Taste
    dice: random.Random
    members: dict[int, Member] = field(default_factory=dict)
    chats: list[tuple[int, list[int]]] = field(default_factory=list)
    jury: list[int] = field(default_factory=list)
    apologies: frozenset[str] = frozenset()
    timeout_s: float = JOKE_TIMEOUT_S
    photos: int = 0
    ratings: int = 0
    duels: int = 0
    lost: int = 0
    failed: int = 0
    _expected: set[tuple[int, int]] = field(default_factory=set)
    _replies: dict[tuple[int, int], asyncio.Future[Message | None]] = field(default_factory=dict)

    async def gather(self, users: int, groups: int, per_group: int, jury: int) -> None:
        """Create the users, half of them Chinese, each with a private chat; groups get them in turn."""
        for number in range(users):
            user = await self.add_user(f"User {number}", number)
            self.members[user] = Member(user, random.Random(self.dice.random()), self.dice.uniform(0.4, 0.9))
            self.chats.append((user, [user]))
        members = list(self.members)
        for number in range(groups):
            inside = [members[(number * per_group + index) % users] for index in range(per_group)]
            group = (await self.post("group", title=f"Group {number}", members=inside))["chat"]
            self.chats.append((group["id"], inside))
        self.jury = [await self.add_user(f"Jury {number}", number) for number in range(jury)]

    async def add_user(self, name: str, number: int) -> int:
        return (await self.post("person", name=name, language_code=("en", "zh")[number % 2]))["person"]["id"]

    async def listen(self) -> None:
        """Resolve replies from the bot's final answers until cancelled: messages with buttons; None for apologies."""
        async with self.session.ws_connect("/sandbox/events", max_msg_size=0) as socket:
            async for event in socket:
                message = event.json().get("message") or {}
                photo = message.get("reply_to_message", {}).get("message_id")
                sorry = message.get("text", "").split("\n")[0] in self.apologies
                expected = (message.get("chat", {}).get("id"), photo) in self._expected
                if photo is not None and (message.get("reply_markup") or sorry or expected):
                    reply = self.reply(message["chat"]["id"], photo)
                    if not reply.done():
                        reply.set_result(None if sorry else message)

    def reply(self, chat: int, photo: int) -> asyncio.Future[Message | None]:
        return self._replies.setdefault((chat, photo), asyncio.get_running_loop().create_future())

    async def post(self, route: str, /, **body: Any) -> dict[str, Any]:
        async with self.session.post(f"/sandbox/{route}", json=body) as response:
            response.raise_for_status()
            return await response.json()

    async def send_text(self, user: int, text: str) -> Message:
        """Send a text to the bot; returns its answer, with or without buttons. Raises TimeoutError."""
        sent = (await self.post("text", person=user, chat=user, text=text))["message"]["message_id"]
        self._expected.add((user, sent))
        answer = await asyncio.wait_for(self.reply(user, sent), self.timeout_s)
        if answer is None:
            raise RuntimeError(f"The bot apologised for {text}.")
        return answer

    async def send(self, sender: int, chat: int, picture: Picture) -> Message | None:
        """Send a picture; returns the answer with buttons, or None after an apology or a timeout."""
        self.photos += 1
        form = aiohttp.FormData(
            {
                "person": str(sender),
                "chat": str(chat),
                "kind": "photo",
                **({} if chat == sender else {"caption": "/joke"}),
            }
        )
        form.add_field("files", picture.jpeg, filename="picture.jpg")
        async with self.session.post("/sandbox/files", data=form) as response:
            response.raise_for_status()
            sent = (await response.json())["messages"][0]["message_id"]
        try:
            answer = await asyncio.wait_for(self.reply(chat, sent), self.timeout_s)
            self.failed += answer is None
            return answer
        except TimeoutError:
            self.lost += 1
            return None
        finally:
            self._replies.pop((chat, sent), None)

    async def share(self, index: int, picture: Picture) -> None:
        """Send a picture to one of the chats; all its members rate the joke."""
        chat, inside = self.chats[index % len(self.chats)]
        sender = inside[index // len(self.chats) % len(inside)]
        message = await self.send(sender, chat, picture)
        if message is None:
            return
        if duel := DUEL.search(message["text"]):
            await self.decide(self.members[sender], chat, message, duel, picture.subject)
            return
        appeal = self.taste.appeal(message["text"], picture.subject)
        await asyncio.gather(*(self.rate(self.members[member], chat, message, appeal) for member in inside))

    async def rate(self, member: Member, chat: int, message: Message, appeal: float) -> None:
        await self.press(member.id, chat, message, member.verdict(appeal))
        self.ratings += 1

    async def decide(
        self, member: Member, chat: int, message: Message, duel: re.Match[str], subject: PictureSubject
    ) -> None:
        """Press the liked joke of two; if none or both are liked, "both meh" or either."""
        liked = [member.dice.random() < self.taste.appeal(duel[side], subject) for side in ("a", "b")]
        both = member.dice.randrange(2)
        await self.press(member.id, chat, message, 2 if not any(liked) else both if all(liked) else liked.index(True))
        self.duels += 1

    async def press(self, user: int, chat: int, message: Message, index: int) -> None:
        data = [button["callback_data"] for row in message["reply_markup"]["inline_keyboard"] for button in row][index]
        await self.post("press", person=user, chat=chat, message_id=message["message_id"], data=data)

    async def judge(self, index: int, picture: Picture) -> bool | None:
        """Let a juror send a picture; returns whether they like the joke, without a rating. None without a joke."""
        juror = self.jury[index % len(self.jury)]
        message = await self.send(juror, juror, picture)
        return None if message is None else self.dice.random() < self.taste.appeal(message["text"], picture.subject)


def apologies() -> frozenset[str]:
    """The bot's error messages in all languages, as far as they have no placeholders."""
    names = (
        "given-up",
        "defect",
        "photo-lost",
        "photo-gone",
        "engine-down",
        "engine-slow",
        "engine-empty",
        "engine-cut_off",
        "engine-refused",
        "queue-full",
    )
    line = re.compile(rf"^(?:{'|'.join(names)}) = (.+)$", re.MULTILINE)
    return frozenset(text for file in LOCALES.glob("*.ftl") for text in line.findall(file.read_text(encoding="utf-8")))


async def run_concurrently(count: int, at_once: int, act: Any) -> list[Any]:
    """Call `act(number)` for 0…count−1, `at_once` concurrently; returns the results in order."""
    turns = asyncio.Semaphore(at_once)

    async def run(number: int) -> Any:
        async with turns:
            return await act(number)

    return list(await asyncio.gather(*(run(number) for number in range(count))))


async def run_until(condition: asyncio.Event, at_once: int, act: Any) -> int:
    """Call `act(number)` repeatedly, `at_once` concurrently, until the condition is set; returns the count."""
    numbers = iter(range(1_000_000))
    done = 0

    async def work() -> None:
        nonlocal done
        while not condition.is_set():
            await act(next(numbers))
            done += 1

    workers = [asyncio.create_task(work()) for _ in range(at_once)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker
    return done
