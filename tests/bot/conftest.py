"""The bot in one process with a sandbox as Telegram, a stub engine and a database in a temporary folder.

The train environment loads this file too, for the CPU engine's tests, without the bot's packages: imports are late.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from PIL import Image

from configs.settings import Settings

if TYPE_CHECKING:
    from bot.app import App
    from bot.engine.stub.engine import StubEngine, StubReply
    from bot.sandbox.server import Sandbox

Part = TypeVar("Part")
TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"
FAST = {
    "limits": {
        "messages_per_s": 1000,
        "chat_messages_per_s": 1000,
        "group_messages_per_min": 60_000,
        "edit_interval_s": 0.2,
        "album_wait_s": 0.2,
        "album_mention_wait_s": 0.2,
    },
    "engine": {
        "attempts": 2,
        "retry_delay_s": 0.01,
        "connect_timeout_s": 100,
        "first_token_timeout_s": 200,
        "token_timeout_s": 200,
        "total_timeout_s": 400,
    },
    "alerts": {"disk_gb": 0},
    "joke": {"base_share": 0},
}
TIMEOUT_S = 200
"""Timeout of a test's waits. On a busy machine, the first import of the engine's client alone takes a minute."""


def make_picture(
    size: tuple[int, int] = (320, 240), colour: Any = (200, 30, 60), kind: str = "JPEG", mode: str = "RGB"
) -> bytes:
    """A single-colour picture file."""
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, kind)
    return buffer.getvalue()


def callback_data(message: dict[str, Any]) -> list[str]:
    """The callback data of a message's buttons."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row]


def part_of(app: object, kind: type[Part]) -> Part:
    """The object of class `kind` that `app` refers to, directly or not."""
    seen, rest = set(), [app]
    while rest:
        found = rest.pop(0)
        if isinstance(found, kind):
            return found
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, dict | list | tuple | set):
            rest += found.values() if isinstance(found, dict) else found
        elif isinstance(found, partial):
            rest += [found.func, *found.args, *found.keywords.values()]
        elif isinstance(found, MethodType | FunctionType):
            cells = getattr(found, "__closure__", None) or ()
            rest += [getattr(found, "__self__", None), *(cell.cell_contents for cell in cells)]
        elif type(found).__module__.split(".")[0] in ("bot", "telegram"):
            names = (*getattr(found, "__dict__", ()), *getattr(type(found), "__slots__", ()))
            rest += [getattr(found, name) for name in names if hasattr(found, name)]
    raise LookupError(f"the bot has no {kind.__name__}")


@dataclass
class Stage:
    """A running bot, its sandbox and its engine, with helpers for tests."""

    sandbox: "Sandbox"
    engine: "StubEngine"
    settings: Settings
    app: "App"
    process: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def restart(self) -> None:
        """Stop the bot and start it again on the same data."""
        await self.process.aclose()
        self.app = await self.process.enter_async_context(running(self.settings))

    def __post_init__(self) -> None:
        self.world = self.sandbox.world
        self.alice, self.bob, self.ming = list(self.world.users)[:3]
        self.group = self.world.group_id

    def send_photo(
        self,
        caption: str | None = None,
        *,
        person: int | None = None,
        chat: int | None = None,
        data: bytes | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        person = person or self.alice
        return self.world.send_photo(person, chat or person, data or make_picture(), caption, **more)

    def answers(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """The bot's current replies to a message."""
        chat, number = message["chat"]["id"], message["message_id"]
        return [
            reply
            for reply in self.world.messages(chat)
            if reply["from"]["is_bot"] and reply.get("reply_to_message", {}).get("message_id") == number
        ]

    async def answer(
        self, message: dict[str, Any], until: Callable[[dict[str, Any]], bool] = lambda reply: True
    ) -> dict[str, Any]:
        """Wait for the bot's first reply for which `until` is true."""
        return await self.world.wait_for(
            lambda _: next((reply for reply in self.answers(message) if until(reply)), None), TIMEOUT_S
        )

    async def joke(self, message: dict[str, Any], number: int = 1) -> dict[str, Any]:
        """Wait for the `number`-th reply with buttons to a photo."""
        jokes = await self.world.wait_for(
            lambda _: [reply for reply in self.answers(message) if callback_data(reply)][number - 1 : number], TIMEOUT_S
        )
        return jokes[0]

    async def press(self, joke: dict[str, Any], index: int, *, person: int | None = None) -> str:
        """Press a joke's button (0, 1, 2: ratings, 3: another joke); returns the bot's answer."""
        return await self.press_data(joke, callback_data(joke)[index], person=person)

    async def press_data(
        self, joke: dict[str, Any], data: str, *, person: int | None = None, forged: bool = False
    ) -> str:
        query = self.world.press(person or self.alice, joke["chat"]["id"], joke["message_id"], data, forged)
        answer = await self.world.wait_for_answer(query, TIMEOUT_S)
        assert answer is not None, "the button was not answered"
        return answer["text"]

    def labels(self, joke: dict[str, Any]) -> list[str]:
        """The buttons' current labels, without the 🚩 and ✍️ of every joke."""
        message = self.world.message(joke["chat"]["id"], joke["message_id"])
        rows = message["reply_markup"]["inline_keyboard"]
        return [button["text"] for row in rows for button in row if button["text"] not in ("🚩", "✍️")]

    async def shows(self, joke: dict[str, Any], *labels: str) -> None:
        """Wait until the buttons have these labels."""
        await self.world.wait_for(lambda _: self.labels(joke) == list(labels), TIMEOUT_S)

    async def value(self, sql: str, *parameters: Any) -> Any:
        return await self.app.database.value(sql, parameters)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition outside the sandbox's state."""
        for _ in range(100 * TIMEOUT_S):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise TimeoutError(self.world.describe())

    async def quiet(self) -> None:
        """Wait until every update is finished."""
        await self.world.wait_for(lambda world: not len(world.updates), TIMEOUT_S)
        for _ in range(100 * TIMEOUT_S):
            if not await self.value("SELECT count(*) FROM inbox WHERE state = 'pending'"):
                return
            await asyncio.sleep(0.01)
        raise TimeoutError("an update was not finished")

    def words(self, name: str, language: str = "en", **values: Any) -> str:
        from bot.i18n.translator import Translator

        return self.part(Translator).format(language, name, **values)

    def part(self, kind: type[Part]) -> Part:
        """The running bot's object of this class."""
        return part_of(self.app, kind)

    def calls(self, method: str) -> list[dict[str, Any]]:
        """The parameters of the bot's calls of a Bot API method."""
        return [call.parameters for call in self.sandbox.calls if call.method.lower() == method.lower()]


def make_settings(sandbox_url: str, engine_url: str, folder: Path, **sections: dict[str, Any]) -> Settings:
    """Settings without limits that slow a test down and without alerts about this machine's disk.

    `sections` override them.
    """
    base: dict[str, dict[str, Any]] = {
        "telegram": {"token": TOKEN, "base_url": sandbox_url},
        "storage": {"directory": folder},
        **FAST,
    }
    base["engine"] = {**base["engine"], "url": engine_url}
    return Settings(
        **{name: {**base.get(name, {}), **sections.get(name, {})} for name in base.keys() | sections.keys()}
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator["App"]:
    """Run the bot; it stops in order after the block."""
    from bot.app import started_app

    async with started_app(settings) as app:
        task = asyncio.create_task(app.run())
        try:
            yield app
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Makes picture files: `picture(size, colour, kind, mode)`."""
    return make_picture


@pytest.fixture
async def stage_with(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """A function that starts a stage; `answer` and `script` are the stub's, `sections` override settings."""
    from bot.engine.stub.engine import StubEngine
    from bot.sandbox.server import Sandbox

    async with AsyncExitStack() as stack:

        async def start(answer: "StubReply | None" = None, script: Any = (), **sections: dict[str, Any]) -> Stage:
            sandbox = await stack.enter_async_context(Sandbox.running(port=0, token=TOKEN))
            engine = await stack.enter_async_context(StubEngine.running(answer=answer, script=script))
            settings = make_settings(sandbox.url, engine.url, tmp_path / "data", **sections)
            process = await stack.enter_async_context(AsyncExitStack())
            return Stage(sandbox, engine, settings, await process.enter_async_context(running(settings)), process)

        yield start


@pytest.fixture
async def stage(stage_with: Callable[..., Any]) -> Stage:
    """A stage with an engine that answers at once."""
    return await stage_with()
