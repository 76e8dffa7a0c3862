"""A real database file, and pictures made on the spot."""
import io

import pytest
from PIL import Image

from storage.database import Database


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
