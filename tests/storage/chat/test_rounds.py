"""The bot's wins against people in rounds, and what is stored of rounds."""

import pytest

from storage.chat import rounds
from storage.chat.consent import set_private
from storage.chat.jokes import NewJoke, add_joke
from storage.chat.round_wins import RoundWins, estimate_win_rate, list_round_wins, read_win_rates, student_quantile

ANN, BOB, EVE, GROUP = 11, 12, 13, -100


@pytest.fixture
def play(database, memory):
    """A finished round: `votes` maps entries (None: the bot's) to voters."""
    numbers = iter(range(1, 1000))

    async def make(votes: dict[int | None, list[int]], chat: int = GROUP) -> int:
        number = next(numbers)
        photo = await memory.photo(ANN, 200 + number)
        bot = await memory.joke(photo, ANN, "the bot's")
        begun = await rounds.begin_round(database, chat, ANN, bot, number, 0.0)
        jokes = {None: bot}
        for author in votes:
            if author is not None:
                new = NewJoke(photo.id, None, author, "en", "pun", None, "Ask", f"{author}", 0, 0, 0, None, None, 0)
                jokes[author] = (await add_joke(database, new)).id
                assert await rounds.add_entry(database, begun.id, jokes[author], author) == []
        await rounds.change_state(database, begun.id, "collecting", "closing")
        await rounds.number_entries(database, begun.id)
        await rounds.open_ballot(database, begun.id, 900 + number, 0.0)
        places = {entry.joke_id: entry.position for entry in await rounds.list_entries(database, begun.id)}
        for author, voters in votes.items():
            for voter in voters:
                await rounds.vote(database, begun.id, places[jokes[author]], voter)
        await rounds.change_state(database, begun.id, "voting", "over")
        return begun.id

    return make


async def test_a_pair_counts_only_users_who_could_choose_both(database, memory, play):
    await play({None: [BOB, EVE], BOB: [EVE]})
    await play({None: [BOB], BOB: [EVE], EVE: []})
    (first, second) = await list_round_wins(database)
    assert (first.score, first.pairs) == (0.5, 1), "Bob's own vote for the bot is not held against Bob's entry"
    assert (second.score, second.pairs) == (0.0 + 1.0, 2), "Bob's entry wins 1 to 0, Eve's loses 0 to 1"
    assert {won.model_id for won in (first, second)} == {memory.model}
    await set_private(database, EVE, True)
    assert [won.score for won in await list_round_wins(database)] == [0.5, 0.5], "neither her votes nor her entry"


async def test_rounds_without_votes_or_users_tell_nothing(database, play):
    await play({None: [], BOB: []})
    await play({None: [EVE]})
    assert await list_round_wins(database) == [] and estimate_win_rate([]) is None


async def test_win_rates_are_by_model_version_chat_and_time(database, memory, play):
    for chat in (GROUP, GROUP, GROUP, -200, -200, -200):
        await play({None: [EVE], BOB: []}, chat)
    newer = await database.value(
        "INSERT INTO models (name, status, measures, created_at) VALUES ('newer', 'canary', '{}', 1) RETURNING id"
    )
    last = await database.value("SELECT max(id) FROM rounds")
    async with database.write() as connection:
        await connection.execute(
            "UPDATE jokes SET model_id = ? WHERE id = (SELECT joke_id FROM rounds WHERE id = ?)", (newer, last)
        )
        await connection.execute("UPDATE rounds SET created_at = 5.0 WHERE id = ?", (last - 1,))
    found = await read_win_rates(database)
    assert (found.rounds, found.overall.rounds, found.overall.share) == (6, 6, 1.0)
    assert [(row.model_id, row.name, row.rounds) for row in found.models] == [
        (newer, "newer", 1),
        (memory.model, "base", 5),
    ]
    assert found.models[0].rate is None and found.models[1].rate.share == 1.0
    here = await read_win_rates(database, chat_id=-200, since=9.0)
    assert (here.rounds, here.overall, len(here.models)) == (2, None, 2)


def test_the_interval_is_students_and_stays_open():
    wins = [RoundWins(1, score, 2) for score in (2, 1, 0, 1, 1, 2)]
    found = estimate_win_rate(wins)
    assert found.share == pytest.approx(7 / 12) and 0 <= found.low < found.share < found.high <= 1
    alike = estimate_win_rate([RoundWins(1, 2, 2)] * 20)
    assert alike.share == 1 and alike.low < 1
    for degrees, quantile in ((4, 2.776), (9, 2.262), (30, 2.042), (99, 1.984)):
        assert student_quantile(degrees) == pytest.approx(quantile, abs=0.01)


async def test_points_are_votes_in_finished_rounds_and_forgotten_with_their_users(database, memory, play):
    await play({None: [BOB], BOB: [ANN, EVE], EVE: [BOB]})
    points = await rounds.list_points(database, GROUP, 0.0, 5)
    assert [(row.user_id, row.points) for row in points] == [(BOB, 2), (None, 1), (EVE, 1)]
    await memory.forget(BOB)
    points = await rounds.list_points(database, GROUP, 0.0, 5)
    assert [(row.user_id, row.points) for row in points] == [], "Eve's and the bot's votes were Bob's"


async def test_a_chat_has_one_open_round_and_an_update_begins_one(database, memory):
    photo = await memory.photo(ANN)
    first, second = await memory.joke(photo, ANN), await memory.joke(photo, ANN, "two")
    begun = await rounds.begin_round(database, GROUP, ANN, first, 1, 9.0)
    assert await rounds.begin_round(database, GROUP, ANN, first, 1, 9.0) == begun
    assert await rounds.begin_round(database, GROUP, BOB, second, 2, 9.0) is None
    assert [due.id for due in await rounds.list_due_rounds(database, 10.0)] == [begun.id]
    assert await rounds.change_state(database, begun.id, "collecting", "closing")
    assert not await rounds.change_state(database, begun.id, "collecting", "closing")
