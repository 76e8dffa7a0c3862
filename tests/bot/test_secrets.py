"""Searches all outputs and files of a bot run, with faults, for the token and the keys."""

import asyncio
import os
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import psutil

from bot.engine.stub.engine import StubEngine, StubRefusal
from bot.sandbox.keyboards import callback_data
from bot.sandbox.server import Sandbox

TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"
KEY, WEBHOOK_SECRET = "sk-engine-key-8f2c61d0", "hook-secret-77aa01"
SECRETS = (TOKEN, TOKEN.partition(":")[2], KEY, WEBHOOK_SECRET)


async def test_no_secret_is_in_outputs_arguments_files_or_database_and_files_are_the_users_alone(tmp_path, picture):
    folder = tmp_path / "data"
    async with Sandbox.running(port=0, token=TOKEN) as sandbox, StubEngine.running(script=[StubRefusal(401)]) as engine:
        environment = {
            **os.environ,
            "JOKEBOT_STORAGE_DIRECTORY": str(folder),
            "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
            "JOKEBOT_LOG_LEVEL": "DEBUG",
            "JOKEBOT_TELEGRAM_BASE_URL": sandbox.url,
            "JOKEBOT_ENGINE_URL": engine.url,
            "JOKEBOT_ENGINE_API_KEY": KEY,
            "JOKEBOT_TELEGRAM_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "100",
        }
        output_bytes = b""
        world, alice = sandbox.world, next(iter(sandbox.world.users))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "run",
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output = asyncio.create_task(process.stdout.read())
        try:
            world.send_photo(alice, alice, picture())
            await world.wait_for(lambda _: len(engine.asked) >= 1, 60)
            for kind in ("cut", "500", "429"):
                sandbox.faults.add("sendMessage", kind)
                sandbox.faults.add("getUpdates", kind)
                sandbox.faults.add("download", kind)
            world.send_photo(alice, alice, picture(colour="blue"))
            jokes = await world.wait_for(
                lambda _: [message for message in world.messages(alice) if callback_data(message)], 60
            )
            world.press(alice, alice, jokes[0]["message_id"], callback_data(jokes[0])[0])
            await world.wait_for(lambda _: any(call.method == "answerCallbackQuery" for call in sandbox.calls), 60)
            arguments = " ".join(
                word
                for member in (psutil.Process(process.pid), *psutil.Process(process.pid).children(True))
                for word in member.cmdline()
            )
            files = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
            open_to_others = [
                file for file in (folder, *folder.rglob("*")) if stat.S_IMODE(file.stat().st_mode) & 0o077
            ]
        finally:
            process.terminate()
            output_bytes = await output
            await process.wait()
        code, error = await refused_token(environment)
    assert code == 2 and b"refuses the bot's token" in error, error
    assert b"joke" in output_bytes and len(files) >= 3
    assert not open_to_others
    for secret in SECRETS:
        assert secret.encode() not in output_bytes + error and secret not in arguments
        assert not [file for file, content in files.items() if secret.encode() in content]
    with closing(sqlite3.connect(folder / "jokebot.sqlite3")) as connection:
        dump = "\n".join(connection.iterdump())
    assert "CREATE TABLE" in dump and not [secret for secret in SECRETS if secret in dump]


async def refused_token(environment: dict[str, str]) -> tuple[int, bytes]:
    """Run a bot whose token Telegram refuses; returns its exit code and output."""
    async with Sandbox.running(port=0, token="999999:another") as other:
        variables = {**environment, "JOKEBOT_TELEGRAM_BASE_URL": other.url}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "run",
            env=variables,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output_bytes, _ = await process.communicate()
        return process.returncode, output_bytes


def test_secrets_are_typed_so_that_printing_them_shows_stars():
    from configs.settings import Settings

    settings = Settings(telegram={"token": TOKEN, "webhook_secret": WEBHOOK_SECRET}, engine={"api_key": KEY})
    assert not [
        secret
        for secret in SECRETS
        if secret in repr(settings) or secret in str(settings) or secret in settings.model_dump_json()
    ]


def test_no_file_of_the_program_holds_something_that_looks_like_a_token():
    from bot.runtime.logging_setup import BOT_TOKEN

    root = Path(__file__).resolve().parents[2]
    files = [
        file
        for package in ("bot", "storage", "trainer", "configs", "docs")
        for file in (root / package).rglob("*")
        if file.suffix in (".py", ".toml", ".md", ".ftl", ".sql", ".json", ".yml", ".yaml", ".service")
    ]
    assert len(files) > 100
    assert not [file for file in files if BOT_TOKEN.search(file.read_text(encoding="utf-8"))]
