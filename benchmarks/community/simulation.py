"""One arm in one world: 84 days of photos, ratings, runs and trials, on a simulated clock."""

import heapq
import tempfile
from collections.abc import Awaitable, Callable, Collection
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.community.arms import CHECKPOINTS, Arm
from benchmarks.community.clock import START, SimulatedClock
from benchmarks.community.inline import one_thread
from benchmarks.community.judging import SimulatedFitter
from benchmarks.community.liking import LikingTable
from benchmarks.community.measures import Measures
from benchmarks.community.records import Records, ShownJoke
from benchmarks.community.registry import JUDGES, Registry
from benchmarks.community.rules import ProductRules
from benchmarks.community.serving import Serving
from benchmarks.community.today import settings as today_settings
from benchmarks.community.today.trial import TodayRules
from benchmarks.community.variety_gate import VarietyGate
from benchmarks.community.world import DAY_S, Photo, Size, TableModel, World, shape_of
from bot.engine.router import Router, ServedModel
from bot.retraining.scheduler import is_run_due
from configs.learning import SelectionSettings
from configs.settings import Settings
from storage.chat import duels
from storage.chat.duels import DuelRecord
from storage.database import Database
from storage.learning import models, trials

NIGHT_S = 4.5 * 3600
"""When the schedule starts a run: `retrain.cron`."""
SHARED_MEMORY = Path("/dev/shm")
"""Databases are made here where it exists: a simulation needs no copy that outlives a power cut."""
FOLDER = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None

DEFAULT_SIZE = Size()
Event = Callable[[], Awaitable[None]]


class Simulation:
    """Runs an arm in a world. `play` advances it day by day."""

    def __init__(self, world: World, arm: Arm, database: Database, clock: SimulatedClock, base: models.Model) -> None:
        self.world, self.arm, self.database, self.clock = world, arm, database, clock
        self.settings = settings = Settings()
        today = arm.rules == "today"
        self.registry = (
            Registry(
                database,
                SelectionSettings(**today_settings.SELECTION),
                today_settings.MIN_PAIRS,
                today_settings.is_run_due,
                row_weights=False,
                gate=None,
            )
            if today
            else Registry(
                database,
                settings.selection,
                settings.retrain.min_pairs,
                lambda preview: is_run_due(preview, settings.retrain, "schedule"),
                row_weights=settings.training.row_weights,
                gate=VarietyGate(world) if arm.training else None,
            )
        )
        self.registry.tables[base.id] = TableModel.base()
        self.router = Router(ServedModel(base, None), clock=clock)
        self.rules = (
            TodayRules(database, self.router, clock) if today else ProductRules(database, self.router, settings)
        )
        self.serving = Serving(world, self.registry, self.router, arm.candidates, settings.joke.random_share)
        self.records = Records(database, world.seed)
        self.photos: dict[int, Photo] = {}
        self.history = world.new_history()
        self.random = np.random.default_rng([world.seed, 101])
        self.ratings = 0
        self._judge = SimulatedFitter(database, settings, database.path.parent / JUDGES) if arm.judged else None
        self._events: list[tuple[float, int, Event]] = []
        self._order = count()
        self._updates = count(1)

    async def play(self, day: int) -> None:
        """Play one day."""
        self._at(day * DAY_S + NIGHT_S, self._night)
        for photo in self.world.photos_of_day(day):
            self._at(photo.at, lambda photo=photo: self._answer(photo))
        while self._events and self._events[0][0] < (day + 1) * DAY_S:
            at, _, event = heapq.heappop(self._events)
            self.clock.advance(at)
            await event()
        self.clock.advance((day + 1) * DAY_S)

    def _at(self, seconds: float, event: Event) -> None:
        heapq.heappush(self._events, (seconds, next(self._order), event))

    async def _night(self) -> None:
        await self._analyse()
        if self.arm.training and await trials.get_open_trial(self.database) is None:
            run = await self.registry.train(self.photos)
            if run:
                await self.rules.begin_trial(run)

    async def _analyse(self) -> None:
        """What the bot's jobs do after a rating: the trial, the watch and the judge."""
        await self.rules.analyse()
        if self._judge:
            await self._judge.step()
            self.serving.scorer = self._judge.scorer

    async def _answer(self, photo: Photo) -> None:
        """What the bot does with a photo."""
        self.photos[photo.id] = photo
        await self.records.add_photo(photo)
        if duel := await self._begin_duel(photo):
            await self._show_duel(photo, duel)
            return
        served = self.router.route(photo.id)
        joke = await self._add(photo, served.model.id)
        await self.records.deliver(joke)
        for at, user_id in self.world.visits(photo):
            self._at(at, lambda user_id=user_id: self._visit(joke, user_id))

    async def _add(self, photo: Photo, model_id: int) -> ShownJoke:
        chosen = self.serving.write(photo, model_id, self.random)
        shape, shown = shape_of(chosen.text), self.history[photo.chat_id]
        repeated = shape in shown
        shown.append(shape)
        judge_id = self._judge.judge_id if self._judge else None
        return await self.records.add_joke(photo, model_id, chosen, repeated, judge_id)

    async def _visit(self, joke: ShownJoke, user_id: int) -> None:
        value = self.world.rating(
            joke.photo, joke.text, joke.repeated, user_id, joke.votes, self._are_counts_hidden(joke)
        )
        if value is not None:
            await self.records.rate(joke, user_id, value)
            self.ratings += 1
            await self._analyse()

    def _are_counts_hidden(self, joke: ShownJoke) -> bool:
        """Whether the keyboard in a group shows no counts yet."""
        if self.arm.rules == "today":
            return False
        waited = self.clock.now - START - joke.photo.at
        return len(joke.votes) < self.settings.joke.counts_after_votes and waited < (
            60 * self.settings.joke.counts_after_minutes
        )

    async def _begin_duel(self, photo: Photo) -> DuelRecord | None:
        """The duel of a photo, if one is due."""
        if self.router.canary is None or (self.arm.rules == "today" and photo.chat_id < 0):
            return None
        trial = await trials.get_open_trial(self.database)
        if trial is None:
            return None
        first = (trial.champion_id, trial.candidate_id)[int(self.random.integers(2))]
        return await duels.begin_duel(
            self.database,
            trial.id,
            next(self._updates),
            photo.user_id,
            photo.chat_id,
            first,
            every=self.rules.duel_one_in,
        )

    async def _show_duel(self, photo: Photo, duel: DuelRecord) -> None:
        arms = [served.model.id for served in (self.router.champion, self.router.canary) if served]
        order = arms if arms[0] == duel.first_model_id else arms[::-1]
        jokes = []
        for side, model_id in zip(("a", "b"), order, strict=True):
            jokes.append(await self._add(photo, model_id))
            await duels.record_duel_joke(self.database, duel.id, side, jokes[-1].id)
        await duels.record_duel_message(self.database, duel.id, self.records.next_message())
        for at, user_id in self._duel_visits(photo):
            self._at(at, lambda user_id=user_id: self._press(duel, jokes, user_id))

    def _duel_visits(self, photo: Photo) -> list[tuple[float, int]]:
        """When which users press a duel's button: in a group any member may, in a private chat its user."""
        if photo.chat_id < 0:
            return self.world.visits(photo)
        at = self.world.duel_press(photo)
        return [] if at is None else [(at, photo.user_id)]

    async def _press(self, duel: DuelRecord, jokes: list[ShownJoke], user_id: int) -> None:
        choice = self.world.duel_choice(
            jokes[0].photo, [joke.text for joke in jokes], [joke.repeated for joke in jokes], user_id
        )
        await duels.record_choice(self.database, duel, user_id, "meh" if choice is None else ("a", "b")[choice])
        await self._analyse()


async def simulate(
    seed: int, arm: Arm, days: int, size: Size = DEFAULT_SIZE, checkpoints: Collection[int] = CHECKPOINTS
) -> dict[str, Any]:
    """Play an arm in the world of a seed; returns its measures. Meanwhile `time.time` is the simulated clock."""
    clock, world = SimulatedClock(), World(seed, size)
    with clock.installed(), one_thread(), tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        database = await Database.open(Path(folder) / "community.sqlite3")
        try:
            base = await models.register_base(database, "base", None)
            simulation = Simulation(world, arm, database, clock, base)
            measures = Measures(simulation, LikingTable(world), checkpoints)
            for day in range(days):
                await simulation.play(day)
                measures.end_day(day + 1)
            return await measures.result()
        finally:
            await database.close()
