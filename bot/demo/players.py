"""Scripted players, so that a newcomer plays a round of Oogiri alone in the demo.

Two in each language share a group with the page's first user of that language. They enter and vote like users, over
the page's HTTP interface and after a while, and do nothing else.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import aiohttp

from bot.demo.player_lines import line_for
from bot.handlers.callback_data import CallbackData, EndRoundButton, PublishButton, VoteButton

log = logging.getLogger(__name__)

NAMES = {"en": ("Mia, scripted", "Leo, scripted"), "zh": ("小林（脚本）", "阿杰（脚本）")}
TITLES = {"en": "Oogiri", "zh": "大喜利"}
ENTRY_S, VOTE_S, CONSENT_S = (5.0, 20.0), (4.0, 12.0), (1.5, 3.0)
"""The shortest and the longest time until a player enters, votes, or agrees to the use of punchlines."""
STOP_S = 5.0
Message = dict[str, Any]
Act = Callable[[int, Message], Awaitable[None]]


class ScriptedPlayers:
    """The players of one demo page. `pace` multiplies all their pauses."""

    def __init__(self, session: aiohttp.ClientSession, pace: float = 1.0) -> None:
        self._session, self._pace = session, pace
        self._players: dict[int, tuple[str, int]] = {}
        """Language and number of each player, by user id."""
        self._groups: dict[int, tuple[int, ...]] = {}
        """The players of each group."""
        self._done: set[tuple[int, int, str]] = set()
        self._lines: dict[int, str] = {}
        """Each player's latest punchline."""

    async def play(self) -> None:
        """Make groups and players, or find those of an earlier start, and play until cancelled or the page ends."""
        async with self._session.ws_connect("/sandbox/events") as socket, asyncio.TaskGroup() as tasks:
            await self._prepare()
            async for event in socket:
                for action in self._actions(event.json()):
                    tasks.create_task(action)

    async def _prepare(self) -> None:
        async with self._session.get("/sandbox/state") as response:
            state = await response.json()
        people = {person["name"]: person["id"] for person in state["people"]}
        for language, names in NAMES.items():
            for number, name in enumerate(names):
                if name not in people:
                    made = await self._post("person", name=name, language_code=language)
                    people[name] = made["person"]["id"]
                self._players[people[name]] = (language, number)
            first, second = (people[name] for name in names)
            newcomer = next(one["id"] for one in state["people"] if one["language_code"] == language)
            group = next((chat["id"] for chat in state["chats"] if chat["game"] and first in chat["members"]), None)
            if group is None:
                members = [newcomer, first, second]
                group = (await self._post("group", title=TITLES[language], members=members, game=True))["chat"]["id"]
            self._groups[group] = (first, second)

    def _actions(self, event: dict[str, Any]) -> Iterator[Coroutine[Any, Any, None]]:
        """What the players do about an event of the page."""
        message, players = event.get("message") or {}, self._groups.get(event.get("chat_id", 0))
        if not players or not message.get("from", {}).get("is_bot"):
            return
        if decoded(message, VoteButton):
            wanted, pause_s, act = players, VOTE_S, self._vote
        elif decoded(message, EndRoundButton):
            wanted, pause_s, act = players, ENTRY_S, self._enter
        elif decoded(message, PublishButton):
            asked = message.get("reply_to_message", {}).get("from", {}).get("id")
            wanted, pause_s, act = tuple(player for player in players if player == asked), CONSENT_S, self._agree
        else:
            return
        for player in wanted:
            key = (player, message["message_id"], act.__name__)
            if key not in self._done:  # an edited message comes again
                self._done.add(key)
                yield self._later(random.uniform(*pause_s), act, player, message)

    async def _later(self, pause_s: float, act: Act, player: int, message: Message) -> None:
        await asyncio.sleep(pause_s * self._pace)
        try:
            await act(player, message)
        except aiohttp.ClientError as error:  # the newcomer ended the step meanwhile
            log.info("a scripted player could not act: %s", error)

    async def _enter(self, player: int, message: Message) -> None:
        language, number = self._players[player]
        text = self._lines[player] = line_for(message.get("caption") or message.get("text", ""), language, number)
        chat = message["chat"]["id"]
        await self._post("text", person=player, chat=chat, text=text, reply_to=message["message_id"])

    async def _agree(self, player: int, message: Message) -> None:
        await self._press(player, message, decoded(message, PublishButton)[0])

    async def _vote(self, player: int, message: Message) -> None:
        """Vote for one or two entries of others, by chance."""
        own = self._lines.get(player, "")
        others = [
            data
            for data, number in zip(decoded(message, VoteButton), range(1, 100), strict=False)
            if f"\n{number}. {own}\n" not in f"{message['text']}\n" or not own
        ]
        for data in random.sample(others, min(len(others), random.choice((1, 2, 2)))):
            await self._press(player, message, data)

    async def _press(self, player: int, message: Message, data: str) -> None:
        place = {"chat": message["chat"]["id"], "message_id": message["message_id"]}
        await self._post("press", person=player, data=data, **place)

    async def _post(self, what: str, **body: Any) -> dict[str, Any]:
        async with self._session.post(f"/sandbox/{what}", json=body) as response:
            response.raise_for_status()
            answer: dict[str, Any] = await response.json()
        return answer


def decoded(message: Message, kind: type[CallbackData]) -> list[str]:
    """The data of a message's buttons of that kind."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    found = [key.get("callback_data") for row in rows for key in row]
    return [data for data in found if data and kind.decode(data)]


@contextmanager
def scripted_players(page: str, pace: float = 1.0) -> Iterator[None]:
    """Let the players play on a page, in a thread that ends with the block."""
    loop = asyncio.new_event_loop()

    async def play() -> None:
        async with aiohttp.ClientSession(page) as session:
            with suppress(aiohttp.ClientError):
                await ScriptedPlayers(session, pace).play()

    task = loop.create_task(play())

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run, name="players", daemon=True)
    thread.start()
    try:
        yield
    finally:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(task.cancel)
        thread.join(STOP_S)
