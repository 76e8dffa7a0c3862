"""A user has one rating of a joke and can change it."""

import asyncio
import random
import sqlite3

import pytest

from storage.chat.jokes import NewJoke, add_joke
from storage.chat.ratings import RatingCounts, get_counts, get_rating, record_rating
from storage.learning.models import register_base
from storage.media.photos import add_photo, check_photo


@pytest.fixture
async def joke_id(database, tmp_path, scene, encode) -> int:
    photo = await add_photo(database, tmp_path, check_photo(encode(scene()), max_bytes=10**6, max_pixels=10**6), 5)
    model = await register_base(database, "base", None)
    return (
        await add_joke(
            database, NewJoke(photo.id, model.id, 5, "en", "pun", None, "Tell.", "Ha.", 0.8, 0.9, 160, None, None, 0.1)
        )
    ).id


async def test_a_changed_mind_replaces_the_verdict(database, joke_id):
    assert await record_rating(database, joke_id, 1, 3) == RatingCounts(1, 0, 0)
    assert await record_rating(database, joke_id, 1, 1) == RatingCounts(0, 0, 1)
    assert await record_rating(database, joke_id, 2, 2) == RatingCounts(0, 1, 1)
    assert await get_counts(database, joke_id) == RatingCounts(0, 1, 1)


async def test_the_first_and_the_last_time_are_kept(database, joke_id):
    await record_rating(database, joke_id, 1, 3)
    first = await database.row("SELECT created_at, updated_at FROM ratings")
    await record_rating(database, joke_id, 1, 3)
    assert tuple(await database.row("SELECT created_at, updated_at FROM ratings")) == tuple(first)
    await record_rating(database, joke_id, 1, 2)
    created, updated = await database.row("SELECT created_at, updated_at FROM ratings")
    assert created == first["created_at"] and updated >= first["updated_at"]


@pytest.mark.parametrize("value", [0, 4, -1, 2.5, "3", None])
async def test_other_values_are_no_verdict(database, joke_id, value):
    with pytest.raises(ValueError, match="1, 2 or 3"):
        await record_rating(database, joke_id, 1, value)
    assert await get_counts(database, joke_id) == RatingCounts()


async def test_an_unknown_joke_can_not_be_rated(database):
    with pytest.raises(sqlite3.IntegrityError):
        await record_rating(database, 999, 1, 3)
    assert await get_counts(database, 999) == RatingCounts()


async def test_many_people_changing_their_minds_at_once_are_counted_exactly(database, joke_id):
    chance = random.Random(1)
    votes = [(person, chance.choice((1, 2, 3))) for person in range(30) for _ in range(5)]
    await asyncio.gather(*(record_rating(database, joke_id, person, value) for person, value in votes))
    last = dict(votes)
    expected = RatingCounts(*(sum(value == which for value in last.values()) for which in (3, 2, 1)))
    assert await get_counts(database, joke_id) == expected


async def test_a_press_that_is_worked_on_again_does_not_undo_a_later_one(database, joke_id):
    await record_rating(database, joke_id, 1, 2, update_id=10)
    await record_rating(database, joke_id, 1, 3, update_id=11)
    assert await record_rating(database, joke_id, 1, 2, update_id=10) == RatingCounts(funny=1)
    assert await get_rating(database, joke_id, 1) == 3


async def test_a_press_counts_though_telegrams_numbers_began_anew(database, joke_id):
    await record_rating(database, joke_id, 1, 2, update_id=900)
    async with database.write() as connection:
        await connection.execute("UPDATE ratings SET updated_at = updated_at - 7 * 86400")
    assert await record_rating(database, joke_id, 1, 3, update_id=5) == RatingCounts(funny=1)
