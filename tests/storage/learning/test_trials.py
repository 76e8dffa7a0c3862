"""Ratings during a trial; a trial survives a restart."""

import sqlite3
import time

import pytest

from storage.chat.consent import set_private
from storage.chat.jokes import NewJoke, add_joke
from storage.chat.ratings import record_rating
from storage.learning.models import register_base
from storage.learning.runs import advance, create_run, get_run
from storage.learning.trials import (
    PhotoRatings,
    begin_late_stage,
    begin_monitoring,
    begin_trial,
    count_trial_ratings,
    end_monitoring,
    end_trial,
    get_open_monitor,
    get_open_trial,
    get_trial_of_run,
    list_photo_ratings,
    list_unnotified_rollbacks,
    mark_rollback_notified,
    record_trial_measures,
    supersede_monitor,
)
from storage.media.photos import add_photo, check_photo

OLD, NEW = 1, 2


@pytest.fixture
async def models(database):
    await register_base(database, "old", None)
    await register_base(database, "new", None)


@pytest.fixture
async def runs(database, models) -> list[int]:
    """The numbers of two runs, one after another."""
    first = await create_run(database, "command")
    await advance(database, first, "cancelled")
    return [first.id, (await create_run(database, "command")).id]


@pytest.fixture
async def tell(database, models, tmp_path, scene, encode):
    """Stores a joke of a model about one of many photos for a person and returns its id."""

    async def make(model_id: int, photo: int, person_id: int = 5) -> int:
        picture = check_photo(encode(scene(320 + photo)), max_bytes=10**6, max_pixels=10**6)
        kept = await add_photo(database, tmp_path, picture, person_id)
        return (
            await add_joke(
                database,
                NewJoke(
                    photo_id=kept.id,
                    model_id=model_id,
                    person_id=person_id,
                    language="en",
                    style="neutral",
                    caption=None,
                    prompt="A joke, please.",
                    text="A cat walks into a bar.",
                    temperature=0.8,
                    top_p=0.9,
                    max_tokens=160,
                    prompt_tokens=1,
                    completion_tokens=1,
                    latency_s=0.1,
                ),
            )
        ).id

    return make


async def test_each_models_ratings_are_counted_photo_by_photo(database, tell):
    first, again, other, new = await tell(OLD, 1), await tell(OLD, 1), await tell(OLD, 2), await tell(NEW, 1)
    await tell(NEW, 3)
    for joke, person, value in ((first, 1, 3), (first, 2, 2), (first, 3, 1), (again, 1, 1), (other, 1, 2), (new, 1, 1)):
        await record_rating(database, joke, person, value)
    assert await list_photo_ratings(database, OLD, 0.0) == [PhotoRatings(1, False, 2, 4), PhotoRatings(2, False, 1, 1)]
    assert await list_photo_ratings(database, NEW, 0.0) == [PhotoRatings(1, False, 0, 1)]


async def test_a_verdict_that_is_changed_counts_as_the_latest(database, tell):
    joke = await tell(NEW, 1)
    await record_rating(database, joke, 1, 1)
    await record_rating(database, joke, 1, 3)
    assert await list_photo_ratings(database, NEW, 0.0) == [PhotoRatings(1, False, 1, 1)]


async def test_jokes_from_before_the_trial_do_not_count_and_late_ones_are_told_apart(database, tell):
    times = []
    for value in (3, 2, 1):
        await record_rating(database, await tell(OLD, 1), 1, value)
        times.append(time.time())
    assert await list_photo_ratings(database, OLD, times[0], late_at=times[1]) == [
        PhotoRatings(1, False, 1, 1),
        PhotoRatings(1, True, 0, 1),
    ]
    assert await list_photo_ratings(database, OLD, 0.0, before=times[0]) == [PhotoRatings(1, False, 1, 1)]


async def test_private_people_decide_nothing(database, tell):
    theirs, ours = await tell(NEW, 1, person_id=8), await tell(NEW, 2)
    await set_private(database, 8, True)
    await record_rating(database, theirs, 5, 3)
    await record_rating(database, ours, 8, 1)
    assert await list_photo_ratings(database, NEW, 0.0) == []


async def test_a_trial_goes_on_where_it_was_and_there_is_only_one(database, runs):
    trial = await begin_trial(database, runs[1], OLD, NEW)
    late = await begin_late_stage(database, trial.id)
    assert late.late_at and await begin_late_stage(database, trial.id) == late
    assert await begin_trial(database, runs[1], OLD, NEW) == late
    with pytest.raises(sqlite3.IntegrityError):
        await begin_trial(database, runs[0], OLD, NEW)


async def test_a_trial_that_a_kill_left_open_ends_with_its_run(database, runs):
    trial = await begin_trial(database, runs[1], OLD, NEW)
    await advance(database, await get_run(database, runs[1]), "cancelled", reason="An admin stopped it.")
    later = await create_run(database, "command")
    assert (await begin_trial(database, later.id, OLD, NEW)).id != trial.id
    left = await get_trial_of_run(database, runs[1])
    assert (left.outcome, left.reason) == ("cancelled", "An admin stopped it.") and left.ended_at


async def test_a_trial_knows_how_many_ratings_it_has(database, runs, tell):
    early = await tell(OLD, 1)
    trial = await begin_trial(database, runs[0], OLD, NEW)
    for joke in (early, await tell(OLD, 2), await tell(NEW, 3)):
        await record_rating(database, joke, 1, 3)
    assert await count_trial_ratings(database, trial) == 2


async def test_an_ended_trial_keeps_its_outcome(database, runs):
    trial = await begin_trial(database, runs[0], OLD, NEW)
    await record_trial_measures(database, trial.id, {"ratings": 12})
    await end_trial(database, trial.id, "rejected", "liked less")
    await end_trial(database, trial.id, "promoted", "too late")
    ended = await get_trial_of_run(database, runs[0])
    assert (ended.outcome, ended.reason, ended.measures) == ("rejected", "liked less", '{"ratings": 12}')
    assert await get_open_trial(database) is None
    assert (await begin_trial(database, runs[1], OLD, NEW)).run_id == runs[1]


@pytest.fixture
async def promotions(database, models) -> list[int]:
    """The numbers of two promotions, one after another."""
    async with database.write() as connection:
        await connection.executemany(
            "INSERT INTO promotions (model_id, replaced_id, kind, at) VALUES (?, ?, 'admin', ?)",
            [(NEW, OLD, 5.0), (OLD, NEW, 9.0)],
        )
    return [1, 2]


async def test_a_watch_begins_once_for_a_promotion_and_ends_with_the_next(database, promotions):
    first = await begin_monitoring(database, promotions[0], NEW, OLD, 5.0)
    assert await begin_monitoring(database, promotions[0], NEW, OLD, 7.0) == first == await get_open_monitor(database)
    second = await begin_monitoring(database, promotions[1], OLD, NEW, 9.0)
    assert (await get_open_monitor(database)).id == second.id != first.id
    assert await database.value("SELECT outcome FROM watches WHERE id = ?", (first.id,)) == "superseded"
    await end_monitoring(database, second.id, "kept", {"ratings": 100})
    assert await get_open_monitor(database) is await begin_monitoring(database, promotions[1], OLD, NEW, 9.0) is None


async def test_a_fall_is_told_once_also_where_the_step_back_has_ended_the_watch_already(database, promotions):
    watch = await begin_monitoring(database, promotions[0], NEW, OLD, 5.0)
    await supersede_monitor(database)
    await end_monitoring(database, watch.id, "fell", {"now": 0.1})
    (untold,) = await list_unnotified_rollbacks(database)
    assert (untold.id, untold.measured) == (watch.id, {"now": 0.1})
    await mark_rollback_notified(database, watch.id)
    assert await list_unnotified_rollbacks(database) == []
