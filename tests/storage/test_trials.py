"""What people's ratings say while a candidate is on trial, and that a trial outlives the process."""
import sqlite3
import time

import pytest

from storage.jokes import NewJoke, add_joke
from storage.models import register_base
from storage.people import set_private
from storage.photos import check_photo, keep_photo
from storage.ratings import rate
from storage.trials import (
    begin_trial,
    begin_watch,
    end_trial,
    end_watch,
    note_look,
    open_trial,
    open_watch,
    rated_jokes,
    set_share,
    trial_of_run,
)

OLD, NEW = 1, 2


@pytest.fixture
async def models(database):
    await register_base(database, "old", None)
    await register_base(database, "new", None)


@pytest.fixture
async def tell(database, models, tmp_path, scene, encode):
    """Stores a joke of a model for a person and returns its id."""
    async def make(model_id: int, person_id: int = 5) -> int:
        photo = await keep_photo(database, tmp_path, check_photo(encode(scene()), max_bytes=10**6, max_pixels=10**6), person_id)
        return await add_joke(database, NewJoke(photo_id=photo.id, model_id=model_id, person_id=person_id, language="en", style="neutral",
                                                caption=None, prompt="A joke, please.", text="A cat walks into a bar.", temperature=0.8, top_p=0.9,
                                                max_tokens=160, prompt_tokens=1, completion_tokens=1, latency_s=0.1))
    return make


async def test_each_models_ratings_are_counted_joke_by_joke(database, tell):
    old, new, unrated = await tell(OLD), await tell(NEW), await tell(NEW)
    for person, value in ((1, 3), (2, 2), (3, 1)):
        await rate(database, old, person, value)
    await rate(database, new, 1, 1)
    assert [(one.joke_id, one.likes, one.ratings) for one in await rated_jokes(database, OLD, 0.0)] == [(old, 2, 3)]
    assert [(one.joke_id, one.likes, one.ratings, one.liking) for one in await rated_jokes(database, NEW, 0.0)] == [(new, 0, 1, 0.0)]
    assert unrated not in {one.joke_id for one in await rated_jokes(database, NEW, 0.0)}


async def test_a_verdict_that_is_changed_counts_as_the_latest(database, tell):
    joke = await tell(NEW)
    await rate(database, joke, 1, 1)
    await rate(database, joke, 1, 3)
    assert [(one.likes, one.ratings) for one in await rated_jokes(database, NEW, 0.0)] == [(1, 1)]


async def test_jokes_from_before_the_trial_do_not_count(database, tell):
    early = await tell(OLD)
    since = time.time()
    late = await tell(OLD)
    for joke in (early, late):
        await rate(database, joke, 1, 3)
    assert [one.joke_id for one in await rated_jokes(database, OLD, since)] == [late]
    assert [one.joke_id for one in await rated_jokes(database, OLD, 0.0, before=since)] == [early]


async def test_private_people_decide_nothing(database, tell):
    theirs, ours = await tell(NEW, person_id=8), await tell(NEW)
    await set_private(database, 8, True)
    await rate(database, theirs, 5, 3)
    await rate(database, ours, 8, 1)
    assert await rated_jokes(database, NEW, 0.0) == []


async def test_a_trial_goes_on_where_it_was_and_there_is_only_one(database, models):
    trial = await begin_trial(database, 7, OLD, NEW, 0.1)
    await set_share(database, trial.id, 0.5)
    again = await begin_trial(database, 7, OLD, NEW, 0.1)
    assert (again.id, again.share, again.began_at) == (trial.id, 0.5, trial.began_at)
    with pytest.raises(sqlite3.IntegrityError):
        await begin_trial(database, 8, OLD, NEW, 0.1)


async def test_an_ended_trial_keeps_its_outcome(database, models):
    trial = await begin_trial(database, 7, OLD, NEW, 0.1)
    await note_look(database, trial.id, {"ratings": 12})
    await end_trial(database, trial.id, "reject", "liked less")
    await end_trial(database, trial.id, "promote", "too late")
    ended = await trial_of_run(database, 7)
    assert (ended.outcome, ended.reason, ended.measures) == ("reject", "liked less", '{"ratings": 12}')
    assert await open_trial(database) is None
    assert (await begin_trial(database, 8, OLD, NEW, 0.1)).run_id == 8


async def test_a_watch_over_a_newer_champion_ends_the_one_before(database, models):
    first = await begin_watch(database, NEW, OLD, 5.0)
    assert (await begin_watch(database, NEW, OLD, 9.0)).id == first.id
    second = await begin_watch(database, OLD, NEW, 9.0)
    assert (await open_watch(database)).id == second.id != first.id
    assert await database.value("SELECT outcome FROM watches WHERE id = ?", (first.id,)) == "superseded"
    await end_watch(database, second.id, "kept", {"ratings": 100})
    assert await open_watch(database) is None
