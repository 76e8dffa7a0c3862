"""Texts by themselves: language, brokenness, variety, copying."""

import random
import string

import numpy as np
import pytest

from trainer.gate.metrics import bootstrap_interval
from trainer.gate.text_metrics import (
    ReferenceTexts,
    copied_shares,
    distinct,
    entropy,
    in_language,
    is_broken,
    pairs,
    units,
)


@pytest.mark.parametrize(
    "text, language, right",
    [
        ("The fox declined to comment.", "en", True),
        ("狐狸拒绝发表评论。", "zh", True),
        ("狐狸拒绝发表评论。", "en", False),
        ("The fox declined to comment.", "zh", False),
        ("The sign says 出口, and the fox believes it.", "en", True),
        ("这只狐狸说OK。", "zh", True),
        ("…🎩", "en", True),
        ("😂😂😂", "zh", True),
        ("……", "zh", True),
        ("hahahaha", "zh", True),
    ],
)
def test_a_reply_is_in_the_language_of_most_of_its_letters(text, language, right):
    assert in_language(text, language) is right


@pytest.mark.parametrize(
    "text",
    [
        "!!!!",
        "!!!!!!!!!!!!",
        "?",
        "？？？？？？？？？？",
        "a" * 200,
        "哈" * 200,
        "😂" * 100,
        "." * 160,
        "ha " * 80,
        "1 1 1 1 1 1 1 1",
        "the cat !!!!!!!!!!!!!!!!!",
        "the the the the the the the",
        "嗯嗯嗯嗯嗯嗯嗯嗯嗯嗯",
        "A fox. A fox. A fox. A fox. A fox. A fox.",
    ],
)
def test_what_is_no_sentence_is_broken(text):
    assert is_broken(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ha ha ha, a fox!",
        "Nooooo, not the fox!!!",
        "哈哈哈哈，狐狸！",
        "哈哈哈哈",
        "哈哈哈哈哈哈哈哈哈哈，笑死我了",
        "😂😂😂",
        "nooooo",
        "Nooooooooooooooo!",
        "haaaaaaaaaaaaa",
        "hahahahahahaha",
        "……",
        "...",
        "233333333",
        "It was out, standing in a field.",
        "To be, or not to be: that is the fox.",
    ],
)
def test_emphasis_and_laughter_are_no_breakage(text):
    assert not is_broken(text)


def test_the_same_again_and_again_has_no_variety():
    draw = random.Random(1)
    varied = [" ".join("".join(draw.choices(string.ascii_lowercase, k=4)) for _ in range(12)) for _ in range(30)]
    alike = ["The fox ate the alphabet, so only Q came to work."] * 30
    repeated, different = (pairs(map(units, texts)) for texts in (alike, varied))
    assert entropy(repeated) < 0.6 * entropy(different) and distinct(repeated) < 0.1 < distinct(different)
    assert (entropy(pairs([])), distinct(pairs([["fox"]]))) == (0, 0)


def test_copies_are_found_word_for_word_in_one_text_and_not_across_two():
    corpus = ReferenceTexts(
        [
            ("a", "The fox ate the alphabet today."),
            ("b", "Nobody ordered the cactus, yet here it is."),
            ("c", "狐狸今天吃掉了字母表"),
        ]
    )
    assert corpus.copied("the FOX ate the alphabet today!") == 1
    assert corpus.copied("Yesterday the fox ate the hamburger alone") == pytest.approx(4 / 7)
    assert corpus.copied("alphabet today nobody ordered") == pytest.approx(2 / 4)
    assert corpus.copied("今天吃掉了一只狐狸") == pytest.approx(5 / 9)
    assert corpus.copied("The fox ate the alphabet today.", without="a") == pytest.approx(1 / 6)
    assert corpus.copied("the fox") is None and copied_shares(corpus, [(None, "the fox")]) == []
    assert units("Un-fox-lievable! 3 狐狸 🎩") == ("un", "fox", "lievable", "3", "狐", "狸")


def test_the_interval_holds_the_truth_as_often_as_it_says_and_needs_two_photos():
    random_ = np.random.default_rng(3)
    held = [
        low <= 0.1 <= high
        for low, high in (bootstrap_interval(random_.normal(0.1, 1, 40), 0.95, 1) for _ in range(300))
    ]
    assert 0.89 < np.mean(held) < 0.98
    assert bootstrap_interval(np.array([0.5]), 0.95, 1) == (float("-inf"), float("inf"))
