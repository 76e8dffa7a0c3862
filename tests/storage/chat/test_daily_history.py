"""Statistics by day in this machine's time zone, and models' likes with their intervals."""

import math
import time
from datetime import date, timedelta

import pytest

from storage.chat import daily_history
from storage.chat.daily_history import ModelLikes, wilson_interval
from storage.chat.ratings import record_rating


async def shift(database, table, column, days):
    """Move the times of a table's rows back."""
    async with database.write() as connection:
        await connection.execute(f"UPDATE {table} SET {column} = {column} - ?", (days * 86400,))


async def test_with_nothing_there_is_a_week_of_empty_days(database):
    days = await daily_history.list_days(database)
    assert (
        len(days) == 7
        and days[-1].day == date.today()
        and not any(one.ratings or one.photos or one.p50_s for one in days)
    )
    assert await daily_history.list_model_likes(database, 5) == []


async def test_days_count_what_happened_on_them_and_those_between_are_empty(database, memory):
    photo = await memory.photo(1)
    joke = await memory.joke(photo, 1)
    for person, value in ((1, 3), (2, 2), (3, 1), (4, 1)):
        await record_rating(database, joke, person, value)
    for table, column in (("ratings", "created_at"), ("photo_senders", "sent_at"), ("jokes", "created_at")):
        await shift(database, table, column, 10)
    await record_rating(database, await memory.joke(photo, 1), 1, 3)
    days = await daily_history.list_days(database)
    assert [one.day for one in days] == [date.today() - timedelta(10 - number) for number in range(11)]
    assert (days[0].funny, days[0].somewhat, days[0].unfunny, days[0].ratings, days[0].photos, days[0].jokes) == (
        1,
        1,
        2,
        4,
        1,
        1,
    )
    assert not any(one.ratings or one.photos or one.jokes for one in days[1:10])
    assert (days[-1].funny, days[-1].photos, days[-1].jokes) == (1, 0, 1)


async def test_latency_is_the_median_and_the_95th_percentile_of_a_day(database, memory):
    photo = await memory.photo(1)
    jokes = [await memory.joke(photo, 1) for _ in range(40)]
    async with database.write() as connection:
        await connection.executemany(
            "UPDATE jokes SET latency_s = ? WHERE id = ?", [(number + 1, joke) for number, joke in enumerate(jokes)]
        )
    today = (await daily_history.list_days(database))[-1]
    assert (today.jokes, today.p50_s, today.p95_s) == (40, 20.0, 38.0)


async def test_what_is_too_old_or_in_the_future_is_left_out(database, memory):
    await memory.joke(await memory.photo(1), 1)
    await shift(database, "jokes", "created_at", -500)
    await shift(database, "photo_senders", "sent_at", 30)
    days = await daily_history.list_days(database, max_days=20)
    assert len(days) == 7 and not any(one.jokes or one.photos for one in days)


async def test_the_model_in_service_is_among_the_newest_that_are_shown(database, memory):
    photo = await memory.photo(1)
    async with database.write() as connection:
        await connection.executemany(
            "INSERT INTO models (name, status, created_at) VALUES (?, 'retired', ?)",
            [(f"m{number}", time.time()) for number in range(4)],
        )
        await connection.execute("UPDATE models SET status = 'champion' WHERE name = 'base'")
    names = [row["name"] for row in await database.rows("SELECT name FROM models ORDER BY id")]
    for number, name in enumerate(names, 1):
        joke = await memory.joke(photo, 1)
        async with database.write() as connection:
            await connection.execute("UPDATE jokes SET model_id = ? WHERE id = ?", (number, joke))
        await record_rating(database, joke, 1, 1 if name == "m3" else 2)
    shown = await daily_history.list_model_likes(database, 3)
    assert shown[0] == ModelLikes(5, "m3", "retired", 0, 1) and [one.name for one in shown] == ["m3", "m2", "base"]


@pytest.mark.parametrize(
    ("liked", "ratings", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_intervals_are_wilsons(liked, ratings, low, high):
    """The last line is Newcombe's example (Statistics in Medicine 17, 1998, table I, method 3); the others are R's
    binom::binom.wilson.
    """
    assert all(
        math.isclose(*pair, abs_tol=1e-4) for pair in zip(wilson_interval(liked, ratings), (low, high), strict=True)
    )
    assert wilson_interval(0, 0) == (0.0, 1.0)
