"""Ballots of rounds as evidence in the selection."""

import json

import numpy as np
import pytest

from configs.settings import SelectionSettings
from storage.chat.ballots import Ballots, RoundEntries
from storage.learning.rating_arrays import RatingArrays
from tests.trainer.oogiri_rounds import play_round
from trainer.selection import ballot_evidence
from trainer.selection.ballot_evidence import without_effects
from trainer.selection.scoring import score_jokes

SETTINGS = SelectionSettings(min_raters=2)
NO_RATINGS = RatingArrays(*(np.empty(0, np.int64) for _ in range(9)))


def made(rounds: int, *, bot: float = 0.0, place: float = 0.0, seed: int = 0) -> tuple[Ballots, np.ndarray]:
    """Ballots of ten voters with five users' entries and the bot's, and what the entries are worth."""
    rng = np.random.default_rng(seed)
    worth = rng.normal(size=(rounds, 6))
    worth[:, 0] += bot
    order = rng.random((rounds, 6)).argsort(1).argsort(1)
    entries = RoundEntries(
        *np.array(
            [
                (number, -1, 10, number, 10 * number + author, author, int(not author), order[number, author] + 1, 6)
                for number in range(rounds)
                for author in range(6)
            ]
        ).T
    )
    seen = worth[:, None] - place * order[:, None] / 5 + rng.normal(size=(rounds, 10, 6))
    of_round, voter, author = np.nonzero(seen.argsort(2).argsort(2) > 3)
    return Ballots.of(entries, of_round, 10 * of_round + author, 100 + voter), worth.ravel()


def test_the_best_entries_of_rounds_are_good_and_the_worst_are_not():
    ballots, worth = made(60)
    scores = score_jokes(NO_RATINGS, SETTINGS, ballots)
    assert np.corrcoef(scores.posterior, worth)[0, 1] > 0.6
    assert worth[scores.good].mean() > 0.7 and 0.1 < scores.good.mean() < 0.5
    assert scores.raters.mean() < 10, "ten voters know less of an entry than ten raters"


def test_the_kind_and_the_place_are_no_merit(monkeypatch):
    ballots, _ = made(200, bot=-1.0, place=1.0)
    bots, place = ballots.entries.author == 0, ballots.entries.position

    def gaps() -> tuple[float, float]:
        good = score_jokes(NO_RATINGS, SETTINGS, ballots).good
        return good[~bots].mean() - good[bots].mean(), good[place == 1].mean() - good[place == 6].mean()

    found = gaps()
    monkeypatch.setattr(ballot_evidence, "SHRINKAGE", 1e9)
    uncorrected = gaps()
    assert min(uncorrected) > 0.15 and all(
        2 * abs(left) < right for left, right in zip(found, uncorrected, strict=True)
    )


def test_effects_are_found_within_ballots():
    ballot, column = np.repeat(np.arange(100), 4), np.tile([-1.0, -0.3, 0.3, 1.0], 100)
    response = 3 * column + np.repeat(np.arange(100), 4)
    left = without_effects(response, column[:, None], np.ones(400), ballot)
    assert left == pytest.approx(np.repeat(np.arange(100), 4), abs=0.1)


def test_a_voter_without_whom_a_joke_would_not_be_good_decides_it():
    ballots, _ = made(60)
    scores = score_jokes(NO_RATINGS, SETTINGS, ballots)
    joke = next(iter(scores.pivotal_raters))
    voter = scores.pivotal_raters[joke][0]
    without = ballots.select(~((ballots.entry == joke) & (ballots.voter == scores.evidence.user_ids[voter])))
    assert not score_jokes(NO_RATINGS, SETTINGS, without).posterior[joke] > scores.posterior[joke]
    assert len(scores.pivotal_raters) < 0.5 * scores.good.sum()


async def test_an_entry_that_won_becomes_a_row_whose_manifest_has_its_votes_but_no_names(memory):
    for number in range(6):
        photo = await memory.photo()
        bot = await memory.joke(photo, f"the bot's {number}")
        entries = {author: f"entry {author} of {number}" for author in (901, 902, 903)}
        votes = {voter: [901] for voter in range(31, 39)} | {39: [None, 902]}
        await play_round(memory.database, photo, bot, entries, votes, number)
    exported = await memory.exporter(holdout_share=0.0001, min_raters=2).export()
    rows = [entry for entry in exported.manifest["rows"] if entry["part"] == "train"]
    texts = [row["conversations"][1]["value"] for row in json.loads((exported.directory / "train.json").read_text())]
    assert {f"entry 901 of {number}" for number in range(6)} <= set(texts)
    assert not any(text.startswith("entry 903") for text in texts), "no user chose it"
    won = [entry for entry in rows if sum(rating["voted"] for rating in entry["ratings"]) == 8]
    assert len(won) == 6 and all(entry["author"] == "user" and entry["model"] is None for entry in won)
    manifest = (exported.directory / "manifest.json").read_text()
    assert not any(f'"{name}"' in manifest or f" {name}," in manifest for name in (901, 31, 39))
