"""The choice: new texts and shapes, then the judge, sometimes chance; its propensities make statistics unbiased."""

import random

import numpy as np
import pytest

from bot.jokes.candidate_choice import (
    RECENT_JOKES,
    admissible_candidates,
    chance_share,
    choose,
    joke_shape,
    normal_text,
)

SEEN = [
    "When your cat discovers the box, nobody is safe",
    "当你的猫发现了纸箱，谁也别想睡觉",
    "Ha!",
]


def draw(scores, texts, seen=(), share=0.15, seed=0, count=20_000):
    rng = random.Random(seed)
    return [choose(scores, texts, seen, rng, share) for _ in range(count)]


def test_the_best_is_shown_except_for_the_random_share():
    texts = ["one joke", "two jokes", "three jokes", "four jokes"]
    choices = draw([0.2, 0.6, 0.4, 0.1], texts)
    by_judge = [choice for choice in choices if not choice.random]
    assert {choice.index for choice in by_judge} == {1}
    assert len(by_judge) / len(choices) == pytest.approx(0.85, abs=0.01)
    by_chance = np.bincount([choice.index for choice in choices if choice.random], minlength=4)
    assert by_chance / by_chance.sum() == pytest.approx([0.25] * 4, abs=0.03)


@pytest.mark.parametrize("scores", [[0.2, 0.6, 0.4, 0.1], [0.5, 0.5, 0.1, 0.2], [0.0] * 4])
def test_the_propensity_is_the_frequency_with_which_a_candidate_is_shown(scores):
    """Equal scores too."""
    choices = draw(scores, ["one joke", "two jokes", "three jokes", "four jokes"])
    for index in {choice.index for choice in choices}:
        propensities = {choice.propensity for choice in choices if choice.index == index}
        share = sum(choice.index == index for choice in choices) / len(choices)
        assert len(propensities) == 1 and share == pytest.approx(propensities.pop(), abs=0.012)
    assert sum({choice.index: choice.propensity for choice in choices}.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "repeated", ["when your cat discovers the BOX — nobody is safe!", "当你的猫发现了纸箱，谁也别想睡觉！", "ha"]
)
def test_texts_that_the_chat_saw_lately_are_not_shown(repeated):
    texts = [repeated, "A parrot files its taxes on time", "鹦鹉终于学会了报税这门手艺"]
    assert {choice.index for choice in draw([0.9, 0.1, 0.2], texts, SEEN, share=0.5, count=500)} == {1, 2}
    assert {choice.admissible for choice in draw([0.9, 0.1, 0.2], texts, SEEN, count=5)} == {(1, 2)}


@pytest.mark.parametrize(
    "repeated",
    [
        "When your cat wins a medal at the dog show",
        "My neighbour sings again, nobody is safe",
        "当你的猫当上了村长，全村都要上班",
    ],
)
def test_a_shape_that_the_chat_saw_lately_is_shown_only_if_it_is_clearly_better(repeated):
    texts, seen = [repeated, "A parrot files its taxes on time"], ["Today the post came early, to my surprise", *SEEN]
    assert {choice.index for choice in draw([0.39, 0.3], texts, seen, share=0.01) if not choice.random} == {1}
    assert {choice.index for choice in draw([0.45, 0.3], texts, seen, share=0.01) if not choice.random} == {0}
    assert {choice.admissible for choice in draw([0.9, 0.1], texts, seen, count=5)} == {(0, 1)}
    assert {choice.admissible for choice in draw([0.9, 0.1], texts, [texts[0][:-1], *seen], count=5)} == {(1,)}


def test_without_a_new_shape_a_new_text_is_shown_and_without_one_any():
    shape, text = "When your cat wins a medal at the dog show", SEEN[0]
    assert admissible_candidates([text, shape], SEEN) == [1]
    assert admissible_candidates([text, text], SEEN) == [0, 1]


def test_texts_are_remembered_for_twenty_jokes_and_shapes_cost_as_long():
    fresh, repeated = "A parrot files its taxes on time", "When your cat wins a medal at the dog show"
    others = [f"Number {number} of many quite different stories {number}" for number in range(30)]
    for age, is_new in ((1, False), (19, False), (20, True)):
        seen = [*others[:age], SEEN[0], *others[age:]]
        assert (1 in admissible_candidates([fresh, SEEN[0]], seen)) == is_new
        best = {choice.index for choice in draw([0.3, 0.35], [fresh, repeated], seen, count=50) if not choice.random}
        assert best == {int(is_new)}


def test_the_oftener_a_chat_saw_a_shape_the_better_its_next_joke_must_be():
    others = [f"Number {number} of many quite different stories {number}" for number in range(30)]
    texts = ["When your cat wins a medal at the dog show", "A parrot files its taxes on time"]
    shown = [f"When your cat {verb} and so the story of today ends {verb}" for verb in ("sings", "sinks", "sits")]
    for times, needed in ((1, 0.42), (2, 0.455), (3, 0.49)):
        seen = [others[0], *shown[:times], *others[1 : RECENT_JOKES - times]]
        for score, best in ((needed - 0.01, 1), (needed + 0.01, 0)):
            choices = draw([score, 0.3], texts, seen, share=0.01, count=50)
            assert {choice.index for choice in choices if not choice.random} == {best}


def test_chance_chooses_less_often_the_surer_the_judge_is_better_than_chance():
    shares = [chance_share(0.15, bound) for bound in (0.2, 0.5, 0.55, 0.6, 0.8)]
    assert shares == pytest.approx([0.15, 0.15, 0.1, 0.05, 0.05])


def test_one_candidate_that_is_new_is_no_choice():
    (choice,) = draw([0.1, 0.9], ["A parrot files its taxes on time", SEEN[0]], SEEN, count=1)
    assert choice.index == 0 and choice.propensity == 1.0 and not choice.random and choice.admissible == (0,)


def test_words_that_jokes_share_by_chance_are_no_shape():
    assert joke_shape("Ha! My cat!") == frozenset()
    assert not joke_shape("The cat is on the mat again") & joke_shape("The dog sat under a tree today")
    assert normal_text("Ｎｏ  way!!") == normal_text("no way")


@pytest.mark.parametrize("seed", range(3))
def test_inverse_propensities_give_the_liking_without_a_judge_and_the_random_share_agrees(seed):
    """Simulated: a judge that is right and wrong, photos and raters that differ. Three estimates of the same number.

    The truth is the mean over all candidates. Shown jokes are liked more; weighting them by 1 / (n × propensity), and
    the random share alone, are unbiased.
    """
    world, rng = np.random.default_rng(seed), random.Random(seed)
    photos, n = 6000, 4
    effects = world.normal(0, 1.0, (photos, n)) + world.normal(0, 0.7, (photos, 1))
    scores = 1 / (1 + np.exp(-(0.6 * effects + world.normal(0, 0.8, (photos, n)))))
    liked = 1 / (1 + np.exp(-(effects - 0.8)))
    texts = [f"joke {letter}" for letter in "abcd"]
    shown, weighted, by_chance = [], [], []
    for photo in range(photos):
        choice = choose(scores[photo].tolist(), texts, (), rng, 0.15)
        like = float(world.random() < liked[photo, choice.index])
        shown.append(like)
        weighted.append(like / (n * choice.propensity))
        if choice.random:
            by_chance.append(like)
    truth = liked.mean()
    assert np.mean(shown) > truth + 0.05, "the judge raises the liking of what is shown"
    for estimate in (np.array(weighted), np.array(by_chance)):
        assert abs(estimate.mean() - truth) < 4 * estimate.std() / np.sqrt(len(estimate))


def test_a_judge_that_knows_one_variant_better_favours_it_and_the_random_share_shows_that():
    """Simulated trial of two equal variants; the judge's scores are right for the first one's texts alone."""
    world, rng, n = np.random.default_rng(5), random.Random(5), 4
    texts, served, weighted, by_chance = [f"joke {letter}" for letter in "abcd"], ([], []), ([], []), ([], [])
    for variant in (0, 1):
        for _ in range(5000):
            effects = world.normal(0, 1.0, n)
            scores = effects if variant == 0 else world.normal(0, 1.0, n)
            choice = choose(scores.tolist(), texts, (), rng, 0.15)
            like = float(world.random() < 1 / (1 + np.exp(0.8 - effects[choice.index])))
            served[variant].append(like)
            weighted[variant].append(like / (n * choice.propensity))
            if choice.random:
                by_chance[variant].append(like)

    def difference(likes):
        old, new = map(np.array, likes)
        return new.mean() - old.mean(), np.hypot(old.std() / len(old) ** 0.5, new.std() / len(new) ** 0.5)

    assert difference(served)[0] < -0.1
    for likes in (weighted, by_chance):
        estimate, error = difference(likes)
        assert abs(estimate) < 4 * error < 0.25
