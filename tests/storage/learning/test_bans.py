"""A banned user's ratings don't count, a ban survives /forget, and every ban is recorded."""

import time

import pytest

from storage.chat.ratings import record_rating
from storage.learning import bans
from storage.learning.rating_arrays import read_ratings_of_photos, read_ratings_since

ALICE, BOB, CAROL, ADMIN = 1, 2, 3, 9


@pytest.fixture
async def joke(database, memory):
    """Alice's photo and joke, rated by Bob and Carol."""
    joke = await memory.joke(await memory.photo(ALICE), ALICE)
    for person in (BOB, CAROL):
        await record_rating(database, joke, person, 3)
    return joke


async def people_learnt_from(database):
    found = {int(person) for person in (await read_ratings_since(database, 0.0)).user_ids}
    assert {int(row[1]) for row in await read_ratings_of_photos(database, [1])} == found
    return found


async def test_what_a_banned_person_rates_or_asks_for_is_no_evidence_until_they_are_let_in(database, joke):
    assert await people_learnt_from(database) == {BOB, CAROL}
    await bans.add_ban(database, BOB, by=ADMIN)
    assert await people_learnt_from(database) == {CAROL}
    await bans.add_ban(database, ALICE, by=ADMIN)
    assert await people_learnt_from(database) == set()
    for person in (ALICE, BOB):
        assert await bans.lift_ban(database, person, by=ADMIN)
    assert await people_learnt_from(database) == {BOB, CAROL}


async def test_a_ban_ends_by_itself_when_its_time_is_over(database, joke):
    await bans.add_ban(database, BOB, by=ADMIN, until=time.time() - 5)
    assert await people_learnt_from(database) == {BOB, CAROL} and await bans.list_active_bans(database) == []
    assert not await bans.lift_ban(database, BOB, by=ADMIN)
    await bans.add_ban(database, BOB, by=ADMIN, until=time.time() + 3600)
    assert await people_learnt_from(database) == {CAROL}
    assert [one.person_id for one in await bans.list_active_bans(database)] == [BOB]


async def test_a_new_ban_takes_the_place_of_the_one_before_and_both_stay_on_record(database):
    first = await bans.add_ban(database, BOB, by=ADMIN, until=time.time() + 60, reason="spam")
    second = await bans.add_ban(database, BOB, by=ADMIN, reason="more spam")
    assert await bans.list_active_bans(database) == [second]
    latest, earlier = await bans.list_bans_of_user(database, BOB)
    assert latest == second and (earlier.id, earlier.reason, earlier.lifted_by) == (first.id, "spam", ADMIN)


async def test_who_is_forgotten_stays_banned_by_their_number_alone(database, memory):
    await bans.add_ban(database, BOB, by=ADMIN, until=time.time() + 60, reason="Bob is rude")
    await bans.add_ban(database, BOB, by=ADMIN, reason="Bob is very rude")
    await memory.forget(BOB)
    (kept,) = await bans.list_bans_of_user(database, BOB)
    assert kept in await bans.list_active_bans(database) and kept.reason == ""
    await memory.forget(ADMIN)
    assert (await bans.list_bans_of_user(database, BOB))[0].banned_by is None
    await bans.lift_ban(database, BOB)
    await memory.forget(BOB)
    assert await bans.list_bans_of_user(database, BOB) == []
