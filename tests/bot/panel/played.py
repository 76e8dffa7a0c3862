"""A bot's history, written by the storage modules: days of photos, jokes and ratings, and two finished runs.

`time.time`, which every storage module reads, is set to each day.
"""

import json
import random
import time
from pathlib import Path
from typing import Any
from unittest import mock

from configs.settings import ROOT, Settings
from storage.chat.consent import set_private
from storage.chat.jokes import NewJoke, add_joke
from storage.chat.ratings import record_rating
from storage.database import Database
from storage.learning import datasets, models, promotion, runs
from storage.learning.models import Model, NewModel
from storage.learning.reasons import EndReason
from storage.learning.runs import Run
from storage.media.photos import Photo, add_photo, check_photo

SAMPLES = ROOT / "configs" / "demo-model" / "samples"
DRAWINGS = [
    SAMPLES / f"{name}.jpg"
    for name in ("bicycle", "butterfly", "cactus", "fox", "guitar", "hamburger", "octopus", "penguin")
]
PEOPLE = range(1001, 1013)
HIDDEN = 1013
"""A user with the private setting."""
DAY_S = 86400.0
JOKES = (
    "This one has read the whole manual, twice, and still asks where the batteries go.",
    "Monday saw this picture and apologised.",
    "It isn't lost. It is on a journey without luggage.",
    "我不是胖，我只是对重力特别有吸引力。",
    "Ask it for directions, and you get a poem.",
    "Here we see the rare creature that answers e-mails on the same day.",
    "它看起来像是刚收到老板的消息。",
    "Five stars. Would stare again.",
)
GATE = {
    "photos": 40,
    "likelihood": {
        "champion": 2.51,
        "candidate": 2.24,
        "difference": -0.27,
        "interval": [-0.41, -0.12],
        "photos": 40,
        "jokes": 62,
    },
    "variety": {"champion": 41.2, "candidate": 38.5},
    "commonest_text": {"champion": 0.01, "candidate": 0.02},
    "short": {"champion": 14.1, "candidate": 13.2},
    "distinct": {"champion": 0.81, "candidate": 0.79},
    "copying": {"champion": 0.0, "candidate": 0.02},
    "replies": {
        "champion": {"replies": 40, "empty": 0, "broken": 0, "language": 0},
        "candidate": {"replies": 40, "empty": 0, "broken": 0, "language": 0},
    },
}


class Past:
    """Writes the history, a day at a time."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._chance = random.Random(7)
        self.photos: list[Photo] = []
        self.hidden = 0
        self.now = 0.0

    async def write(self, days: int = 2) -> None:
        """Write three times so many days up to now: model 1 was champion, model 2 is, model 3 was rejected."""
        self.now = time.time() - 3 * days * DAY_S - 2 * 3600
        with mock.patch("time.time", lambda: self.now):
            base = await models.register_base(self._database, self._settings.model.name, None)
            await self._keep_photos()
            for _ in range(days):
                await self._day(base, 0.55)
            second = await self._learns(base, base, "promote")
            await promotion.promote(
                self._database, second.id, "canary", reason=EndReason("Liked more.", "trial-better")
            )
            for _ in range(days):
                await self._day(second, 0.74)
            await self._learns(base, second, "reject")
            for _ in range(days):
                await self._day(second, 0.76)
            self.hidden = await self.tell(second, self.photos[0], "A secret joke.", HIDDEN)
            await record_rating(self._database, self.hidden, PEOPLE[0], 3)
            await set_private(self._database, HIDDEN, True)

    async def _keep_photos(self) -> None:
        for number, drawing in enumerate(DRAWINGS):
            checked = check_photo(drawing.read_bytes(), max_bytes=10**8, max_pixels=10**8)
            self.photos.append(await add_photo(self._database, self._settings.storage.photos, checked, PEOPLE[number]))

    async def _day(self, model: Model, liking: float) -> None:
        morning = self.now
        for _ in range(self._chance.randint(3, 7)):
            self.now += DAY_S / 8
            photo, text = self._chance.choice(self.photos), self._chance.choice(JOKES)
            joke = await self.tell(model, photo, text)
            for person in self._chance.sample(PEOPLE, self._chance.randint(1, 5)):
                value = self._chance.choice((3, 3, 2)) if self._chance.random() < liking else 1
                await record_rating(self._database, joke, person, value)
        self.now = morning + DAY_S

    async def serving(self, database: Database) -> Model:
        """The model in service."""
        found = await models.get_champion(database)
        assert found is not None
        return found

    async def tell(
        self, model: Model, photo: Photo, text: str, person: int = PEOPLE[0], database: Database | None = None
    ) -> int:
        return (
            await add_joke(
                database or self._database,
                NewJoke(photo.id, model.id, person, "en", "pun", None, "Ask", text, 1, 1, 9, None, None, 0.8),
            )
        ).id

    async def _learns(self, base: Model, serving: Model, answer: str) -> Model:
        """A run up to the gate's verdict; its candidate."""
        run = await self.train(await runs.create_run(self._database, "admin" if answer == "promote" else "schedule"))
        self.write_losses(run, 120)
        self.now += 1500
        run = await runs.advance(self._database, run, "merging")
        self.now += 90
        new = NewModel(
            f"run-{run.id}", serving.id, base.id, base.id, run.dataset, run.id, f"/models/run-{run.id}", "sha", "{}"
        )
        run = await promotion.record_merge(self._database, run, new)
        self.now += 600
        await promotion.record_verdict(self._database, run, serving.id, self._verdict(run, answer))
        return await models.get_model(self._database, run.candidate_id)

    async def train(self, run: Run, database: Database | None = None) -> Run:
        """Bring a queued run to the beginning of its training."""
        database = database or self._database
        self.now += 5
        run = await runs.advance(database, run, "exporting", model_name=f"run-{run.id}")
        self.now += 20
        await datasets.register_dataset(database, f"dataset-{run.id}", "ratings", [])
        return await runs.advance(database, run, "training", dataset=f"dataset-{run.id}")

    def write_losses(self, run: Run, steps: int) -> None:
        folder = self._settings.storage.runs / str(run.id)
        folder.mkdir(parents=True, exist_ok=True)
        losses = [
            {"step": step, "loss": 1.1 + 1.6 * 0.97**step + self._chance.gauss(0, 0.12)} for step in range(1, steps + 1)
        ]
        (folder / "losses.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in losses))

    def _verdict(self, run: Run, answer: str) -> dict[str, Any]:
        folder = self._settings.storage.datasets / str(run.dataset)
        (folder / "photos").mkdir(parents=True)
        gallery = []
        for number, drawing in enumerate(DRAWINGS[:4]):
            (folder / "photos" / drawing.name).write_bytes(drawing.read_bytes())
            gallery.append(
                {"photo": f"photos/{drawing.name}", "champion": JOKES[number], "candidate": JOKES[-1 - number]}
            )
        (folder / "manifest.json").write_text(json.dumps({"counts": {"train": 96 + run.id}}))
        bad = answer == "reject"
        measures = (
            {**GATE, "likelihood": {**GATE["likelihood"], "candidate": 2.83, "interval": [0.11, 0.52]}} if bad else GATE
        )
        return {
            "answer": answer,
            "reasons": ["What people liked has become less likely to it."] if bad else ["Better."],
            "codes": ["likelihood"] if bad else ["fine"],
            "measures": measures,
            "gallery": gallery,
        }


def say_progress(settings: Settings, run: Run, step: int, steps: int, eta_s: float) -> None:
    """Write a training's progress file."""
    told = {"step": step, "steps": steps, "loss": 1.42, "eta_s": eta_s, "updated": time.time()}
    file = settings.storage.runs / str(run.id) / "progress.json"
    Path(f"{file}.new").write_text(json.dumps(told))
    Path(f"{file}.new").replace(file)
