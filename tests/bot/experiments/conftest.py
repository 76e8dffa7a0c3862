"""A bot with a champion and a candidate behind a stub engine, and users with fixed preferences."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from storage.database import Database
from storage.learning import models, promotion, runs
from storage.learning.models import NewModel
from storage.learning.runs import Run
from storage.learning.trial_evidence import list_duel_picks
from storage.learning.trials import get_trial_of_run

OLD, NEW = "A horse walks into a bar.", "Nobody ordered the horse."
CHAMPION, CANDIDATE = "base", "candidate"
QUICK = {"initial_share": 0.5, "initial_ratings": 6, "full_share": 0.5, "max_ratings": 200, "min_days": 0}


async def let_through(database: Database) -> Run:
    """A run whose candidate has passed the gate, in the state canary."""
    serving = await models.get_champion(database)
    run = await runs.create_run(database, "command")
    for state in ("exporting", "training", "merging"):
        run = await runs.advance(database, run, state)
    name = f"{CANDIDATE}-{run.id}" if run.id > 1 else CANDIDATE
    new = NewModel(name, serving.id, serving.base_id or serving.id, serving.id, "", run.id, "/models/new", "sha", "{}")
    run = await promotion.record_merge(database, run, new)
    return await promotion.record_verdict(
        database, run, serving.id, {"answer": "promote", "reasons": ["Better."], "measures": {}}
    )


def is_duel(message: dict[str, Any]) -> bool:
    return OLD in message.get("text", "") and NEW in message["text"]


def no_pipeline(*arguments: Any) -> None:
    """In place of `start_pipeline`: `let_through` does the pipeline's steps, so a process must not do them too."""
    raise OSError("these tests start no pipeline")


@dataclass
class Chat:
    """Drives a stage: registers the candidate, sends photos, rates the jokes."""

    stage: Any
    picture: Callable[..., bytes]
    sent: int = 0

    async def put_on_trial(self) -> Run:
        """A run whose candidate has passed the gate."""
        return await let_through(self.stage.app.database)

    def send(self, person: int | None = None, chat: int | None = None) -> dict[str, Any]:
        """Send a photo that no user has sent before, with /joke in a group."""
        self.sent += 1
        colour = self.sent * 7919 % 0xFFFFFF
        return self.stage.send_photo(
            None if chat is None else "/joke",
            person=person,
            chat=chat,
            data=self.picture(colour=(colour >> 16, colour >> 8 & 255, colour & 255)),
        )

    async def duel(self, chat: int | None = None) -> dict[str, Any]:
        """Send photos until one gets a duel; returns its message. `chat`: a group."""
        for _ in range(3):
            message = await self.stage.joke(self.send(chat=chat))
            if is_duel(message):
                return message
        raise AssertionError("no photo became a duel")

    async def picks(self, run: Run) -> list[int]:
        """The choices that the run's trial counts: 1 for the candidate, -1 for the champion, 0 for neither."""
        database = self.stage.app.database
        return [row.pick for row in await list_duel_picks(database, await get_trial_of_run(database, run.id))]

    async def rate(self, old: int, new: int, person: int | None = None) -> str:
        """Send a photo and press `old` or `new`, by the model of the joke; returns the joke."""
        joke = await self.stage.joke(self.send(person))
        await self.stage.press(joke, new if joke["text"] == NEW else old, person=person)
        return joke["text"]

    async def rate_until(self, run: Run, old: int, new: int, *, most: int = 200) -> Run:
        """Rate until the run has left canary."""
        for _ in range(most):
            await self.rate(old, new)
            if (found := await runs.get_run(self.stage.app.database, run.id)).state != "canary":
                return found
        return await self.ends(run)

    async def until(self, look: Callable[[], Awaitable[Any]]) -> Any:
        """The first result of `look` that is true."""
        async with asyncio.timeout(60):
            while True:
                if found := await look():
                    return found
                await asyncio.sleep(0.02)

    async def trial(self, run: Run, until: Callable[[Any], bool] = lambda trial: True) -> Any:
        """The run's trial, once `until` is true of it."""

        async def look() -> Any:
            trial = await get_trial_of_run(self.stage.app.database, run.id)
            return trial if trial and until(trial) else None

        return await self.until(look)

    async def ends(self, run: Run) -> Run:
        """The run, once it has left canary."""

        async def look() -> Run | None:
            found = await runs.get_run(self.stage.app.database, run.id)
            return None if found.state == "canary" else found

        return await self.until(look)


@pytest.fixture
async def chat_with(stage_with, picture, monkeypatch) -> AsyncIterator[Callable[..., Any]]:
    """A function that starts a stage with both models; its arguments change settings by section."""
    from bot.engine.stub.engine import StubReply
    from bot.experiments import canary_controller, champion_monitor, predecessor_trial
    from bot.retraining import orchestrator

    monkeypatch.setattr(orchestrator, "IDLE_S", 0.05)
    monkeypatch.setattr(orchestrator, "start_pipeline", no_pipeline)
    monkeypatch.setattr(canary_controller, "POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr(canary_controller, "RETRY_DELAYS_S", (0.02, 0.02))
    monkeypatch.setattr(canary_controller, "MAX_ANALYSIS_INTERVAL_S", 0.2)
    monkeypatch.setattr(champion_monitor, "POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr(predecessor_trial, "RETRY_S", 0.02)
    monkeypatch.setattr(predecessor_trial, "MAX_ANALYSIS_INTERVAL_S", 0.2)
    base = {"engine": {"attempts": 1, "model": CHAMPION}, "canary": QUICK, "duel": {"one_in_photos": 0}}

    async def start(**sections: dict[str, Any]) -> Chat:
        stage = await stage_with(
            **{name: {**base.get(name, {}), **sections.get(name, {})} for name in base.keys() | sections.keys()}
        )
        stage.engine.models = [CHAMPION, CANDIDATE, f"{CANDIDATE}-2"]
        stage.engine.answers = {CHAMPION: StubReply(OLD), CANDIDATE: StubReply(NEW), f"{CANDIDATE}-2": StubReply(NEW)}
        return Chat(stage, picture)

    yield start


@pytest.fixture
async def dueling(chat_with) -> Callable[..., Awaitable[tuple[Chat, Run]]]:
    """A chat with a candidate on trial, and its run; every photo may be a duel, except directly after one."""

    async def start(**sections: dict[str, Any]) -> tuple[Chat, Run]:
        chat = await chat_with(**{"duel": {"one_in_photos": 1}, **sections})
        run = await chat.put_on_trial()
        await chat.stage.until(lambda: chat.stage.app.servers.router.canary is not None)
        return chat, run

    return start
