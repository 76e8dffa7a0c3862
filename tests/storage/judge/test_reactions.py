"""What a fit reads from the database."""

import time

import numpy as np
import pytest

from storage.chat import rounds
from storage.chat.consent import set_private
from storage.chat.flags import flag_joke, withdraw_flags
from storage.chat.jokes import NewJoke, add_delivery, add_joke
from storage.chat.ratings import record_rating
from storage.judge.observations import SignalKind
from storage.judge.reactions import read_observations
from storage.judge.served_liking import MIN_JOKES, compare_chosen_with_random

ANN, BOB, EVE, GROUP = 11, 12, 13, -100


@pytest.fixture
def tell(database, memory):
    """Adds a joke and its delivery."""
    numbers = iter(range(1, 10_000))

    async def make(person, *, chat=GROUP, photo=None, at=None, text="Ha", others=(), chosen_by="single"):
        photo = photo or await memory.photo(person, 200 + next(numbers))
        new = NewJoke(photo.id, memory.model, person, "en", "pun", None, "Ask", text, 1, 1, 9, None, None, 0.1)
        joke = (await add_joke(database, new)).id
        await add_delivery(database, joke, chat, next(numbers))
        async with database.write() as connection:
            moment = time.time() if at is None else at
            await connection.execute("UPDATE deliveries SET created_at = ? WHERE joke_id = ?", (moment, joke))
            await connection.execute(
                "UPDATE jokes SET chosen_by = ?, candidates = ?, propensity = 0.5 WHERE id = ?",
                (chosen_by, 1 + len(others), joke),
            )
            for text in others:
                await connection.execute(
                    "INSERT INTO joke_candidates (joke_id, text, latency_s) VALUES (?, ?, 0)", (joke, text)
                )
        return joke

    return make


def rows(observations, kind):
    chosen = observations.kind == kind
    return [
        (observations.jokes.texts[joke], user, chat, value)
        for joke, user, chat, value in zip(
            observations.joke[chosen],
            observations.user[chosen],
            observations.chat[chosen],
            observations.value[chosen],
            strict=True,
        )
    ]


async def test_ratings_have_their_chat_their_grade_and_the_candidates_not_shown(database, tell):
    joke = await tell(ANN, text="shown", others=("one", "two"), chosen_by="judge")
    await record_rating(database, joke, BOB, 2)
    found = await read_observations(database, 100)
    assert rows(found, SignalKind.RATING) == [("shown", BOB, GROUP, 0.5)]
    assert found.jokes.alternatives == (("one", "two"),) and not found.jokes.random.any()
    assert np.allclose(found.jokes.propensity, 0.5) and len(found.chosen_at_random()) == 0


async def test_private_users_and_dropped_jokes_are_left_out(database, tell):
    kept, private, dropped = await tell(ANN, text="kept"), await tell(EVE, text="private"), await tell(ANN, text="no")
    for joke in (kept, private, dropped):
        await record_rating(database, joke, BOB, 3)
    await record_rating(database, kept, EVE, 1)
    await set_private(database, EVE, True)
    async with database.write() as connection:
        await connection.execute("INSERT INTO reviews VALUES (?, 0, NULL, 0)", (dropped,))
    found = await read_observations(database, 100)
    assert {text for text, *_ in rows(found, SignalKind.RATING)} == {"kept"} and EVE not in found.user


async def test_a_press_of_another_counts_against_the_joke_before_unless_it_was_rated(database, tell, memory):
    photo, other = await memory.photo(ANN, 150), await memory.photo(ANN, 160)
    now = time.time()
    await tell(ANN, photo=photo, text="first", at=now - 9)
    await tell(BOB, photo=photo, text="second", at=now - 8)
    rated = await tell(ANN, photo=other, text="rated", at=now - 7)
    await record_rating(database, rated, ANN, 3)
    await tell(ANN, photo=other, text="more", at=now - 6)
    async with database.write() as connection:
        await connection.execute("UPDATE ratings SET updated_at = ?", (now - 100,))
    assert rows(await read_observations(database, 100), SignalKind.ANOTHER) == [("first", BOB, GROUP, 0.0)]


async def test_silence_counts_for_users_who_acted_in_the_chat_soon_after(database, tell):
    now = time.time()
    await tell(ANN, text="seen", at=now - 1000)
    elsewhere = await tell(EVE, text="elsewhere", chat=-200, at=now - 990)
    later = await tell(ANN, text="later", at=now - 500)
    await record_rating(database, later, BOB, 3)
    await record_rating(database, elsewhere, EVE, 3)
    async with database.write() as connection:
        await connection.execute("UPDATE ratings SET updated_at = ?", (now - 1001,))
        await connection.execute("UPDATE ratings SET updated_at = ? WHERE joke_id = ?", (now - 490, later))
    silent = rows(await read_observations(database, 100), SignalKind.SILENCE)
    assert ("seen", BOB, GROUP, 0.0) in silent and ("seen", EVE, GROUP, 0.0) not in silent
    assert ("later", BOB, GROUP, 0.0) not in silent


async def test_a_duels_choice_is_a_pair(database, tell, memory):
    left, right = await tell(ANN, text="left"), await tell(ANN, text="right")
    rated = await tell(ANN, text="rated")
    await record_rating(database, rated, ANN, 1)
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO runs (id, state, started_by, created_at) VALUES (1, 'canary', 'admin', 0)"
        )
        await connection.execute(
            "INSERT INTO trials (id, run_id, champion_id, candidate_id, began_at) VALUES (1, 1, 1, 1, 0)"
        )
        await connection.execute(
            "INSERT INTO duels (trial_id, update_id, person_id, chat_id, first_model_id, joke_a, joke_b, choice, "
            "after_delivery, created_at, chosen_at) VALUES (1, 1, ?, ?, 1, ?, ?, 'b', 0, 0, ?)",
            (ANN, ANN, left, right, time.time() + 1),
        )
    found = await read_observations(database, 100)
    assert rows(found, SignalKind.DUEL) == [("left", ANN, ANN, 0.0)]
    assert found.jokes.texts[found.other[found.kind == SignalKind.DUEL][0]] == "right"
    for hidden in (left, right):
        await flag_joke(database, hidden, BOB, most=5)
        assert not rows(await read_observations(database, 100), SignalKind.DUEL)
        await withdraw_flags(database, hidden)
    assert len(rows(await read_observations(database, 100), SignalKind.DUEL)) == 1


async def test_chosen_jokes_are_compared_with_random_ones_and_few_say_nothing(database, tell):
    for number in range(MIN_JOKES):
        for chosen_by, value in (("judge", 3 if number % 4 else 1), ("random", 3 if number % 2 else 1)):
            joke = await tell(ANN, text=f"{chosen_by} {number}", others=("other",), chosen_by=chosen_by)
            if number == MIN_JOKES - 1 and chosen_by == "random":
                assert await compare_chosen_with_random(database, 0) is None
            await record_rating(database, joke, BOB, value)
    found = await compare_chosen_with_random(database, 0)
    assert found and found.chosen == 0.75 and found.random == 0.5 and 0.2 < found.half_width < 0.4


async def test_ballots_have_a_row_for_each_entry_that_a_voter_could_choose(database, memory):
    photo = await memory.photo(ANN)
    bot = await memory.joke(photo, ANN, "the bot's")
    begun = await rounds.begin_round(database, GROUP, ANN, bot, 1, 0.0)
    for author in (BOB, EVE):
        new = NewJoke(photo.id, None, author, "en", "pun", None, "Ask", f"{author}", 0, 0, 0, None, None, 0)
        await rounds.add_entry(database, begun.id, (await add_joke(database, new)).id, author)
    await rounds.change_state(database, begun.id, "collecting", "closing")
    await rounds.number_entries(database, begun.id)
    await rounds.open_ballot(database, begun.id, 900, 0.0)
    places = {entry.author_id: entry.position for entry in await rounds.list_entries(database, begun.id)}
    for voter, author in ((ANN, None), (BOB, None), (BOB, EVE), (EVE, BOB)):
        await rounds.vote(database, begun.id, places[author], voter)
    assert not rows(await read_observations(database, 100), SignalKind.BALLOT), "the round isn't over"
    await rounds.change_state(database, begun.id, "voting", "over")
    found = await read_observations(database, 100)
    assert set(rows(found, SignalKind.BALLOT)) == {
        ("the bot's", ANN, GROUP, 1.0),
        (f"{BOB}", ANN, GROUP, 0.0),
        (f"{EVE}", ANN, GROUP, 0.0),
        (f"{BOB}", EVE, GROUP, 1.0),
        ("the bot's", EVE, GROUP, 0.0),
    }, "Bob chose all that he could, which says nothing"
    shown = found.ballots
    assert sorted(set(shown.place[shown.ballot >= 0].tolist())) == [-1, 0, 1] and (shown.credit == 1).all()
    await set_private(database, BOB, True)
    kept = rows(await read_observations(database, 100), SignalKind.BALLOT)
    assert {(text, user) for text, user, _, _ in kept} == {("the bot's", ANN), (f"{EVE}", ANN)}
    await flag_joke(database, bot, EVE, most=None)
    assert not rows(await read_observations(database, 100), SignalKind.BALLOT)
