"""`jokebot run` as a process: killed, stopped and refused."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.engine.stub.engine import StubEngine, StubReply
from bot.sandbox.keyboards import callback_data
from bot.sandbox.server import Sandbox

TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"


@dataclass
class Bot:
    """A `jokebot run` process and its output."""

    process: asyncio.subprocess.Process
    output: asyncio.Task[bytes]

    async def ended(self) -> tuple[int, str]:
        """Wait until it exits; returns its exit code and output."""
        async with asyncio.timeout(60):
            return await self.process.wait(), (await self.output).decode()


class Peers:
    """A sandbox, a stub engine and the bots that use them."""

    def __init__(self, sandbox: Sandbox, engine: StubEngine, folder: Path) -> None:
        self.sandbox, self.engine, self.folder, self.world = sandbox, engine, folder, sandbox.world
        self.alice = next(iter(self.world.users))
        self.bots: list[Bot] = []

    async def start(self, *, folder: str = "data", **variables: str) -> Bot:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JOKEBOT_")}
        environment |= {
            "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
            "JOKEBOT_ACCESS_STRANGERS": "allow",
            "JOKEBOT_TELEGRAM_BASE_URL": self.sandbox.url,
            "JOKEBOT_ENGINE_URL": self.engine.url,
            "JOKEBOT_STORAGE_DIRECTORY": str(self.folder / folder),
            "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "100",
            **variables,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "run",
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        bot = Bot(process, asyncio.create_task(process.stdout.read()))
        self.bots.append(bot)
        return bot

    def jokes(self, photo: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            message
            for message in self.world.messages(photo["chat"]["id"])
            if callback_data(message) and message["reply_to_message"]["message_id"] == photo["message_id"]
        ]

    async def joke(self, photo: dict[str, Any]) -> dict[str, Any]:
        return (await self.world.wait_for(lambda _: self.jokes(photo), 60))[0]

    def value(self, sql: str) -> Any:
        with sqlite3.connect(self.folder / "data" / "jokebot.sqlite3") as connection:
            return connection.execute(sql).fetchone()[0]

    async def wait_for_engine(self) -> None:
        """Wait until the engine has a request."""
        for _ in range(3000):
            if self.engine.in_flight:
                return
            await asyncio.sleep(0.02)
        raise TimeoutError(self.world.describe())

    async def wait_for_value(self, sql: str) -> None:
        """Wait until the query of the bot's database gives a true value."""
        for _ in range(3000):
            if self.value(sql):
                return
            await asyncio.sleep(0.02)
        raise TimeoutError(sql)


@pytest.fixture
async def peers(tmp_path: Path) -> AsyncIterator[Peers]:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.running(port=0, token=TOKEN))
        engine = await stack.enter_async_context(StubEngine.running())
        peers = Peers(sandbox, engine, tmp_path)
        yield peers
        for bot in peers.bots:
            if bot.process.returncode is None:
                bot.process.kill()
            await bot.ended()


async def test_a_photo_that_was_received_before_a_kill_is_answered_once_after_it(peers, picture):
    peers.engine.answer = StubReply(gate=(gate := asyncio.Event()))
    bot = await peers.start()
    photo = peers.world.send_photo(peers.alice, peers.alice, picture())
    await peers.wait_for_engine()
    await peers.world.wait_for(lambda world: not len(world.updates), 60)
    bot.process.kill()
    await bot.ended()
    assert peers.value("SELECT count(*) FROM inbox WHERE state = 'pending'") == 1

    gate.set()
    await peers.start()
    await peers.joke(photo)
    late = peers.world.send_photo(peers.alice, peers.alice, picture())
    await peers.joke(late)
    assert len(peers.jokes(photo)) == 1


async def test_a_photo_that_was_answered_before_a_kill_is_not_answered_again(peers, picture):
    bot = await peers.start()
    photo = peers.world.send_photo(peers.alice, peers.alice, picture())
    await peers.joke(photo)
    await peers.wait_for_value("SELECT count(*) = 1 FROM deliveries")
    bot.process.kill()
    await bot.ended()
    with sqlite3.connect(peers.folder / "data" / "jokebot.sqlite3") as connection:
        update = next(
            call.parameters["offset"] for call in reversed(peers.sandbox.calls) if call.method == "getUpdates"
        )
        assert connection.execute("SELECT count(*) FROM inbox").fetchone()[0] == 1
        connection.execute("UPDATE inbox SET state = 'pending', payload = ?", (payload(int(update) - 1, photo),))

    await peers.start()
    late = peers.world.send_photo(peers.alice, peers.alice, picture())
    await peers.joke(late)
    await peers.wait_for_value("SELECT count(*) = 0 FROM inbox WHERE state = 'pending'")
    assert len(peers.jokes(photo)) == 1


def payload(update_id: int, message: dict[str, Any]) -> str:
    return json.dumps({"update_id": update_id, "message": message})


async def test_a_stop_finishes_what_is_under_way(peers, picture):
    peers.engine.answer = StubReply(gate=(gate := asyncio.Event()))
    bot = await peers.start()
    photo = peers.world.send_photo(peers.alice, peers.alice, picture())
    await peers.wait_for_engine()
    bot.process.send_signal(signal.SIGTERM)
    gate.set()
    await peers.joke(photo)
    code, output = await bot.ended()
    assert code == 0
    assert "Traceback" not in output
    assert peers.value("SELECT count(*) FROM inbox WHERE state = 'pending'") == 0


async def test_a_second_bot_on_the_same_token_gives_way_with_one_clear_line(peers, picture):
    await peers.start()
    await peers.joke(peers.world.send_photo(peers.alice, peers.alice, picture()))
    code, output = await (await peers.start(folder="second")).ended()
    assert code == 2
    assert [
        line for line in output.splitlines() if line.startswith("jokebot: Another process fetches this bot's updates")
    ]
    assert "Traceback" not in output
    await peers.joke(peers.world.send_photo(peers.alice, peers.alice, picture()))


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"JOKEBOT_TELEGRAM_TOKEN": ""}, "jokebot: No bot token is set."),
        (
            {"JOKEBOT_TELEGRAM_TOKEN": "123456:BBHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"},
            "jokebot: Telegram refuses the bot's token.",
        ),
        ({"JOKEBOT_TELEGRAM_TOKEN": "123456 AABBccDD/../x"}, "jokebot: JOKEBOT_TELEGRAM_TOKEN is no bot token."),
        ({"JOKEBOT_ENGINE_KIND": "cpu"}, "jokebot: The registry knows no directory for model base."),
        (
            {"JOKEBOT_ENGINE_KIND": "cpu", "JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON": "/bin/false"},
            "jokebot: /bin/false can't be run (code 1)",
        ),
        ({"JOKEBOT_ENGINE_KIND": "lmdeploy", "PATH": "/nowhere"}, "jokebot: LMDeploy needs an NVIDIA GPU"),
        ({"JOKEBOT_TELEGRAM_MODE": "webhook"}, "jokebot: The webhook mode needs"),
    ],
)
async def test_a_bot_that_cannot_run_says_why_in_one_line(peers, variables, line):
    code, output = await (await peers.start(**variables)).ended()
    assert code == 2
    assert any(printed.startswith(line) for printed in output.splitlines())
    assert "Traceback" not in output
    assert "BBHfiq" not in output


async def test_the_token_is_never_printed(peers, picture):
    bot = await peers.start(JOKEBOT_LOG_LEVEL="DEBUG", JOKEBOT_TELEGRAM_POLL_TIMEOUT_S="1")
    for method in ("getUpdates", "getFile", "download", "sendMessage"):
        for kind in ("500", "cut", "429"):
            peers.sandbox.faults.add(method, kind)
    await peers.joke(peers.world.send_photo(peers.alice, peers.alice, picture()))
    bot.process.terminate()
    code, output = await bot.ended()
    assert code == 0
    assert "trying again" in output
    assert TOKEN not in output and TOKEN.partition(":")[2] not in output


async def test_a_bot_survives_an_outage_of_telegram_at_its_start_and_later(peers, picture):
    peers.sandbox.faults.add("getMe", "500", times=2)
    peers.sandbox.faults.add("getUpdates", "cut", times=2)
    await peers.start()
    await peers.joke(peers.world.send_photo(peers.alice, peers.alice, picture()))
    peers.sandbox.faults.add(None, "502", times=4)
    await peers.joke(peers.world.send_photo(peers.alice, peers.alice, picture()))


async def test_a_start_ends_with_the_bots_link_and_has_no_chatter_of_libraries(peers, picture):
    bot = await peers.start()
    await peers.joke(peers.world.send_photo(peers.alice, peers.alice, picture()))
    bot.process.terminate()
    code, output = await bot.ended()
    assert code == 0
    assert "jokebot: ready as @jokebot_sandbox_bot: https://t.me/jokebot_sandbox_bot" in output.splitlines()
    logged = [line for line in output.splitlines() if not line.startswith("jokebot: ready")]
    assert [line for line in logged if " jokebot: " not in line and " bot." not in line] == []


async def test_a_running_bot_has_no_torch_in_memory(peers, picture):
    bot = await peers.start()
    await peers.joke(peers.world.send_photo(peers.alice, peers.alice, picture()))
    mapped = await asyncio.to_thread(Path(f"/proc/{bot.process.pid}/maps").read_text)
    assert "_sqlite3" in mapped
    assert "torch" not in mapped


async def test_a_killed_bot_answers_an_album_once_with_a_button_for_each_photo(peers, picture):
    peers.engine.answer = StubReply(gate=(gate := asyncio.Event()))
    bot = await peers.start(JOKEBOT_JOKE_ALBUM_MODE="per_album")
    album = peers.world.send_album(peers.alice, peers.alice, [picture((300 + number, 240)) for number in range(3)])
    await peers.wait_for_engine()
    bot.process.kill()
    await bot.ended()

    gate.set()
    await peers.start(JOKEBOT_JOKE_ALBUM_MODE="per_album")
    await peers.world.wait_for(lambda _: [len(callback_data(joke)) for joke in peers.jokes(album[0])] == [5 + 3], 60)
    await peers.joke(peers.world.send_photo(peers.alice, peers.alice, picture()))
    assert [len(peers.jokes(photo)) for photo in album] == [1, 0, 0]
