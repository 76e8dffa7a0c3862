"""The judge's fit on made ratings."""

from dataclasses import replace

import numpy as np
import pytest

from storage.judge.artifact import JudgeError
from storage.judge.observations import JokeColumns, Observations, SignalKind
from storage.judge.scorer import Candidate, JudgeContext
from tests.judge_texts import LIKED, OPENINGS, made_ratings, made_text
from trainer.judge.evaluation import calibrate, measure_calibration, pair_accuracy
from trainer.judge.fit import fit_judge, fold_of
from trainer.judge.reliability import MIN_WEIGHT, rater_weights
from trainer.judge.responses import make_responses, normal_scores

ANYBODY = JudgeContext(-5, 9, "en", "")
NO = np.empty(0)


def correlation_with_taste(judge) -> float:
    """How well scores of new texts follow P(liked); 0 for equal scores."""
    rng = np.random.default_rng(99)
    openings = rng.integers(0, len(OPENINGS), 300)
    scores = judge.score([Candidate(made_text(rng, opening)) for opening in openings.tolist()], ANYBODY)
    if np.ptp(scores) < 1e-9:
        return 0.0
    return float(np.corrcoef(np.log(scores / (1 - scores)), np.array(LIKED)[openings])[0, 1])


def joined(left: Observations, right: Observations) -> Observations:
    """The reactions of both, about different jokes and photos."""
    texts = left.jokes.texts + right.jokes.texts
    shift = len(left.jokes)

    def both(name: str) -> np.ndarray:
        return np.concatenate([getattr(left, name), getattr(right, name)])

    other = np.concatenate([left.other, np.where(right.other >= 0, right.other + shift, -1)])
    photos = np.concatenate([left.jokes.photos, right.jokes.photos + left.jokes.photos.max() + 1])
    joke = np.concatenate([left.joke, right.joke + shift])
    jokes = JokeColumns.of(texts, photos)
    return Observations(jokes, both("kind"), joke, other, both("user"), both("chat"), both("value"), both("at"))


def test_a_judge_learns_what_users_like_and_says_how_well():
    judge = fit_judge(made_ratings(500))
    measures = judge.measures
    assert judge.usable and 0.5 < measures["pair_accuracy_bound"] < measures["pair_accuracy"] < 0.85
    assert correlation_with_taste(judge) > 0.8 and measures["calibration"]["error"] < 0.1


def test_a_judge_of_random_ratings_is_not_usable():
    usable = [fit_judge(made_ratings(250, seed=seed, users=9, random_users=9)).usable for seed in range(20)]
    assert sum(usable) <= 7  # 16 % expected


def test_a_judge_of_few_ratings_is_not_usable():
    assert not fit_judge(made_ratings(30)).usable


def test_no_ratings_are_an_error():
    with pytest.raises(JudgeError):
        fit_judge(made_ratings(10).select(np.zeros(10, bool)))


def test_equal_data_give_equal_bytes():
    assert fit_judge(made_ratings(200)).version == fit_judge(made_ratings(200)).version


def test_users_who_press_at_random_hardly_count():
    observations = made_ratings(1200, users=6, random_users=2)
    judge = fit_judge(observations)
    spread = {int(user): abs(offset) for user, offset in zip(judge.users.ids, judge.users.offset, strict=True)}
    assert correlation_with_taste(judge) > 0.85 and set(spread) == {1000 + number for number in range(6)}
    predicted = np.array(LIKED)[[OPENINGS.index(_opening(text)) for text in observations.jokes.texts]] - 0.5
    target = make_responses(observations).target
    weights = rater_weights(target, predicted, observations.user - 1000, 6, np.zeros(len(target)))
    assert weights[:2].max() < 0.1 and weights[2:].min() > 0.9 and weights.min() >= MIN_WEIGHT


def _opening(text: str) -> str:
    return max((opening for opening in OPENINGS if text.startswith(opening)), key=len)


def test_a_lenient_user_is_told_from_a_good_joke():
    judge = fit_judge(made_ratings(900, users=4, leniency=0.08))
    assert np.all(np.diff(judge.users.offset) > 0)


def test_duels_alone_teach_an_order():
    rng = np.random.default_rng(3)
    left, right = rng.integers(0, len(OPENINGS), 400), rng.integers(0, len(OPENINGS), 400)
    texts = [made_text(rng, opening) for pair in zip(left, right, strict=True) for opening in pair]
    won = rng.random(400) < 0.5 + 0.6 * (np.array(LIKED)[left] - np.array(LIKED)[right])
    index = np.arange(400)
    user = np.full(400, 8)
    judge = fit_judge(
        Observations(
            JokeColumns.of(texts, np.repeat(index, 2)),
            np.full(400, SignalKind.DUEL),
            2 * index,
            2 * index + 1,
            user,
            user,
            won.astype(float),
            np.zeros(400),
        )
    )
    assert judge.usable and judge.measures["pairs"] == 400
    fit = judge.weights
    assert np.isfinite(fit).all() and np.any(fit != 0)
    pleasant, dull = (made_text(np.random.default_rng(1), opening) for opening in (5, 0))
    from storage.judge.features import text_features

    scores = text_features([pleasant, dull]).dot(fit)
    assert scores[0] > scores[1]


def test_weak_signals_move_a_judge_less_than_ratings_do():
    ratings = made_ratings(400)
    weak = made_ratings(400, seed=5)
    another = replace(weak, kind=np.full(400, SignalKind.ANOTHER), other=np.full(400, -1))
    alone, both = fit_judge(ratings), fit_judge(joined(ratings, another))
    assert both.measures["ratings"] == 400 and abs(correlation_with_taste(both) - correlation_with_taste(alone)) < 0.1


def test_a_users_own_taste_is_learnt():
    """Two users like opposite openings; only their own scores tell them apart."""
    rng = np.random.default_rng(4)
    opening, user = rng.integers(0, 2, 800), rng.integers(0, 2, 800)
    texts = [made_text(rng, 5 * number) for number in opening.tolist()]
    liked = (rng.random(800) < np.where(opening == user, 0.9, 0.1)).astype(float)
    observations = Observations.of_ratings(
        JokeColumns.of(texts, range(800)), np.arange(800), 50 + user, liked, chat=50 + user
    )
    judge = fit_judge(observations)
    candidates = [Candidate(made_text(rng, 0)), Candidate(made_text(rng, 5))]
    assert [int(judge.score(candidates, JudgeContext(who, who, "en", "")).argmax()) for who in (50, 51)] == [0, 1]


def test_a_prior_judge_helps_where_there_are_few_ratings():
    prior = fit_judge(made_ratings(1500, seed=8))
    with_prior = [correlation_with_taste(fit_judge(made_ratings(25, seed=seed), prior=prior)) for seed in range(3)]
    without = [correlation_with_taste(fit_judge(made_ratings(25, seed=seed))) for seed in range(3)]
    assert np.mean(with_prior) > 0.8 and np.mean(with_prior) > np.mean(without) + 0.1


def test_a_useless_prior_is_outvoted_by_ratings():
    nonsense = fit_judge(made_ratings(600, seed=9, users=3, random_users=3))
    assert correlation_with_taste(fit_judge(made_ratings(800), prior=nonsense)) > 0.8


def test_only_jokes_that_no_judge_chose_are_the_unbiased_part():
    observations = made_ratings(20)
    chosen = replace(observations, jokes=replace(observations.jokes, random=np.arange(20) % 4 == 0))
    assert len(chosen.chosen_at_random()) == 5


def test_a_photo_is_always_in_the_same_fold_and_folds_are_alike():
    folds = fold_of(np.arange(5000))
    assert (fold_of(np.arange(100)) == folds[:100]).all() and np.bincount(folds).min() > 900


def test_pairs_are_of_one_user_and_the_bound_covers_chance():
    score, value = np.array([3.0, 2.0, 1.0, 0.0]), np.array([1.0, 0.5, 0.0, 0.0])
    user, photo = np.array([1, 1, 1, 2]), np.arange(4)
    found = pair_accuracy(score, value, user, photo, NO, NO, NO.astype(int))
    assert (found.accuracy, found.pairs) == (1.0, 3) and not found.above_chance
    rng = np.random.default_rng(0)
    fooled = 0
    for _ in range(200):
        user, photo, value = rng.integers(0, 8, 300), np.arange(300), rng.integers(0, 3, 300) / 2
        fooled += pair_accuracy(rng.normal(size=300), value, user, photo, NO, NO, NO.astype(int)).above_chance
    assert fooled <= 32  # less than 16 %: these scores come from no folds


def test_the_curve_to_probabilities_is_recovered():
    rng = np.random.default_rng(0)
    score = rng.normal(size=4000)
    liked = rng.random(4000) < 1 / (1 + np.exp(-(-0.8 + 1.5 * score)))
    intercept, scale = calibrate(score, liked, np.ones(4000))
    assert abs(intercept + 0.8) < 0.15 and abs(scale - 1.5) < 0.15
    assert measure_calibration(1 / (1 + np.exp(-(intercept + scale * score))), liked).error < 0.03


def test_scores_of_grades_rise_and_have_the_mean_zero():
    value = np.array([0.0] * 70 + [0.5] * 20 + [1.0] * 10)
    scores = normal_scores(value)
    assert np.all(np.diff(scores) > 0) and abs(scores @ [0.7, 0.2, 0.1]) < 0.02
