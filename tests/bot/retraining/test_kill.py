"""SIGKILL of the bot during a run: its process ends too, the next bot restarts it, and users get their jokes."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bot.engine.stub.engine import StubEngine
from bot.sandbox.keyboards import callback_data
from bot.sandbox.server import Sandbox
from storage.database import Database
from storage.learning import models, runs
from tests.bot.conftest import TOKEN
from tests.waiting import until

SETTINGS = {"RETRAIN_CRON": "", "RETRAIN_START_AT_NEW_PAIRS": "0", "LIMITS_CHAT_MESSAGES_PER_S": "1000"}
PATIENCE_S = 120


@pytest.fixture
async def bot(tmp_path, python):
    """`await bot()` starts the bot again; the sandbox, the engine and the data stay."""
    async with Sandbox.running(port=0, token=TOKEN) as sandbox, StubEngine.running() as engine:
        environment = {
            **os.environ,
            **{f"JOKEBOT_{name}": value for name, value in SETTINGS.items()},
            "JOKEBOT_STORAGE_DIRECTORY": str(tmp_path / "data"),
            "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
            "JOKEBOT_TELEGRAM_BASE_URL": sandbox.url,
            "JOKEBOT_ENGINE_URL": engine.url,
            "JOKEBOT_ENGINE_MODEL": engine.models[0],
            "JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON": str(python),
        }
        started = []

        async def start():
            started.append(
                await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "bot",
                    "run",
                    env=environment,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                )
            )
            return started[-1]

        start.world = sandbox.world
        yield start
        for process in started:
            if process.returncode is None:
                process.kill()
                await process.wait()


def works(pid: int) -> bool:
    """Whether that process runs; a zombie doesn't count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def process_of_run(theatre) -> int:
    file = theatre.data / "pid"
    return int(file.read_text() or 0) if file.exists() else 0


async def joke(world, picture, number):
    """A photo gets its joke."""
    person = next(iter(world.users))
    photo = world.send_photo(person, person, picture(colour=(number, 90, 90)))
    await world.wait_for(
        lambda _: any(
            callback_data(one) and one["reply_to_message"]["message_id"] == photo["message_id"]
            for one in world.messages(person)
        ),
        PATIENCE_S,
    )


async def test_a_killed_bot_takes_its_runs_process_along_and_the_next_goes_on_with_the_run(bot, theatre, picture):
    theatre.play(
        {"row": {"state": "training"}},
        {"wait": "never"},
        {"wait": "end"},
        {"row": {"state": "failed", "reason": "The play is over.", "finished_at": 1}},
    )
    first = await bot()
    await joke(bot.world, picture, 1)
    database = await Database.open(theatre.data / "jokebot.sqlite3")
    try:
        champion = await models.get_champion(database)
        run = await runs.create_run(database, "command")
        await until(lambda: (theatre.data / "played").exists() and (theatre.data / "played").read_text() == "2")
        killed = process_of_run(theatre)
        assert works(killed)
        first.kill()
        await first.wait()
        await until(lambda: not works(killed))
        assert (await runs.get_run(database, run.id)).state == "training"
        await bot()
        await until(lambda: process_of_run(theatre) not in (0, killed))
        await joke(bot.world, picture, 2)
        theatre.go("end")

        async def ended():
            return (await runs.get_run(database, run.id)).reason == "The play is over."

        await until(ended)
        assert await models.get_champion(database) == champion and len(await runs.list_runs(database)) == 1
    finally:
        await database.close()
