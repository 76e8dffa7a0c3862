"""What people are called is written down together, and nothing of somebody who is forgotten comes after."""

import asyncio
import sqlite3

import pytest
from telegram import User

from bot.chats.user_names import UserNames, sanitize_name
from storage.chat.user_activity import UserName, get_user_name
from storage.database import Database


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3", busy_timeout_s=0.05)
    yield database
    await database.close()


def bob(name="Bob", username=None):
    return User(7, name, False, username=username)


async def test_a_name_is_written_once_and_again_when_it_changes(database):
    names = UserNames(database)
    for _ in range(3):
        names.note(bob())
    await names.write()
    names.note(bob())
    assert not names._new
    names.note(bob("Robert", "rob"))
    assert await names.find("ROB") == UserName(7, "Robert", "rob")


async def test_what_cannot_be_written_is_written_later(database):
    names = UserNames(database)
    names.note(bob())
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.Error):
        await names.write()
    other.close()
    await names.write()
    assert await get_user_name(database, 7) == UserName(7, "Bob")


async def test_after_forgetting_nothing_is_on_its_way(database):
    names = UserNames(database)
    names.note(bob())
    async with database.write() as connection:
        writing = asyncio.create_task(names.write())
        forgetting = asyncio.create_task(names.forget(7))
        await asyncio.sleep(0)
        assert not forgetting.done()
        await connection.execute("SELECT 1")
    await asyncio.gather(writing, forgetting)
    names.note(bob())
    await names.forget(7)
    await names.write()
    assert not names._new and names._cached == {}


async def test_bots_and_nobody_have_no_name(database):
    names = UserNames(database)
    names.note(None)
    names.note(User(8, "Robot", True))
    assert not names._new


@pytest.mark.parametrize(
    ("name", "shown"), [("  Eve\n\u202e 1 ", "Eve 1"), ("\u200b", "?"), ("x" * 99, "x" * 40), ("小明", "小明")]
)
def test_a_name_is_one_short_plain_line(name, shown):
    assert sanitize_name(name) == shown
