"""A stub engine and a database file for the tests of this folder."""

import pytest

from bot.engine.stub.engine import StubEngine
from storage.database import Database


@pytest.fixture
async def stub():
    async with StubEngine.running() as engine:
        yield engine


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    yield database
    await database.close()
