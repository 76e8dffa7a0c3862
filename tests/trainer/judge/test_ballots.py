"""Ballots of rounds teach the judge, whatever the places of the entries."""

from itertools import permutations

import numpy as np
import pytest

from storage.judge.observations import BallotColumns, JokeColumns, Observations, SignalKind
from tests.judge_texts import LIKED, OPENINGS, made_ratings, made_text
from tests.trainer.judge.test_fit import correlation_with_taste, joined
from trainer.judge import design
from trainer.judge.fit import fit_judge
from trainer.judge.plackett_luce import choice_rows, choice_shares, expected_votes, place_effects

ENTRIES, VOTERS = 6, 8


def made_ballots(rounds: int, *, seed: int = 0, place: float = 0.0, first: int | None = None) -> Observations:
    """Ballots of VOTERS with ENTRIES each; voters choose two, and like the first place more than the last by `place`.

    With `first` the entry with that opening is always the first one.
    """
    rng = np.random.default_rng(seed)
    opening = rng.integers(0, len(OPENINGS), (rounds, ENTRIES))
    if first is not None:
        opening[:, 0] = first
    places = np.linspace(-1, 1, ENTRIES)
    seen = 4 * np.array(LIKED)[opening][:, None] - place / 2 * places + rng.gumbel(size=(rounds, VOTERS, ENTRIES))
    voted = seen.argsort(2).argsort(2) >= ENTRIES - 2
    texts = [made_text(rng, number) for number in opening.ravel().tolist()]
    photo = np.repeat(np.arange(rounds), ENTRIES)
    joke = np.broadcast_to(np.arange(rounds * ENTRIES).reshape(rounds, 1, ENTRIES), voted.shape).ravel()
    user = 1000 + np.broadcast_to(np.arange(VOTERS)[None, :, None], voted.shape).ravel()
    count, rows = rounds * VOTERS, voted.size
    return Observations(
        JokeColumns.of(texts, photo.tolist()),
        np.full(rows, SignalKind.BALLOT),
        joke,
        np.full(rows, -1),
        user,
        np.full(rows, -7),
        voted.ravel().astype(float),
        np.zeros(rows),
        BallotColumns(np.repeat(np.arange(count), ENTRIES), np.tile(places, count), np.ones(rows)),
    )


def with_ballots(ratings: Observations, ballots: Observations) -> Observations:
    both, shown = joined(ratings, ballots), ballots.ballots
    before = len(ratings)
    columns = BallotColumns(
        np.concatenate([np.full(before, -1), shown.ballot]),
        np.concatenate([np.zeros(before), shown.place]),
        np.concatenate([np.ones(before), shown.credit]),
    )
    return Observations(*(getattr(both, name) for name in ROWS), columns)


ROWS = ("jokes", "kind", "joke", "other", "user", "chat", "value", "at")


def test_ballots_improve_a_judge_on_photos_and_ratings_that_it_has_not_seen():
    alone, better = [], []
    for seed in range(3):
        ratings = made_ratings(150, seed=seed)
        for found, data in ((alone, ratings), (better, with_ballots(ratings, made_ballots(25, seed=seed)))):
            judge = fit_judge(data)
            found.append((judge.measures["pair_accuracy"], correlation_with_taste(judge)))
    gain = np.mean(better, 0) - np.mean(alone, 0)
    assert gain[0] > 0.02 and gain[1] > 0.05


def test_a_place_that_is_read_first_is_no_merit(monkeypatch):
    """The dullest opening is always first on ballots whose first place draws votes."""
    data = with_ballots(made_ratings(60), made_ballots(30, place=5.0, first=0))
    judge = fit_judge(data)
    monkeypatch.setattr(design, "place_effects", lambda place, shown: 0 * place_effects(place, shown))
    fooled = fit_judge(data)
    assert correlation_with_taste(judge) > correlation_with_taste(fooled) + 0.1


def log_likelihood(utility: np.ndarray, chosen: list[int]) -> float:
    """Of a set of votes, by enumeration of their orders."""
    odds = np.exp(utility)
    total = 0.0
    for order in permutations(chosen):
        left, probability = odds.sum(), 1.0
        for entry in order:
            probability *= odds[entry] / left
            left -= odds[entry]
        total += probability
    return float(np.log(total))


@pytest.mark.parametrize("chosen", [[2], [0, 3], [1, 2]])
def test_the_gradient_is_that_of_the_likelihood_of_the_chosen_set(chosen):
    utility, step = np.array([0.3, -1.0, 0.8, 0.1, -0.4]), 1e-5
    slope = [
        (log_likelihood(utility + step * row, chosen) - log_likelihood(utility - step * row, chosen)) / (2 * step)
        for row in np.eye(5)
    ]
    ballot, voted = np.zeros(5, np.int64), np.isin(np.arange(5), chosen).astype(float)
    expected = expected_votes(choice_shares(utility, ballot), voted, ballot)
    assert voted - expected == pytest.approx(slope, abs=1e-6)
    assert expected.sum() == pytest.approx(len(chosen))
    target, weight = choice_rows(np.zeros(5), voted, ballot, 1.0)
    assert (target[voted > 0] > 0).all() and (target[voted == 0] < 0).all() and (weight > 0).all()


def test_a_vote_that_counts_less_teaches_less():
    whole = with_ballots(made_ratings(60), made_ballots(25, seed=1))
    credit = np.where(whole.kind == SignalKind.BALLOT, 0.001, 1.0)
    shown = whole.ballots
    weak = Observations(*(getattr(whole, name) for name in ROWS), BallotColumns(shown.ballot, shown.place, credit))
    alone, both = correlation_with_taste(fit_judge(made_ratings(60))), correlation_with_taste(fit_judge(whole))
    assert abs(correlation_with_taste(fit_judge(weak)) - alone) < 0.1 < both - alone
