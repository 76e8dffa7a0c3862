"""Candidates that were not shown: kept with their joke, erased with it; and what a chat saw lately."""

import pytest

from configs.safety import RetentionSettings
from storage.chat.candidates import UnshownCandidate, list_candidates, list_recent_texts
from storage.chat.duels import begin_duel, record_duel_joke, record_duel_message
from storage.chat.jokes import NewJoke, add_delivery, add_joke, get_joke
from storage.learning.rating_arrays import list_base_texts
from storage.maintenance.retention import delete_aged_data

ALICE, BOB, GROUP = 7, 8, -100


@pytest.fixture
def tell(database, memory):
    """Stores a joke of a user about a photo with candidates."""

    async def tell(photo, person=ALICE, text="Shown", candidates=()):
        values = (photo.id, memory.model, person, "en", "pun", None, "Ask", text, 1, 1, 9, None, None, 0.1)
        new = NewJoke(*values, "judge", 1 + len(candidates), 0.9, 3, 0.7)
        return await add_joke(database, new, None, candidates)

    return tell


async def test_they_are_stored_with_the_joke_and_count_as_no_jokes(database, memory, tell):
    candidates = [UnshownCandidate("Low", False, 0.2, -1.5, 9, 0.4), UnshownCandidate("Mid", True, 0.4)]
    joke = await tell(await memory.photo(ALICE), candidates=candidates)
    assert await list_candidates(database, joke.id) == candidates[::-1]
    stored = await get_joke(database, joke.id)
    assert (stored.chosen_by, stored.candidates, stored.propensity, stored.judge_id) == ("judge", 3, 0.9, 3)
    assert await database.value("SELECT count(*) FROM jokes") == 1


async def test_a_joke_and_its_candidates_are_stored_together_or_not_at_all(database, memory, tell):
    with pytest.raises(Exception, match="CHECK"):
        await tell(await memory.photo(ALICE), candidates=[UnshownCandidate(" ")])
    assert await database.value("SELECT count(*) FROM jokes") == 0


async def test_forgetting_erases_them(database, memory, tell):
    shared = await memory.photo(ALICE)
    await memory.photo(BOB)
    await tell(shared, ALICE, candidates=[UnshownCandidate("Secret of Alice")])
    theirs = await tell(shared, BOB, candidates=[UnshownCandidate("Of Bob")])
    await memory.forget(ALICE)
    assert [tuple(row) for row in await database.rows("SELECT joke_id, text FROM joke_candidates")] == [
        (theirs.id, "Of Bob")
    ]
    for file in database.path.parent.rglob("*"):
        assert not file.is_file() or b"Secret of Alice" not in file.read_bytes()


async def test_retention_deletes_them_with_their_joke(database, memory, tell):
    joke = await tell(await memory.photo(ALICE), candidates=[UnshownCandidate("Old")])
    async with database.write() as connection:
        await connection.execute("UPDATE jokes SET created_at = 1 WHERE id = ?", (joke.id,))
    await delete_aged_data(database, memory.photos, memory.datasets, RetentionSettings(jokes_days=30))
    assert await database.value("SELECT count(*) FROM joke_candidates") == 0


async def test_a_chat_has_seen_its_latest_deliveries_and_duels(database, memory, tell):
    photo = await memory.photo(ALICE)
    for number in range(5):
        joke = await tell(photo, text=f"Joke {number}")
        await add_delivery(database, joke.id, GROUP, 10 + number)
    other = await tell(photo, text="Elsewhere")
    await add_delivery(database, other.id, BOB, 1)
    assert await list_recent_texts(database, GROUP, 3) == ["Joke 4", "Joke 3", "Joke 2"]
    assert await list_recent_texts(database, ALICE, 3) == []


async def test_the_jokes_of_a_duel_are_seen_once_it_is_shown(database, memory, tell):
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO runs (id, state, started_by, created_at) VALUES (1, 'canary', 'admin', 1)"
        )
        await connection.execute(
            "INSERT INTO trials (id, run_id, champion_id, candidate_id, began_at) VALUES (1, 1, 1, 1, 1)"
        )
    photo = await memory.photo(ALICE)
    duel = await begin_duel(database, 1, 5, ALICE, ALICE, memory.model, every=1)
    for side in ("a", "b"):
        await record_duel_joke(database, duel.id, side, (await tell(photo, text=f"Side {side}")).id)
    assert await list_recent_texts(database, ALICE, 9) == []
    await record_duel_message(database, duel.id, 77)
    assert sorted(await list_recent_texts(database, ALICE, 9)) == ["Side a", "Side b"]


async def test_what_the_base_writes_includes_what_no_judge_chose(database, memory, tell):
    older = await tell(await memory.photo(ALICE), text="Old")
    told = await tell(await memory.photo(ALICE), candidates=[UnshownCandidate("Other"), UnshownCandidate("Third")])
    await tell(await memory.photo(BOB), BOB, text="Not asked for")
    asked = [older.id, told.id]
    assert sorted(await list_base_texts(database, asked, 9)) == ["Old", "Other", "Shown", "Third"]
    assert sorted(await list_base_texts(database, asked, 3)) == ["Other", "Shown", "Third"]
    async with database.write() as connection:
        await connection.execute("UPDATE models SET base_id = id")
    assert await list_base_texts(database, asked, 9) == []
