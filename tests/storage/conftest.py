"""A real database file, and generated pictures."""

import io

import pytest
from PIL import Image

from storage.chat.jokes import NewJoke, add_delivery, add_joke
from storage.database import Database
from storage.learning import datasets
from storage.learning.dataset_files import DatasetContents, digest, prepare_dataset
from storage.learning.datasets import RecordRow
from storage.learning.models import register_base
from storage.maintenance.forget_person import forget_user
from storage.media.photos import add_photo, check_photo, photo_path


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    yield database
    await database.close()


@pytest.fixture
def scene():
    """A picture with a red top left corner, a blue bottom right one and a gradient between, so that turns show."""

    def make(width: int = 320, height: int = 240) -> Image.Image:
        across = Image.linear_gradient("L").resize((width, height)).rotate(180)
        down = Image.linear_gradient("L").rotate(90).resize((width, height))
        picture = Image.merge("RGB", (across, Image.radial_gradient("L").resize((width, height)), down))
        picture.paste("red", (0, 0, width // 4, height // 4))
        picture.paste("blue", (width * 3 // 4, height * 3 // 4, width, height))
        return picture

    return make


@pytest.fixture
def encode():
    """The bytes of a picture's file."""

    def make(picture: Image.Image, kind: str = "JPEG", **options) -> bytes:
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        return buffer.getvalue()

    return make


@pytest.fixture
async def memory(database, tmp_path, scene, encode):
    """Adds photos, jokes and a dataset of them; knows the folders."""
    base = await register_base(database, "base", None)

    class Memory:
        photos, datasets, model = tmp_path / "photos", tmp_path / "datasets", base.id

        async def photo(self, person, width=320):
            return await add_photo(
                database, self.photos, check_photo(encode(scene(width)), max_bytes=10**7, max_pixels=10**7), person
            )

        async def joke(self, photo, person, text="Ha"):
            joke = (
                await add_joke(
                    database,
                    NewJoke(
                        photo.id, self.model, person, "en", "pun", "my caption", "Ask", text, 1, 1, 9, None, None, 0.1
                    ),
                )
            ).id
            await add_delivery(database, joke, person, joke)
            return joke

        async def dataset(self, photos, ratings, decided_by=None):
            """A dataset of jokes {id: photo}, rated as [(joke, person)]."""
            people = sorted({person for _, person in ratings})
            rows = [
                {"id": f"joke-{joke}", "image": f"images/{photo.sha256}.jpg", "text": f"text {joke}"}
                for joke, photo in photos.items()
            ]
            entries = [
                {
                    "id": row["id"],
                    "part": "train",
                    "origin": "new",
                    "digest": digest(row),
                    "joke": joke,
                    "ratings": [
                        {"rater": people.index(person), "value": 3} for about, person in ratings if about == joke
                    ],
                    "decided_by": [people.index(person) for person in (decided_by or {}).get(joke, ())],
                }
                for row, joke in zip(rows, photos, strict=True)
            ]
            manifest = {
                "format": 1,
                "source": "ratings",
                "counts": {},
                "origins": {"new": len(rows)},
                "rows": entries,
                "created_at": "now",
            }
            prepared = prepare_dataset(
                self.datasets,
                DatasetContents(rows, [], manifest),
                {
                    row["image"]: photo_path(self.photos, photo)
                    for row, photo in zip(rows, photos.values(), strict=True)
                },
            )
            await datasets.register_dataset(
                database,
                prepared.name,
                "ratings",
                [RecordRow(f"joke-{joke}", "train", joke) for joke in photos],
                dict(enumerate(people)),
                ratings,
            )
            return prepared.publish()

        async def forget(self, person, **options):
            return await forget_user(database, person, self.photos, self.datasets, **options)

    return Memory()
