"""A bot's memory to export from: a real database, real photo files, jokes and ratings."""

import io
import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from configs.blocklist import BlockList
from configs.prompts import load_prompts
from configs.settings import SelectionSettings
from storage.chat.jokes import NewJoke, add_joke
from storage.chat.ratings import record_rating
from storage.database import Database
from storage.learning.models import register_base
from storage.media.photos import Photo, add_photo, check_photo
from trainer.dataset.export import DatasetExporter
from trainer.dataset.token_budget import load_token_budget
from trainer.demo_model.architectures import SHAPES
from trainer.demo_model.random_weights import write_random


def make_picture(seed: int, size: tuple[int, int] = (160, 120)) -> bytes:
    """A picture unlike all others."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@dataclass
class Memory:
    """What a bot remembers, and short ways to add to it."""

    database: Database
    root: Path
    model_id: int
    budget: object
    numbers: itertools.count = field(default_factory=itertools.count)

    @property
    def photos(self) -> Path:
        return self.root / "photos"

    @property
    def folder(self) -> Path:
        return self.root / "datasets"

    async def photo(self, person: int = 1, seed: int | None = None, size: tuple[int, int] = (160, 120)) -> Photo:
        seed = next(self.numbers) if seed is None else seed
        return await add_photo(
            self.database, self.photos, check_photo(make_picture(seed, size), max_bytes=10**7, max_pixels=10**8), person
        )

    async def joke(self, photo: Photo, text: str | None = None, person: int = 1, **changes) -> int:
        values = {"language": "en", "style": "pun", "caption": None} | changes
        prompt = values.pop("prompt", None) or load_prompts().ask(
            values["language"], values["style"], values["caption"], seen=values.get("seen")
        )
        text = f"joke number {next(self.numbers)}" if text is None else text
        return (
            await add_joke(
                self.database,
                NewJoke(
                    photo.id,
                    self.model_id,
                    person,
                    prompt=prompt,
                    text=text,
                    temperature=0.8,
                    top_p=0.9,
                    max_tokens=99,
                    prompt_tokens=None,
                    completion_tokens=None,
                    latency_s=0.1,
                    **values,
                ),
            )
        ).id

    async def rated(
        self, verdicts: str = "3", photo: Photo | None = None, text: str | None = None, person: int = 1, **changes
    ) -> int:
        """A joke with verdicts of people 1, 2, …; returns its id."""
        joke = await self.joke(photo or await self.photo(person), text, person, **changes)
        for rater, verdict in enumerate(verdicts, 1):
            if verdict != "-":
                await record_rating(self.database, joke, rater, int(verdict))
        return joke

    def exporter(self, blocked: BlockList | None = None, **settings):
        blocked = blocked or BlockList()
        return DatasetExporter(
            self.database, self.photos, self.folder, SelectionSettings(**settings), self.budget, blocked=blocked
        )


@pytest.fixture
def picture():
    """Makes picture files: `picture(seed, size)`."""
    return make_picture


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_random(directory, SHAPES["tiny"], seed=0)
    return directory


@pytest.fixture(scope="session")
def budget(model):
    return load_token_budget(model, 8192)


@pytest.fixture
async def memory(tmp_path, budget):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    base = await register_base(database, "base", None)
    yield Memory(database, tmp_path, base.id, budget)
    await database.close()
