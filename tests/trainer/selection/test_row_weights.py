"""Ratings and judge give rows their weights, as far as variety allows."""

import numpy as np
import pytest

from storage.learning.rating_arrays import RatedText
from tests.bot.judges import judge_that_likes
from trainer.selection.row_weights import (
    combine,
    effective_number,
    effective_shapes,
    judge_texts,
    row_weights,
    weigh_rows,
    words_of,
)
from trainer.selection.text_shapes import shape_similarity

FORMS = (
    "Plot twist, the {} was secretly {} all along",
    "Breaking news, a local {} demands {} before breakfast",
    "Dear diary, today the {} chose {} over me",
    "Rumour has it that this {} once paid its rent with {}",
)
SUBJECTS = ("cat", "teapot", "penguin", "bus", "wedding", "tractor", "lamp", "snowman")
POSTERIOR = np.full(40, 0.75)


def joke(form, number, word="socks"):
    subject = SUBJECTS[number % len(SUBJECTS)]
    return FORMS[form].format(subject, f"{word} {number}")


def jokes(count=40):
    return [joke(number % len(FORMS), number) for number in range(count)]


def test_a_judge_scores_each_text_on_its_own():
    judge = judge_that_likes("pirates").judge
    texts = [RatedText(text, "en", "witty") for text in (joke(0, 1, "pirates"), joke(0, 1))]
    liked, other = judge_texts(judge, texts)
    assert liked > other
    assert judge_texts(judge, texts[:1]) == pytest.approx([liked])


def test_what_the_judge_likes_weighs_more_and_the_rest_less():
    posterior = np.array([0.7, 0.7, 0.7])
    assert combine(posterior, np.zeros(3)) == pytest.approx(posterior)
    liked, equal, other = combine(posterior, np.array([1.0, 0.0, -3.0]))
    assert liked > equal == pytest.approx(0.7) and other == 0.5


def weighted_shapes(texts, weight):
    return effective_number(shape_similarity([words_of(text) for text in texts]), weight)


def test_shapes_are_counted_by_common_pairs_of_words_and_by_weight():
    four = effective_shapes(jokes())
    assert 3.5 < four < 4.6
    assert effective_shapes([joke(0, number) for number in range(40)]) == pytest.approx(1.0, abs=0.1)
    assert weighted_shapes(jokes(), np.where(np.arange(40) % 4 == 0, 20.0, 1.0)) < 0.6 * four
    unlike = ["".join(np.random.default_rng(number).choice(list("abcdef "), 60)) for number in range(40)]
    assert effective_shapes(unlike) > 20
    assert effective_shapes(["哈", "呵呵"]) > 20


def test_a_shape_is_seen_where_only_its_middle_is_always_the_same():
    rows = [
        f"{SUBJECTS[number % 8]} {number} can never be trusted with {number} {SUBJECTS[number % 7]}"
        for number in range(40)
    ]
    assert effective_shapes(rows) < 1.5


def test_a_judge_that_spreads_its_likes_counts_fully():
    judged = np.where(np.arange(40) // 4 % 2 == 0, 0.8, -0.8)
    assert weigh_rows(POSTERIOR, judged, jokes(), jokes()) == pytest.approx(row_weights(combine(POSTERIOR, 2 * judged)))


def test_a_judge_that_likes_one_shape_counts_only_as_far_as_variety_allows():
    texts, judged = jokes(), np.where(np.arange(40) % 4 == 0, 0.8, -0.3)
    weight = weigh_rows(POSTERIOR, judged, texts, texts)
    full = row_weights(combine(POSTERIOR, 2 * judged))
    assert 1 < weight[0] / weight[1] < full[0] / full[1]
    assert weighted_shapes(texts, weight) >= 0.7 * effective_shapes(texts)


def test_rows_that_lack_variety_by_themselves_weigh_less_where_they_are_common():
    rows = [joke(0 if number < 34 else number % 4, number) for number in range(40)]
    weight = weigh_rows(POSTERIOR, np.ones(40), rows, jokes())
    assert weight[34:].min() >= weight[0] and weight[35] > 1.5 * weight[0] and 0 < weight.min() <= weight.max() <= 1


@pytest.mark.parametrize(("rows", "reference"), [(jokes(29), jokes()), (jokes(), [])])
def test_few_rows_and_rows_that_nothing_compares_with_have_the_weights_of_their_ratings(rows, reference):
    posterior = np.linspace(0.6, 0.9, len(rows))
    assert weigh_rows(posterior, np.ones(len(rows)), rows, reference) == pytest.approx(row_weights(posterior))
