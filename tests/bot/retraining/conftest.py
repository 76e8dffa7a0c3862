"""A stage whose first person is an admin and whose train environment plays what the test wrote down (`pretend.py`)."""

import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.engine.stub.engine import StubEngine
from bot.retraining import orchestrator
from bot.sandbox.server import Sandbox
from bot.sandbox.telegram_objects import FIRST_USER_ID
from storage.learning import models, promotion, runs
from tests.bot.conftest import TOKEN, Stage, make_settings, running

PRETEND = Path(__file__).with_name("pretend.py")


@dataclass
class Theatre:
    """What the pretended train environment does next, in the bot's data folder."""

    data: Path

    def pairs(
        self,
        new: int,
        *,
        fresh: int | None = None,
        replayed: int = 0,
        people: int = 3,
        jokes: Sequence[int] = (),
        training: dict[str, Any] | None = None,
    ) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        found = {
            "new": new,
            "fresh": new if fresh is None else fresh,
            "replayed": replayed,
            "people": people,
            "jokes": list(jokes),
            "training": training,
        }
        (self.data / "pairs.json").write_text(json.dumps(found))

    def play(self, *acts: dict[str, Any]) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "play.json").write_text(json.dumps(acts))

    def go(self, name: str) -> None:
        """Let what waits for that name go on."""
        (self.data / name).touch()


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """News at once."""
    monkeypatch.setattr(orchestrator, "TELL_S", 0.1)


@pytest.fixture
def theatre(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "data")


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter that plays."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {PRETEND} "$@"\n')
    script.chmod(0o755)
    return script


@pytest.fixture
def sections(python: Path) -> dict[str, dict[str, Any]]:
    return {
        "telegram": {"admins": [FIRST_USER_ID]},
        "environments": {"train_python": python},
        "retrain": {"minimum_pairs": 10, "pairs": 0},
    }


@pytest.fixture
async def admins_stage(stage_with: Callable[..., Any], sections: dict[str, dict[str, Any]]) -> Any:
    """A stage on which Alice is an admin."""
    return await stage_with(**sections)


@pytest.fixture
async def curtain(
    tmp_path: Path, sections: dict[str, dict[str, Any]]
) -> AsyncIterator[Callable[[], AbstractAsyncContextManager[Stage]]]:
    """`async with curtain() as stage`: a bot that starts and stops, each time with the same peers and the same data."""
    async with Sandbox.running(port=0, token=TOKEN) as sandbox, StubEngine.running() as engine:
        settings = make_settings(sandbox.url, engine.url, tmp_path / "data", **sections)

        @asynccontextmanager
        async def rise() -> AsyncIterator[Stage]:
            async with running(settings) as app:
                yield Stage(sandbox, engine, settings, app)

        yield rise


async def add_model(database: Any, name: str) -> models.Model:
    """A candidate made after the champion, without files."""
    serving = await models.champion(database)
    async with database.write() as connection:
        return await models.add_candidate(
            connection,
            models.NewModel(
                name=name,
                parent_id=serving.id,
                base_id=serving.base_id or serving.id,
                start_id=serving.id,
                dataset="d",
                run_id=None,
                directory=f"/nowhere/{name}",
                digest="0" * 64,
                measures="{}",
            ),
        )


async def judged_run(database: Any, answer: str = "promote", *, name: str = "run-1", **verdict: Any) -> runs.Run:
    """A run that the gate has spoken about, on its way as its process would have brought it there."""
    run = await runs.create_run(database, "command")
    for state in ("exporting", "training", "merging"):
        run = await runs.advance(
            database, run, state, **({"dataset": "d", "model_name": name} if state == "training" else {})
        )
    serving = await models.champion(database)
    run = await promotion.record_merge(
        database,
        run,
        models.NewModel(
            name=name,
            parent_id=serving.id,
            base_id=serving.id,
            start_id=serving.id,
            dataset="d",
            run_id=run.id,
            directory=f"/nowhere/{name}",
            digest="0" * 64,
            measures="{}",
        ),
    )
    return await promotion.record_verdict(
        database, run, serving.id, {"answer": answer, "reasons": ["It said so."], "measures": {}, **verdict}
    )
