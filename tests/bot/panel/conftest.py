"""A running bot with a history, whose admin pages the sandbox shows; Alice is an admin."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.engine.stub.engine import StubEngine
from bot.retraining import orchestrator
from bot.sandbox.server import Sandbox
from bot.sandbox.telegram_objects import FIRST_USER_ID
from storage.database import Database
from tests.bot.conftest import TOKEN, Stage, make_settings, running
from tests.bot.panel.played import Past
from tests.bot.sandbox.page.conftest import browser, long_answer_timeout, mistakes, open_page  # noqa: F401  (fixtures)

KEY = "a long key that only the two know"


@dataclass
class Watched:
    """A stage, its history, and its sandbox, which shows the bot's admin pages."""

    stage: Stage
    past: Past

    async def get(
        self, path: str = "", key: str = KEY, headers: dict[str, str] | None = None, **query: Any
    ) -> tuple[int, Any, str]:
        """The bot's own answer: status, JSON or bytes, ETag."""
        headers = {"Authorization": f"Bearer {key}", **(headers or {})}
        query = {"person": FIRST_USER_ID, "language": "en", **query}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.stage.app.panel.url}/panel{path}", params=query, headers=headers) as response,
        ):
            body = await (response.json() if response.content_type == "application/json" else response.read())
            return response.status, body, response.headers.get("ETag", "")


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages about runs without delay, and a short grace for a run's process."""
    monkeypatch.setattr(orchestrator, "CANCEL_TIMEOUT_S", 0.1)
    monkeypatch.setattr(orchestrator, "SEND_INTERVAL_S", 0.1)


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """A fake train interpreter that does nothing until it is ended; the test writes its progress."""
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import signal; signal.pause()'\n")
    script.chmod(0o755)
    return script


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.running(port=0, token=TOKEN) as sandbox:
        yield sandbox


@pytest.fixture
async def watch(tmp_path: Path, sandbox: Sandbox, pipeline: Path) -> AsyncIterator[Callable[..., Awaitable[Watched]]]:
    """`await watch(past=False)`: the bot, with a history or a new database."""
    async with AsyncExitStack() as stack:

        async def start(*, past: bool = True) -> Watched:
            engine = await stack.enter_async_context(StubEngine.running())
            settings = make_settings(
                sandbox.url,
                engine.url,
                tmp_path / "data",
                telegram={"admins": [FIRST_USER_ID]},
                model={"name": "InternVL2-2B"},
                environments={"train_python": pipeline},
                retrain={"start_at_new_pairs": 0, "stop_grace_s": 0.1},
                panel={"listen": "127.0.0.1:0", "key": KEY},
            )
            database = await Database.open(settings.storage.database)
            written = Past(database, settings)
            if past:
                await written.write()
            await database.close()
            process = await stack.enter_async_context(AsyncExitStack())
            stage = Stage(sandbox, engine, settings, await process.enter_async_context(running(settings)), process)
            sandbox.panel.url, sandbox.panel.key = stage.app.panel.url, KEY
            return Watched(stage, written)

        yield start
