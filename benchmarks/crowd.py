"""Synthetic people for benchmarks: they send painted pictures into the sandbox, read what the bot says, and rate it by
a hidden taste.

All that they know is what the chat shows: the text of a joke, and what is on the picture that they sent themselves. A
joke's style is that of the one shape of shapes.toml that the whole text has. Nothing of the bot, its models or its
database is known here, and nobody's taste depends on a model.
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

from trainer.demo_model.joke_templates import TemplateReader, load_shapes
from trainer.demo_model.subjects import PictureSubject, load_subjects

JOKE_TIMEOUT_S = 300.0
FITS, FORGIVEN, OTHER = 0.97, 0.15, 0.03
"""How often somebody likes a joke of their styles about the right thing; of another style about a thing they are
fond of; any other.
"""
DUEL = re.compile(r"🅰\ufe0f?\s*(?P<a>.+?)\s*🅱\ufe0f?\s*(?P<b>.+)", re.DOTALL)
LOCALES = Path(__file__).parents[1] / "bot" / "i18n" / "locales"
Message = dict[str, Any]


class Taste:
    """What a crowd likes: some styles of joke, and a share of all subjects that it is fond of, drawn by `seed`."""

    def __init__(self, styles: Sequence[str], fond_of: float = 0.3, seed: int = 1) -> None:
        subjects = load_subjects()
        self.styles = frozenset(styles)
        self.fond = frozenset(random.Random(seed).sample(subjects, round(fond_of * len(subjects))))
        self._reader = TemplateReader(load_shapes(), subjects)

    def appeal(self, joke: str, subject: PictureSubject) -> float:
        """How probably somebody likes that joke about a picture of that subject, 0 to 1."""
        read = self._reader.read(joke)
        if read is None or read.subject != subject:
            return OTHER
        if read.shape.style in self.styles:
            return FITS
        return FORGIVEN if subject in self.fond else OTHER


@dataclass(frozen=True)
class Picture:
    """A picture that somebody sends: a JPEG, and what they know is on it."""

    jpeg: bytes
    subject: PictureSubject


@dataclass
class Member:
    """One person.

    Their own dice decide where a taste leaves it open; `easy` is how readily they press 😂 and not 🙂.
    """

    id: int
    dice: random.Random
    easy: float

    def verdict(self, appeal: float) -> int:
        """The place of the button that they press: 0 😂, 1 🙂, 2 😐."""
        if self.dice.random() >= appeal:
            return 2
        return 0 if self.dice.random() < self.easy else 1


@dataclass
class Crowd:
    """People with one taste, who talk with the bot alone and in groups; and a jury, who look at jokes and press
    nothing.
    """

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
    _asked: set[tuple[int, int]] = field(default_factory=set)
    _replies: dict[tuple[int, int], asyncio.Future[Message | None]] = field(default_factory=dict)

    async def gather(self, people: int, groups: int, per_group: int, jury: int) -> None:
        """Let people come in: half of them speak Chinese.

        Every one has a private chat; groups are made of them in turn.
        """
        for number in range(people):
            person = await self.come(f"Person {number}", number)
            self.members[person] = Member(person, random.Random(self.dice.random()), self.dice.uniform(0.4, 0.9))
            self.chats.append((person, [person]))
        everybody = list(self.members)
        for number in range(groups):
            inside = [everybody[(number * per_group + place) % people] for place in range(per_group)]
            group = (await self.post("group", title=f"Group {number}", members=inside))["chat"]
            self.chats.append((group["id"], inside))
        self.jury = [await self.come(f"Jury {number}", number) for number in range(jury)]

    async def come(self, name: str, number: int) -> int:
        return (await self.post("person", name=name, language_code=("en", "zh")[number % 2]))["person"]["id"]

    async def listen(self) -> None:
        """Hear the bot's finished answers: those with buttons, and apologies, which stand for None.

        Cancel it at the end.
        """
        async with self.session.ws_connect("/sandbox/events", max_msg_size=0) as socket:
            async for event in socket:
                message = event.json().get("message") or {}
                photo = message.get("reply_to_message", {}).get("message_id")
                sorry = message.get("text", "").split("\n")[0] in self.apologies
                asked = (message.get("chat", {}).get("id"), photo) in self._asked
                if photo is not None and (message.get("reply_markup") or sorry or asked):
                    reply = self.reply(message["chat"]["id"], photo)
                    if not reply.done():
                        reply.set_result(None if sorry else message)

    def reply(self, chat: int, photo: int) -> asyncio.Future[Message | None]:
        return self._replies.setdefault((chat, photo), asyncio.get_running_loop().create_future())

    async def post(self, route: str, /, **body: Any) -> dict[str, Any]:
        async with self.session.post(f"/sandbox/{route}", json=body) as response:
            response.raise_for_status()
            return await response.json()

    async def say(self, person: int, text: str) -> Message:
        """Write to the bot; its answer, with buttons or without. Raises TimeoutError."""
        sent = (await self.post("text", person=person, chat=person, text=text))["message"]["message_id"]
        self._asked.add((person, sent))
        answer = await asyncio.wait_for(self.reply(person, sent), self.timeout_s)
        if answer is None:
            raise RuntimeError(f"The bot apologised for {text}.")
        return answer

    async def send(self, sender: int, chat: int, picture: Picture) -> Message | None:
        """Send a picture; the bot's answer with buttons, or None where it apologises, or nothing comes in time."""
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

    async def share(self, place: int, picture: Picture) -> None:
        """Send a picture into one of the chats and let everybody there rate what comes."""
        chat, inside = self.chats[place % len(self.chats)]
        sender = inside[place // len(self.chats) % len(inside)]
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
        """Of two jokes the one that is liked; where none is, or both are alike, "both meh" or either."""
        liked = [member.dice.random() < self.taste.appeal(duel[side], subject) for side in ("a", "b")]
        both = member.dice.randrange(2)
        await self.press(member.id, chat, message, 2 if not any(liked) else both if all(liked) else liked.index(True))
        self.duels += 1

    async def press(self, person: int, chat: int, message: Message, place: int) -> None:
        data = [button["callback_data"] for row in message["reply_markup"]["inline_keyboard"] for button in row][place]
        await self.post("press", person=person, chat=chat, message_id=message["message_id"], data=data)

    async def look(self, place: int, picture: Picture) -> bool | None:
        """One of the jury sends a picture and says what they think of the joke to nobody but us; None where no joke
        came.
        """
        juror = self.jury[place % len(self.jury)]
        message = await self.send(juror, juror, picture)
        return None if message is None else self.dice.random() < self.taste.appeal(message["text"], picture.subject)


def apologies() -> frozenset[str]:
    """What the bot says instead of a joke, in all its languages; those texts that have nothing filled in."""
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


async def several(count: int, at_once: int, act: Any) -> list[Any]:
    """`act(number)` for 0…count−1, so many at the same time; the results in order."""
    turns = asyncio.Semaphore(at_once)

    async def one(number: int) -> Any:
        async with turns:
            return await act(number)

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def until(condition: asyncio.Event, at_once: int, act: Any) -> int:
    """`act(number)` again and again, so many at the same time, until the condition is set; how often."""
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
