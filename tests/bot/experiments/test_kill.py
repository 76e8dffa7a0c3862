"""SIGKILL during a trial: the next process serves the candidate again and continues the same trial."""

import asyncio
import os
import sys

from bot.engine.stub.engine import StubEngine, StubReply
from bot.sandbox.keyboards import callback_data
from bot.sandbox.server import Sandbox
from storage.database import Database
from storage.learning import models, runs
from storage.learning.trials import count_trial_ratings, get_trial_of_run
from tests.bot.experiments.conftest import CANDIDATE, CHAMPION, NEW, OLD, let_through

TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"
KILLS_AFTER = (2, 9)
"""Photos rated when the bot is killed: while the candidate has its small share, and after that."""
SETTINGS = {
    "ENGINE_MODEL": CHAMPION,
    "CANARY_ASSIGN_BY": "photo",
    "ENGINE_ATTEMPTS": "1",
    "DUEL_ONE_IN_PHOTOS": "0",
    "CANARY_INITIAL_SHARE": "0.5",
    "CANARY_INITIAL_RATINGS": "3",
    "CANARY_MIN_DAYS": "0",
    "LIMITS_CHAT_MESSAGES_PER_S": "1000",
    "RETRAIN_CRON": "",
    "RETRAIN_START_AT_NEW_PAIRS": "0",
}


async def test_a_killed_bot_goes_on_with_the_trial_to_its_verdict(tmp_path, picture):
    async with (
        Sandbox.running(port=0, token=TOKEN) as sandbox,
        StubEngine.running(models=[CHAMPION, CANDIDATE]) as engine,
    ):
        engine.answers = {CHAMPION: StubReply(OLD), CANDIDATE: StubReply(NEW)}
        database = await Database.open(tmp_path / "data" / "jokebot.sqlite3")
        await models.register_base(database, CHAMPION, None)
        run = await let_through(database)
        environment = {
            **os.environ,
            **{f"JOKEBOT_{name}": value for name, value in SETTINGS.items()},
            "JOKEBOT_STORAGE_DIRECTORY": str(tmp_path / "data"),
            "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
            "JOKEBOT_TELEGRAM_BASE_URL": sandbox.url,
            "JOKEBOT_ENGINE_URL": engine.url,
        }
        began, rated, bot = set(), 0, await start(environment)
        try:
            await begins(database, run)
            while (run := await runs.get_run(database, run.id)).state == "canary" and rated < 100:
                if rated in KILLS_AFTER:
                    bot.kill()
                    await bot.wait()
                    bot = await start(environment)
                await rate(sandbox.world, picture, rated)
                rated += 1
                if trial := await get_trial_of_run(database, run.id):
                    began.add((trial.id, trial.began_at))
            assert run.state == "promoted", run
            assert len(began) == 1 and rated > max(KILLS_AFTER)
            trial = await get_trial_of_run(database, run.id)
            assert await count_trial_ratings(database, trial) >= rated - 5, (
                "ratings of before a kill must count after it"
            )
        finally:
            bot.kill()
            await bot.wait()
            await database.close()


async def start(environment: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def begins(database: Database, run: runs.Run) -> None:
    """Wait until the trial has begun: earlier ratings don't count."""
    async with asyncio.timeout(60):
        while await get_trial_of_run(database, run.id) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def rate(world, picture, number: int) -> None:
    """Send a photo, and press 😂 under the candidate's joke, 😐 under the champion's."""
    person = next(iter(world.users))
    photo = world.send_photo(person, person, picture(colour=(number, 90, 90)))
    joke = (
        await world.wait_for(
            lambda _: [
                one
                for one in world.messages(person)
                if callback_data(one) and one["reply_to_message"]["message_id"] == photo["message_id"]
            ],
            60,
        )
    )[0]
    query = world.press(person, person, joke["message_id"], callback_data(joke)[0 if joke["text"] == NEW else 2])
    assert await world.wait_for_answer(query, 60)
