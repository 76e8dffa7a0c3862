"""The ratings of a trial's jokes that no judge chose."""

import pytest

from storage.chat.jokes import NewJoke, add_joke
from storage.chat.ratings import record_rating
from storage.learning.models import register_base
from storage.learning.random_share import count_unchosen_likes
from storage.learning.trials import TrialRecord

OLD, NEW = 1, 2


@pytest.fixture
async def tell(database, memory):
    """Stores a rated joke of a model: `value` by one user."""
    await register_base(database, "new", None)
    photo = await memory.photo(7)

    async def tell(model, value, chosen_by, user=1):
        values = (photo.id, model, 7, "en", "pun", None, "Ask", "Ha", 1, 1, 9, None, None, 0.1, chosen_by, 4)
        joke = await add_joke(database, NewJoke(*values))
        await record_rating(database, joke.id, user, value)
        return joke

    return tell


def trial(began_at=0.0):
    empty = dict.fromkeys(TrialRecord.__dataclass_fields__)
    return TrialRecord(**{**empty, "champion_id": OLD, "candidate_id": NEW, "began_at": began_at})


async def test_single_and_random_jokes_count_and_chosen_ones_do_not(database, tell):
    for model, value, chosen_by in (
        (OLD, 3, "random"),
        (OLD, 1, "single"),
        (OLD, 3, "judge"),
        (NEW, 2, "random"),
        (NEW, 1, "judge"),
    ):
        await tell(model, value, chosen_by)
    found = await count_unchosen_likes(database, trial())
    assert found == {"champion": {"likes": 1, "ratings": 2}, "candidate": {"likes": 1, "ratings": 1}}
    last = await tell(NEW, 3, "judge", user=5)
    assert await count_unchosen_likes(database, trial(last.created_at)) == {
        "champion": {"likes": 0, "ratings": 0},
        "candidate": {"likes": 0, "ratings": 0},
    }


async def test_without_a_judge_there_is_nothing_to_check(database, tell):
    await tell(OLD, 3, "single")
    await tell(NEW, 3, "single")
    assert await count_unchosen_likes(database, trial()) == {}


async def test_private_users_do_not_count(database, tell):
    await tell(OLD, 3, "random", user=9)
    await tell(NEW, 3, "judge")
    async with database.write() as connection:
        await connection.execute("INSERT INTO private_people VALUES (9, 1)")
    assert (await count_unchosen_likes(database, trial()))["champion"] == {"likes": 0, "ratings": 0}
