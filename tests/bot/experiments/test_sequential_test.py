"""The sequential test's decisions on units, duels and time."""

import random

import pytest

from bot.experiments import Observation, SequentialTest, TrialData
from bot.experiments.observations import EARLY, LATE
from configs.learning import CanarySettings

TRIAL = SequentialTest(CanarySettings())
DAY = 86400.0


def units(likes: int, others: int, stage: int = EARLY) -> list[Observation]:
    return [Observation(1, 1, stage)] * likes + [Observation(0, 1, stage)] * others


def test_it_begins_with_the_small_share():
    decision = TRIAL.evaluate([], [])
    assert (decision.answer, decision.share, decision.stage, decision.reason) == ("go on", 0.1, EARLY, "early")
    assert decision.champion.liking is None


def test_fifty_ratings_without_harm_bring_the_larger_share():
    champion = units(225, 225)
    assert TRIAL.evaluate(champion, units(25, 24)).share == 0.1
    decision = TRIAL.evaluate(champion, units(25, 25))
    assert (decision.answer, decision.share, decision.stage, decision.reason) == ("go on", 0.5, LATE, "between")


def test_fifty_ratings_that_look_bad_keep_the_small_share():
    decision = TRIAL.evaluate(units(225, 225), units(17, 33))
    assert (decision.answer, decision.share, decision.reason) == ("go on", 0.1, "suspect")


def test_the_larger_share_once_begun_is_not_taken_back():
    decision = TRIAL.evaluate(units(225, 225) + units(30, 30, LATE), units(25, 25) + units(20, 40, LATE))
    assert (decision.answer, decision.share) == ("go on", 0.5)


def test_a_candidate_that_nobody_likes_is_stopped_after_a_few_of_its_ratings():
    for count in range(1, 30):
        decision = TRIAL.evaluate(units(5 * count, 5 * count), units(0, count))
        if decision.answer == "harm":
            break
    assert decision.reason == "worse" and 5 <= count <= 20
    assert decision.interval[1] < 0


def test_a_clearly_better_one_is_promoted_early_and_never_before_its_first_fifty_ratings():
    few = TRIAL.evaluate(units(0, 400), units(49, 0))
    assert few.interval[0] > 0 and few.answer == "go on"
    decision = TRIAL.evaluate(units(200, 250) + units(60, 60, LATE), units(40, 10) + units(100, 20, LATE))
    assert (decision.answer, decision.reason) == ("promote", "better")
    assert decision.interval[0] > 0 and decision.ratings < 1000


def test_at_the_end_less_is_asked_for_than_before_it():
    champion, candidate = units(225, 225) + units(125, 125, LATE), units(28, 22) + units(142, 107, LATE)
    before = TRIAL.evaluate(champion, candidate)
    assert (before.answer, before.ratings) == ("go on", 999)
    after = TRIAL.evaluate(champion, [*candidate, Observation(1, 1, LATE)])
    assert (after.answer, after.ratings) == ("promote", 1000)


@pytest.mark.parametrize("ratings, age_s, reason", [(500, 0.0, "ratings"), (60, 14 * DAY, "days")])
def test_without_a_verdict_it_ends_after_a_thousand_ratings_or_fourteen_days(ratings, age_s, reason):
    champion, candidate = units(ratings // 2, ratings // 2, LATE), units(ratings // 2, ratings // 2, LATE)
    decision = TRIAL.evaluate(champion, candidate, age_s=age_s)
    assert (decision.answer, decision.reason) == ("not enough", reason)
    assert decision.interval[0] < 0 < decision.interval[1]


def test_fourteen_days_can_end_with_a_promotion_in_a_small_chat():
    champion, candidate = units(20, 60), units(50, 30)
    assert TRIAL.evaluate(champion, candidate).answer == "go on"
    assert TRIAL.evaluate(champion, candidate, age_s=14 * DAY).answer == "promote"


def test_eight_ratings_of_one_joke_are_not_eight_trials():
    alone = TRIAL.evaluate(units(200, 200, LATE), units(240, 160, LATE))
    together = TRIAL.evaluate(
        [Observation(8, 8, LATE), Observation(0, 8, LATE)] * 25,
        [Observation(8, 8, LATE)] * 30 + [Observation(0, 8, LATE)] * 20,
    )
    assert alone.ratings == together.ratings and alone.difference == pytest.approx(together.difference)
    width = [decision.interval[1] - decision.difference for decision in (alone, together)]
    assert width[1] > 2.5 * width[0]


def test_people_who_like_everything_more_later_are_nobodys_merit():
    champion = units(135, 315) + units(175, 75, LATE)
    candidate = units(15, 35) + units(175, 75, LATE)
    decision = TRIAL.evaluate(champion, candidate)
    assert decision.candidate.liking - decision.champion.liking > 0.15
    assert decision.difference == pytest.approx(0, abs=1e-9) and decision.answer == "not enough"


def test_duels_count_as_evidence_and_both_meh_counts_for_nobody():
    champion, candidate = units(150, 150, LATE), units(156, 144, LATE)
    alone = TRIAL.evaluate(champion, candidate)
    won = TRIAL.evaluate(champion, candidate, [1] * 80 + [-1] * 5 + [0] * 15)
    meh = TRIAL.evaluate(champion, candidate, [0] * 100)
    assert (alone.answer, won.answer, meh.answer) == ("go on", "promote", "go on")
    assert won.difference > alone.difference > meh.difference > 0 and won.duels == 100


def test_duels_alone_promote_nobody():
    decision = TRIAL.evaluate([], [], [1] * 500, age_s=14 * DAY)
    assert decision.answer == "not enough"


def test_the_interval_leaves_zero_out_exactly_where_there_is_a_verdict():
    draw, said = random.Random(3), set()
    for _ in range(400):
        arms = [
            [Observation(draw.randint(0, 3), 3, draw.choice((EARLY, LATE))) for _ in range(draw.randint(60, 160))]
            for _ in range(2)
        ]
        better = [Observation(min(3, unit.likes + draw.choice((0, 0, 1))), 3, unit.stage) for unit in arms[0]]
        for candidate in (arms[1], better):
            for first, second in ((arms[0], candidate), (candidate, arms[0])):
                decision = TRIAL.evaluate(first, second)
                said.add(decision.answer)
                assert (decision.answer == "promote") == (decision.interval[0] > 0)
                assert (decision.answer == "harm") == (decision.interval[1] < 0)
    assert said >= {"promote", "harm", "go on"}


def test_sums_that_grow_rating_by_rating_say_what_all_units_say():
    draw, evidence = random.Random(4), TrialData()
    jokes = [[0, 0, 0, 0, 0] for _ in range(60)]
    for number, joke in enumerate(jokes):
        joke[:2] = number % 2, number // 30
    for _ in range(300):
        joke = draw.choice(jokes)
        sums = evidence.sums_of(joke[1], joke[0])
        if joke[3]:
            sums.remove(joke[2], joke[3])
        joke[2] += draw.random() < 0.5
        joke[3] += 1
        sums.add(joke[2], joke[3])
    arms = [
        [Observation(likes, ratings, stage) for arm, stage, likes, ratings, _ in jokes if arm == wanted]
        for wanted in (0, 1)
    ]
    grown, whole = TRIAL.evaluate_data(evidence), TRIAL.evaluate(*arms)
    assert grown.difference == pytest.approx(whole.difference) and grown.interval == pytest.approx(whole.interval)
    assert (grown.champion, grown.candidate, grown.ratings) == (whole.champion, whole.candidate, 300)


@pytest.mark.parametrize("likes, ratings", [(2, 1), (-1, 1), (0, 0)])
def test_impossible_units_are_refused(likes, ratings):
    with pytest.raises(ValueError, match="likes in"):
        TrialData().sums_of(EARLY, 0).add(likes, ratings)
