"""A photo has one request id in the inbox, the queue, the engine, the message and the user's error message."""

import asyncio
import io
import json
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from bot.engine.servers.launch import cpu_launcher
from bot.engine.stub.engine import StubReply
from bot.jokes.generator import JokeGenerator
from bot.runtime.child_process import start_child
from bot.sandbox.keyboards import callback_data
from bot.sandbox.server import Sandbox
from configs.log_context import ContextFormatter, request_id
from configs.settings import ROOT, Settings
from storage.learning.models import Model

TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"
DEMO = ROOT / "configs" / "demo-model" / "checkpoint"
TRAIN = Settings().environments.train_python


@pytest.fixture
def log_lines():
    """A function for the log lines since the test's start."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ContextFormatter("json"))
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)


@pytest.mark.skipif(not TRAIN.exists(), reason="there is no train environment")
async def test_one_photos_lines_in_the_bot_and_in_its_engine_share_an_id(tmp_path, picture):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JOKEBOT_")} | {
        "JOKEBOT_LOG_FORMAT": "json"
    }
    async with Sandbox.running(port=0, token=TOKEN) as sandbox:
        engine = start_child(
            "engine",
            [str(TRAIN), "-m", "bot", "serve", str(DEMO), "--port", "0"],
            log=tmp_path / "engine.log",
            environment=environment,
            cwd=ROOT,
        )
        with engine:
            address = await asyncio.to_thread(engine.wait_ready, 300)
            log_entries = await two_photos(
                sandbox,
                picture,
                environment
                | {
                    "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
                    "JOKEBOT_ACCESS_STRANGERS": "allow",
                    "JOKEBOT_TELEGRAM_BASE_URL": sandbox.url,
                    "JOKEBOT_ENGINE_URL": f"{address}/v1",
                    "JOKEBOT_STORAGE_DIRECTORY": str(tmp_path / "data"),
                    "JOKEBOT_LOG_LEVEL": "DEBUG",
                },
            )
    assert all(line.keys() >= {"time", "level", "logger", "message", "request", "run"} for line in log_entries)
    answered = [json.loads(line) for line in (tmp_path / "engine.log").read_text().splitlines() if line.startswith("{")]
    photos = [
        line
        for line in log_entries
        if line["logger"] == "bot.telegram.dispatcher" and "is in the inbox" in line["message"]
    ]
    assert len(photos) == 2
    for line in photos:
        number = line["request"]
        assert number == request_id(int(line["message"].split()[1]))
        assert {entry["logger"] for entry in log_entries if entry["request"] == number} >= {
            "bot.telegram.dispatcher",
            "bot.jokes.generator",
            "bot.engine.client",
            "bot.telegram.rate_limiter",
            "bot.handlers.joke_delivery",
        }
        assert any(entry["message"].startswith("sendMessage") for entry in log_entries if entry["request"] == number)
        assert [entry["logger"] for entry in answered if entry["request"] == number] == ["bot.engine.cpu.server"]


async def two_photos(
    sandbox: Sandbox, picture: Callable[..., bytes], environment: dict[str, str]
) -> list[dict[str, Any]]:
    """Run a bot until it has answered two photos; returns its log lines."""
    world, alice = sandbox.world, next(iter(sandbox.world.users))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    output = asyncio.create_task(process.stderr.read())
    try:
        for colour in ("blue", "red"):
            world.send_photo(alice, alice, picture(colour=colour))
        await world.wait_for(
            lambda _: len([message for message in world.messages(alice) if callback_data(message)]) == 2, 300
        )
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), 120)
    return [json.loads(line) for line in (await output).decode().splitlines()]


def test_a_cpu_engine_of_the_bots_own_writes_its_log_in_the_same_form(monkeypatch):
    monkeypatch.setenv("JOKEBOT_LOG_FORMAT", "json")
    launch = cpu_launcher(Settings(environments={"train_python": sys.executable}))(
        Model(1, "demo", "base", None, None, str(DEMO), None, "{}", 0.0), 1, "key"
    )
    assert launch.environment["JOKEBOT_LOG_FORMAT"] == "json"


async def test_the_engine_is_told_the_id(stage):
    await stage.joke(stage.send_photo())
    await stage.quiet()
    assert stage.engine.asked[-1].request_id == request_id(await stage.value("SELECT update_id FROM inbox"))


async def test_an_apology_names_the_id_under_which_the_log_has_the_defect(stage, monkeypatch, log_lines):
    async def broken(*_, **__):
        raise RuntimeError("a defect")

    monkeypatch.setattr(stage.part(JokeGenerator), "generate", broken)
    answer = await stage.answer(stage.send_photo())
    await stage.quiet()
    number = request_id(await stage.value("SELECT update_id FROM inbox"))
    assert answer["text"] == f"{stage.words('defect')}\n\n{stage.words('apology-number', id=number)}"
    assert [
        "a defect" in line["error"] for line in log_lines() if line["request"] == number and line["level"] == "ERROR"
    ] == [True]


async def test_a_photo_keeps_its_id_through_a_restart(stage_with, monkeypatch):
    monkeypatch.setattr("bot.app.GRACE_S", 0.1)
    gate = asyncio.Event()
    stage = await stage_with(StubReply(gate=gate))
    photo = stage.send_photo()
    await stage.until(lambda: bool(stage.engine.asked))
    await stage.restart()
    gate.set()
    await stage.joke(photo)
    assert len({asked.request_id for asked in stage.engine.asked}) == 1 and stage.engine.asked[0].request_id
