"""The sequential test's decisions on ratings, duels, time, single users and unrated jokes."""

import dataclasses
import random

import pytest

from bot.experiments.sequential_test import SequentialTest
from bot.experiments.trial_design import EARLY, LATE, NOVEL, TrialDesign, forecast_trial
from bot.experiments.trial_sums import TrialData
from configs.trials import CanarySettings
from tests.bot.experiments.trial_rows import Rows

DESIGN = TrialDesign.for_candidate(CanarySettings())
TRIAL = SequentialTest(DESIGN)
WEEK = 7.0


def decide(rows: Rows, days: float = 14.0, late: bool = True):
    return TRIAL.decide(rows.data(), days, late)


def test_it_begins_with_the_initial_share():
    decision = TRIAL.decide(TrialData.empty(), 0.0, False)
    assert (decision.answer, decision.share, decision.stage, decision.reason) == ("go on", 0.3, NOVEL, "early")
    assert decision.champion.liking is None


def test_thirty_ratings_without_harm_and_three_days_bring_the_full_share():
    def after(ratings: int, days: float, likes: int):
        rows = Rows().rated(0, 60, 60, NOVEL).rated(1, likes, ratings - likes, NOVEL)
        return decide(rows, days, late=False)

    assert (after(29, 4.0, 15).share, after(29, 4.0, 15).reason) == (0.3, "early")
    assert (after(30, 2.0, 15).share, after(30, 2.0, 15).reason) == (0.3, "new")
    assert (after(30, 4.0, 9).share, after(30, 4.0, 9).reason) == (0.3, "suspect")
    assert (after(30, 4.0, 15).share, after(30, 4.0, 15).stage) == (0.5, LATE)


def test_a_slow_chat_needs_fewer_ratings_for_the_full_share():
    rows = Rows(users=8).rated(0, 9, 9, NOVEL).rated(1, 7, 7, NOVEL)
    assert decide(rows, 4.0, late=False).share == 0.5
    assert decide(rows, 0.5, late=False).reason == "early"


def test_the_full_share_once_begun_is_not_taken_back():
    rows = Rows().rated(0, 60, 60, EARLY).rated(1, 25, 25, EARLY).rated(0, 30, 30).rated(1, 20, 40)
    assert decide(rows, 5.0).share == 0.5


def test_a_candidate_that_nobody_likes_is_stopped_after_a_few_of_its_ratings():
    for count in range(1, 40):
        rows = Rows().rated(0, count, count, NOVEL).rated(1, 0, count, NOVEL)
        decision = decide(rows, 0.5, late=False)
        if decision.answer == "harm":
            break
    assert decision.reason == "worse" and 5 <= count <= 20
    assert decision.interval[1] < 0


def test_nothing_is_promoted_before_a_week():
    rows = Rows().rated(0, 100, 250).rated(1, 250, 100)
    assert (decide(rows, WEEK - 0.1).answer, decide(rows, WEEK).answer) == ("go on", "promote")
    assert decide(rows, WEEK).interval[0] > 0


def test_an_advantage_of_the_first_three_days_alone_promotes_nothing():
    new = Rows().rated(0, 70, 140, NOVEL).rated(1, 75, 15, NOVEL).rated(0, 150, 150).rated(1, 152, 148)
    decision = decide(new, WEEK)
    assert decision.difference > 0.1 and decision.answer == "go on"
    lasting = Rows().rated(0, 70, 140, NOVEL).rated(1, 75, 15, NOVEL).rated(0, 140, 160).rated(1, 180, 120)
    assert decide(lasting, WEEK).answer == "promote"


def test_at_the_end_less_is_asked_for_than_before_it():
    rows = Rows(users=500).rated(0, 225, 275).rated(1, 254, 245)
    assert (decide(rows).answer, decide(rows).ratings) == ("go on", 999)
    after = decide(rows.rated(1, 1, 0))
    assert (after.answer, after.ratings) == ("promote", 1000)


@pytest.mark.parametrize("ratings, days, reason", [(500, 14.0, "ratings"), (60, 28.0, "days"), (500, 28.0, "ratings")])
def test_without_a_verdict_it_ends_after_a_thousand_ratings_or_four_weeks(ratings, days, reason):
    rows = Rows().rated(0, ratings // 2, ratings // 2).rated(1, ratings // 2, ratings // 2)
    decision = decide(rows, days)
    assert (decision.answer, decision.reason) == ("not enough", reason)
    assert decision.interval[0] < 0 < decision.interval[1]


def test_a_fast_chat_goes_on_for_a_week_however_many_ratings_it_has():
    rows = Rows().rated(0, 620, 580).rated(1, 630, 570)
    assert (decide(rows, 5.0).answer, decide(rows, WEEK).answer) == ("go on", "not enough")


def test_the_last_day_can_end_with_a_promotion_in_a_small_chat():
    rows = Rows().rated(0, 30, 50).rated(1, 46, 34)
    assert decide(rows, 20.0).answer == "go on"
    assert decide(rows, 28.0).answer == "promote"


def test_a_trial_whose_promotion_has_become_unlikely_ends_early():
    rows = Rows().rated(0, 150, 150).rated(1, 145, 155)
    assert (decide(rows, 8.5).answer, decide(rows, 8.5).reason) == ("not enough", "futile")
    hopeful = Rows().rated(0, 140, 160).rated(1, 155, 145)
    assert decide(hopeful, 8.5).reason == "between"


def test_eight_ratings_of_one_joke_are_not_eight_trials():
    alone = decide(Rows().rated(0, 200, 200).rated(1, 240, 160))
    rows = Rows()
    for variant, liked in ((0, 25), (1, 30)):
        for number in range(50):
            rows.photo(variant, [int(number < liked)] * 8)
    together = decide(rows)
    assert alone.ratings == together.ratings and alone.difference == pytest.approx(together.difference)
    width = [decision.interval[1] - decision.difference for decision in (alone, together)]
    assert width[1] > 2.2 * width[0]


def test_people_who_like_everything_more_later_are_nobodys_merit():
    rows = Rows().rated(0, 135, 315, EARLY).rated(1, 15, 35, EARLY).rated(0, 175, 75).rated(1, 175, 75)
    decision = decide(rows)
    assert decision.candidate.liking - decision.champion.liking > 0.15
    assert decision.difference == pytest.approx(0, abs=1e-9) and decision.answer == "not enough"


def test_duels_count_as_evidence_and_both_meh_counts_for_nobody():
    def rows() -> Rows:
        return Rows().rated(0, 150, 150).rated(1, 165, 135)

    alone, won = decide(rows(), 10.0), decide(rows().picked([1, 1, 1, 1, 0] * 20), 10.0)
    meh = decide(rows().picked([0] * 100), 10.0)
    assert (alone.answer, won.answer) == ("go on", "promote") and meh.answer != "promote"
    assert won.difference > alone.difference > meh.difference > 0 and won.duels == 100


def test_no_single_user_can_promote_a_candidate():
    def rows(fan: int | None) -> Rows:
        equal = Rows().rated(0, 150, 150).rated(1, 150, 150)
        return equal.rated(0, 0, 60, user=fan).rated(1, 60, 0, user=fan)

    one, many = decide(rows(99)), decide(rows(None))
    assert one.difference == pytest.approx(many.difference) and one.difference > 0.1
    assert (one.answer, many.answer) == ("go on", "promote")


def test_no_single_user_can_end_a_trial_as_harmful():
    def rows(hater: int | None) -> Rows:
        equal = Rows().rated(0, 150, 150).rated(1, 150, 150)
        return equal.rated(0, 80, 0, user=hater).rated(1, 0, 80, user=hater)

    assert (decide(rows(99)).answer, decide(rows(None)).answer) != ("harm", "harm")
    assert decide(rows(None)).answer == "harm"


def test_among_fewer_than_five_users_each_counts_in_full():
    rows = Rows(users=4).rated(0, 100, 250).rated(1, 250, 100)
    assert decide(rows).answer == "promote"
    assert Rows(users=1).rated(1, 2, 2).data().sums().units.shape == (1, 3, 2)


def test_a_bland_candidate_whose_dislikers_stay_silent_is_not_promoted():
    def rows(silent: int) -> Rows:
        return Rows().rated(0, 200, 200).rated(1, 210, 120).silent(1, silent)

    assert (decide(rows(110)).answer, decide(rows(0)).answer) == ("go on", "promote")
    over = TRIAL.decide(rows(110).data(), 28.0, True)
    assert (over.answer, over.reason) == ("not enough", "quiet")


def test_a_candidate_after_which_users_press_for_another_joke_is_not_promoted():
    def rows(again: int) -> Rows:
        return Rows().rated(0, 180, 220).rated(1, 240, 160).silent(0, 100, again=20).silent(1, 100, again=again)

    assert (decide(rows(22)).answer, decide(rows(50)).answer) == ("promote", "go on")


def test_the_interval_leaves_zero_out_exactly_where_there_is_a_verdict():
    draw, said = random.Random(3), set()
    trial = SequentialTest(dataclasses.replace(DESIGN, engagement=False))
    for _ in range(150):
        rows, effect = Rows(), draw.choice((-0.3, -0.1, 0, 0.1, 0.3))
        for variant in (0, 1):
            for _ in range(draw.randint(60, 160)):
                stage = draw.choice((NOVEL, EARLY, LATE))
                rows.photo(variant, [int(draw.random() < 0.5 + variant * effect) for _ in range(3)], stage)
        decision = trial.decide(rows.data(), 10.0, True)
        said.add(decision.answer)
        assert (decision.answer == "promote") == (decision.interval[0] > 0)
        assert (decision.answer == "harm") == (decision.interval[1] < 0)
    assert said >= {"promote", "harm", "go on"}


def test_the_forecast_grows_with_the_pace_and_tells_how_long():
    slow, usual, fast = (forecast_trial(DESIGN, pace) for pace in (10.0, 48.0, 300.0))
    assert slow.power < usual.power < fast.power and slow.power < 0.5 and usual.power > 0.75
    assert (slow.days, round(usual.days), fast.days) == (28.0, 21, 7.0)
    assert forecast_trial(DESIGN, 0.0).power == 0.0
    assert forecast_trial(DESIGN, 48.0, units_per_rating=0.2).power < usual.power


def test_a_design_that_guesses_promotes_at_its_end_unless_something_speaks_against_it():
    design = TrialDesign.for_candidate(CanarySettings(min_days=0, max_ratings=12, without_verdict="candidate"))

    def reason(rows: Rows) -> tuple[str, str]:
        decision = SequentialTest(design).decide(rows.data(), 0.01, late=True)
        return decision.answer, decision.reason

    assert reason(Rows().rated(0, 2, 4).rated(1, 3, 2)) == ("go on", "between")  # eleven ratings
    assert reason(Rows().rated(0, 2, 4).rated(1, 4, 2)) == ("promote", "guess")
    assert reason(Rows().rated(0, 4, 2).rated(1, 3, 3)) == ("promote", "guess")
    assert reason(Rows().rated(0, 5, 1).rated(1, 3, 3)) == ("promote", "guess")
    assert reason(Rows().rated(0, 6, 0).rated(1, 1, 5))[0] in ("not enough", "harm")
    assert reason(Rows().rated(0, 6, 6)) == ("not enough", "ratings")  # no user rated the candidate's jokes
    assert decide(Rows().rated(0, 300, 300).rated(1, 310, 290)).reason == "ratings"  # the default doesn't guess
