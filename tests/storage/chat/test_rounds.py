"""The bot's wins against people in rounds, and what is stored of rounds."""

import numpy as np
import pytest

from storage.chat import rounds
from storage.chat.ballots import Ballots, RoundEntries, count_credits, spread_votes
from storage.chat.consent import set_private
from storage.chat.jokes import NewJoke, add_joke
from storage.chat.round_wins import (
    RoundWins,
    count_wins,
    estimate_win_rate,
    list_round_wins,
    read_win_rates,
    student_quantile,
)

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


USERS = 14


def ballots_of(rounds: int, favours: dict[int, set[int]], seed: int = 0) -> Ballots:
    """Ballots of USERS and the bot, who all enter; a user votes for the `favours`, else twice at random."""
    rng = np.random.default_rng(seed)
    authors = range(USERS + 1)
    entries, votes = [], []
    for number in range(rounds):
        for author in authors:
            entries.append(
                (number, -1, 0, number, 100 * number + author, author, int(not author), author + 1, USERS + 1)
            )
        for voter in authors[1:]:
            others = [author for author in authors if author != voter]
            chosen = favours.get(voter) or rng.choice(others, 2, replace=False).tolist()
            votes += [(number, 100 * number + author, voter) for author in chosen]
    columns, given = np.array(entries, np.int64).T, np.array(votes, np.int64).T
    return Ballots.of(RoundEntries(*columns), *given)


def points_of(ballots: Ballots) -> np.ndarray:
    """Points of the users."""
    author = ballots.entries.author[ballots.entry]
    return np.bincount(author, count_credits(ballots) * ballots.voted)[1:]


FRIENDS = {1: {2, 3}, 2: {1, 3}, 3: {1, 2}}


def test_friends_who_vote_for_each_other_gain_little_and_fair_players_keep_their_points():
    fair, friends = ballots_of(40, {}), ballots_of(40, FRIENDS)
    raw = np.bincount(friends.entries.author[friends.entry], friends.voted)[1:]
    plain, counted = points_of(fair), points_of(friends)
    assert raw[:3].mean() > 1.7 * plain.mean(), "without a rule they win"
    assert counted[:3].mean() < 1.1 * plain.mean()
    assert count_credits(fair)[fair.voted].mean() > 0.95
    assert (count_credits(ballots_of(1, FRIENDS)) == 1).all(), "one round shows no habit"


def test_an_author_whom_nearly_all_choose_always_loses_little():
    ballots = ballots_of(30, {voter: {4, 5} for voter in range(1, USERS + 1) if voter not in (4, 5)})
    credit = count_credits(ballots)[ballots.voted & (ballots.entries.author[ballots.entry] == 4)]
    assert credit.mean() > 0.8


def test_a_voters_ballot_has_the_other_entries_and_places_from_first_to_last():
    ballots = ballots_of(2, {})
    assert len(ballots) == 2 * USERS * USERS and ballots.voted.sum() == 2 * USERS * 2
    assert not (ballots.entries.author[ballots.entry] == ballots.voter).any()
    assert ballots.entries.place[: USERS + 1].tolist() == pytest.approx(np.linspace(-1, 1, USERS + 1).tolist())
    alone = ballots.select(ballots.ballot == 3)
    assert len(alone) == USERS and set(alone.ballot.tolist()) == {0}
    spread = spread_votes(np.array([1.5, 0.3, 0.2]), np.full(3, 2.0), np.zeros(3, np.int64))
    assert spread[0] == 1 and spread.sum() == pytest.approx(2) and spread.max() == 1


def test_the_bot_wins_against_friends_as_the_others_see_it():
    wins = count_wins(ballots_of(40, {**FRIENDS, **{voter: {0, 4} for voter in range(5, USERS + 1)}}))
    assert len(wins) == 40 and all(won.pairs == USERS for won in wins)
    assert np.mean([won.score for won in wins]) > USERS - 1.1, "only user 4 ties with it"


async def test_a_chat_has_one_open_round_and_an_update_begins_one(database, memory):
    photo = await memory.photo(ANN)
    first, second = await memory.joke(photo, ANN), await memory.joke(photo, ANN, "two")
    begun = await rounds.begin_round(database, GROUP, ANN, first, 1, 9.0)
    assert await rounds.begin_round(database, GROUP, ANN, first, 1, 9.0) == begun
    assert await rounds.begin_round(database, GROUP, BOB, second, 2, 9.0) is None
    assert [due.id for due in await rounds.list_due_rounds(database, 10.0)] == [begun.id]
    assert await rounds.change_state(database, begun.id, "collecting", "closing")
    assert not await rounds.change_state(database, begun.id, "collecting", "closing")
