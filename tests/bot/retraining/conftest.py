"""A stage whose first user is an admin, with a fake train environment that plays a test's script (`pretend.py`)."""

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
    """The script of the fake train environment, in the bot's data folder."""

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
        left_out: dict[str, int] | None = None,
    ) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        found = {
            "new": new,
            "fresh": new if fresh is None else fresh,
            "replayed": replayed,
            "people": people,
            "jokes": list(jokes),
            "training": training,
            "left_out": left_out or {},
        }
        (self.data / "pairs.json").write_text(json.dumps(found))

    def play(self, *acts: dict[str, Any]) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "play.json").write_text(json.dumps(acts))

    def go(self, name: str) -> None:
        """Release the step that waits for that name."""
        (self.data / name).touch()


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages without delay."""
    monkeypatch.setattr(orchestrator, "SEND_INTERVAL_S", 0.1)


@pytest.fixture
def theatre(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "data")


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The fake interpreter."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {PRETEND} "$@"\n')
    script.chmod(0o755)
    return script


@pytest.fixture
def sections(python: Path) -> dict[str, dict[str, Any]]:
    return {
        "telegram": {"admins": [FIRST_USER_ID]},
        "environments": {"train_python": python},
        "retrain": {"min_pairs": 10, "start_at_new_pairs": 0},
    }


@pytest.fixture
async def admins_stage(stage_with: Callable[..., Any], sections: dict[str, dict[str, Any]]) -> Any:
    """A stage on which Alice is an admin."""
    return await stage_with(**sections)


@pytest.fixture
async def curtain(
    tmp_path: Path, sections: dict[str, dict[str, Any]]
) -> AsyncIterator[Callable[[], AbstractAsyncContextManager[Stage]]]:
    """`async with curtain() as stage`: start a bot and stop it, each time with the same peers and data."""
    async with Sandbox.running(port=0, token=TOKEN) as sandbox, StubEngine.running() as engine:
        settings = make_settings(sandbox.url, engine.url, tmp_path / "data", **sections)

        @asynccontextmanager
        async def rise() -> AsyncIterator[Stage]:
            async with running(settings) as app:
                yield Stage(sandbox, engine, settings, app)

        yield rise


async def add_model(database: Any, name: str) -> models.Model:
    """A candidate that is newer than the champion, without files."""
    serving = await models.get_champion(database)
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
    """A run with the gate's verdict, in the state to which its process would have brought it."""
    run = await runs.create_run(database, "command")
    for state in ("exporting", "training", "merging"):
        run = await runs.advance(
            database, run, state, **({"dataset": "d", "model_name": name} if state == "training" else {})
        )
    serving = await models.get_champion(database)
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
