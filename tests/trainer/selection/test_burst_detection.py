"""Newcomers' bursts have a lower weight; all other ratings have weight 1."""

import numpy as np
import pytest

from configs.settings import SelectionSettings
from storage.learning.rating_arrays import RatingArrays
from trainer.selection.burst_detection import bursts, newcomer_weights
from trainer.selection.scoring import score_jokes

DAY = 86400
SETTINGS = SelectionSettings(newcomer_days=7, newcomer_weight=0.25, burst_ratings=10, burst_minutes=5)


def evidence(*people, jokes=40):
    """Each person's ratings (3 for joke 0, 1, …) at these times, in seconds."""
    joke = np.concatenate([np.arange(len(times)) % jokes for times in people])
    rater = np.repeat(np.arange(len(people)), [len(times) for times in people])
    at = np.concatenate([np.asarray(times, np.int64) for times in people])
    ids = np.arange(jokes)
    return RatingArrays(
        joke,
        rater,
        np.full(len(joke), 3),
        ids,
        ids,
        np.arange(len(people)),
        at,
        np.array([min(times) for times in people]),
    )


def burst(begin, count=12, every=10):
    return [begin + every * number for number in range(count)]


FOUNDER = [0, 100 * DAY]


@pytest.mark.parametrize(
    ("times", "weight"),
    [
        (burst(50 * DAY), 0.25),
        (burst(50 * DAY, every=60), 1.0),
        (burst(50 * DAY, count=9), 1.0),
        (burst(3 * DAY), 1.0),
    ],
    ids=["new and in a burst", "new and calm", "new and few", "as new as the bot"],
)
def test_only_a_newcomers_burst_counts_less(times, weight):
    found = newcomer_weights(evidence(FOUNDER, times), SETTINGS)
    assert found[:2].tolist() == [1, 1] and found[2:].tolist() == [weight] * len(times)


def test_a_burst_of_somebody_who_has_been_here_counts_in_full_and_the_calm_of_a_newcomer_too():
    times = [50 * DAY, *burst(58 * DAY)]
    assert newcomer_weights(evidence(FOUNDER, times), SETTINGS).min() == 1
    mixed = [*burst(50 * DAY), 51 * DAY, 52 * DAY]
    assert newcomer_weights(evidence(FOUNDER, mixed), SETTINGS)[2:].tolist() == [0.25] * 12 + [1, 1]


def test_it_can_be_turned_off_and_unknown_times_harm_nobody():
    known = evidence(FOUNDER, burst(50 * DAY))
    assert newcomer_weights(known, SETTINGS.model_copy(update={"newcomer_days": 0})).min() == 1
    timeless = RatingArrays(known.joke, known.rater, known.value, known.joke_ids, known.photo_ids, known.user_ids)
    assert newcomer_weights(timeless, SETTINGS).min() == 1


def test_bursts_are_those_of_a_plain_count():
    random = np.random.default_rng(1)
    at, rater = random.integers(0, 3000, 400), random.integers(0, 5, 400)
    expected = np.zeros(400, bool)
    for person in range(5):
        mine = np.flatnonzero(rater == person)
        for start in at[mine]:
            window = mine[(at[mine] >= start) & (at[mine] <= start + 200)]
            if len(window) >= 8:
                expected[window] = True
    found = bursts(at, rater, 8, 200)
    assert 0.05 < expected.mean() < 0.95 and (found == expected).all()
    assert not bursts(at[:3], rater[:3], 8, 200).any()


async def test_a_newcomers_burst_teaches_nothing_where_others_did_not_rate(memory):
    """The times come from the database."""
    from storage.learning.rating_arrays import read_ratings_since

    old = [await memory.rated("3") for _ in range(12)]
    await memory.rated("1")
    pushed = [await memory.rated("-3") for _ in range(12)]
    async with memory.database.write() as connection:
        await connection.execute(
            "UPDATE ratings SET created_at = created_at - ?1, updated_at = updated_at - ?1 WHERE person_id = 1",
            (30 * DAY,),
        )
    found = await read_ratings_since(memory.database, 0)
    scores = score_jokes(found, SETTINGS)
    good = set(found.joke_ids[scores.good].tolist())
    assert good == set(old) and scores.rejected["pushed by a block or by newcomers"] + scores.rejected[
        "too few raters"
    ] >= len(pushed)
    assert set(found.joke_ids[score_jokes(found, SETTINGS.model_copy(update={"newcomer_days": 0})).good].tolist()) == {
        *old,
        *pushed,
    }
