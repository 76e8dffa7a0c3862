"""Ratings during a trial; a trial survives a restart."""

import sqlite3
import time

import pytest

from storage.chat.consent import set_private
from storage.chat.jokes import NewJoke, add_delivery, add_joke
from storage.chat.ratings import record_rating
from storage.learning.champion_watches import (
    begin_monitoring,
    end_monitoring,
    get_open_monitor,
    list_unnotified,
    mark_notified,
    record_suspicion,
    supersede_monitor,
)
from storage.learning.models import register_base
from storage.learning.runs import advance, create_run, get_run
from storage.learning.trial_evidence import list_rated_jokes, list_shown_jokes, read_pace
from storage.learning.trials import (
    begin_late_stage,
    begin_predecessor_trial,
    begin_trial,
    count_trial_ratings,
    end_trial,
    get_open_trial,
    get_trial_of_run,
    get_trial_of_watch,
    list_abandoned_trials,
    record_trial_measures,
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


async def rated(database, model: int, since: float = 0.0, before: float = float("inf")) -> list[tuple]:
    """Photo, user and liking of a model's ratings."""
    rows = await list_rated_jokes(database, (model, model), since, before=before)
    return sorted((row.photo_id, row.user_id, row.liked) for row in rows)


async def test_each_models_ratings_are_listed_with_photo_and_user(database, tell):
    first, again, other, new = await tell(OLD, 1), await tell(OLD, 1), await tell(OLD, 2), await tell(NEW, 1)
    await tell(NEW, 3)
    for joke, person, value in ((first, 1, 3), (first, 2, 2), (first, 3, 1), (again, 1, 1), (other, 1, 2), (new, 1, 1)):
        await record_rating(database, joke, person, value)
    assert await rated(database, OLD) == [(1, 1, False), (1, 1, True), (1, 2, True), (1, 3, False), (2, 1, True)]
    assert await rated(database, NEW) == [(1, 1, False)]
    both = await list_rated_jokes(database, (OLD, NEW), 0.0)
    assert [row.model_id for row in both] == [OLD] * 5 + [NEW]


async def test_a_verdict_that_is_changed_counts_as_the_latest(database, tell):
    joke = await tell(NEW, 1)
    await record_rating(database, joke, 1, 1)
    await record_rating(database, joke, 1, 3)
    assert await rated(database, NEW) == [(1, 1, True)]


async def test_jokes_from_before_the_trial_do_not_count(database, tell):
    times = []
    for value in (3, 2, 1):
        await record_rating(database, await tell(OLD, 1), 1, value)
        times.append(time.time())
    assert await rated(database, OLD, times[0]) == [(1, 1, False), (1, 1, True)]
    assert await rated(database, OLD, 0.0, before=times[0]) == [(1, 1, True)]


async def test_private_people_decide_nothing(database, tell):
    theirs, ours = await tell(NEW, 1, person_id=8), await tell(NEW, 2)
    await add_delivery(database, theirs, 8, 1)
    await add_delivery(database, ours, 5, 1)
    await set_private(database, 8, True)
    await record_rating(database, theirs, 5, 3)
    await record_rating(database, ours, 8, 1)
    assert await rated(database, NEW) == []
    assert [row.ratings for row in await list_shown_jokes(database, (OLD, NEW), 0.0)] == [0]


async def test_shown_jokes_are_listed_with_their_ratings_and_whether_another_one_was_asked_for(database, tell):
    first, again, elsewhere = await tell(OLD, 1), await tell(OLD, 1), await tell(NEW, 1)
    for message, (joke, chat) in enumerate(((first, 5), (again, 5), (elsewhere, 6))):
        await add_delivery(database, joke, chat, message)
    await record_rating(database, again, 1, 3)
    await record_rating(database, again, 2, 1)
    shown = await list_shown_jokes(database, (OLD, NEW), 0.0)
    assert [(row.model_id, row.ratings, row.again) for row in shown] == [
        (OLD, 0, True),
        (OLD, 2, False),
        (NEW, 0, False),
    ]


async def test_the_pace_is_that_of_the_last_weeks_or_since_the_first_rating(database, tell):
    now = time.time()
    assert (await read_pace(database, 0.0, now)).ratings == 0
    for photo in range(4):
        await record_rating(database, await tell(OLD, photo), photo, 3 if photo else 1)
    pace = await read_pace(database, now - 28 * 86400, time.time())
    assert (pace.per_day, pace.ratings, pace.likes, pace.photos) == (4.0, 4, 3, 4)
    async with database.write() as connection:
        await connection.execute("UPDATE ratings SET created_at = ? WHERE person_id = 0", (now - 2 * 86400,))
    assert (await read_pace(database, now - 28 * 86400, now)).per_day == pytest.approx(2.0)
    assert (await read_pace(database, now - 86400, now + 1)).ratings == 3


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
    (untold,) = await list_unnotified(database)
    assert (untold.id, untold.measured) == (watch.id, {"now": 0.1})
    await mark_notified(database, watch.id)
    assert await list_unnotified(database) == []


async def test_a_suspicion_that_cant_be_tested_is_told_and_a_champion_that_was_kept_is_not(database, promotions):
    first = await begin_monitoring(database, promotions[0], NEW, OLD, 5.0)
    await end_monitoring(database, first.id, "kept", {"now": 0.4, "before": 0.3})
    second = await begin_monitoring(database, promotions[1], OLD, NEW, 9.0)
    await record_suspicion(database, second.id, {"now": 0.1, "before": 0.3})
    await record_suspicion(database, second.id, {"now": 0.9, "before": 0.3})
    assert '"now": 0.1' in (await get_open_monitor(database)).suspicion
    assert await list_unnotified(database) == []
    await end_monitoring(database, second.id, "kept", {"now": 0.1, "before": 0.3, "untested": True})
    assert [watch.id for watch in await list_unnotified(database)] == [second.id]


async def test_a_predecessors_trial_belongs_to_its_watch_and_there_is_only_one_trial(database, promotions, runs):
    watch = await begin_monitoring(database, promotions[0], NEW, OLD, 5.0)
    trial = await begin_predecessor_trial(database, watch.id, NEW, OLD)
    assert (trial.run_id, trial.watch_id, trial.candidate_id, trial.late_at) == (None, watch.id, OLD, trial.began_at)
    assert await begin_predecessor_trial(database, watch.id, NEW, OLD) == trial == await get_open_trial(database)
    with pytest.raises(sqlite3.IntegrityError):
        await begin_trial(database, runs[0], OLD, NEW)
    assert await list_abandoned_trials(database) == []
    await supersede_monitor(database)
    assert await list_abandoned_trials(database) == [trial]
    await end_trial(database, trial.id, "cancelled", "")
    assert (await get_trial_of_watch(database, watch.id)).outcome == "cancelled"
    assert await list_abandoned_trials(database) == []
    assert (await begin_trial(database, runs[0], OLD, NEW)).watch_id is None
