"""Joke shapes, the turns made of them, and how replies are recognised."""

import random
import string
from collections import Counter

import pytest

from configs.prompts import load_prompts
from trainer.demo_model.joke_templates import EXPLAIN, NEUTRAL, TemplateReader, TemplateWriter, jokes, load_shapes
from trainer.demo_model.subjects import load_subjects, subjects_named

SUBJECTS, SHAPES, PROMPTS = load_subjects(), load_shapes(), load_prompts()
READER = TemplateReader(SHAPES, SUBJECTS)


@pytest.mark.parametrize("language", PROMPTS.languages)
def test_every_style_of_the_prompts_has_shapes(language):
    assert len(jokes(SHAPES, language)) >= 12
    for style in set(PROMPTS.languages[language].styles) - {NEUTRAL}:
        assert len(jokes(SHAPES, language, style)) >= 2


@pytest.mark.parametrize("language", PROMPTS.languages)
def test_one_style_has_about_half_of_the_neutral_mix(language):
    shares = Counter(shape.style for shape in jokes(SHAPES, language))
    assert 0.45 <= max(shares.values()) / shares.total() <= 0.55
    assert EXPLAIN not in shares


def test_every_shape_is_recognised_with_its_subject_and_names_nothing_else():
    for shape in SHAPES:
        for subject in SUBJECTS[::5]:
            text = shape.fill(subject)
            match = READER.read(text)
            assert match is not None and (match.shape, match.subject) == (shape, subject), text
            assert subjects_named(text, shape.language, SUBJECTS) == {subject}, text


def test_fixed_words_name_no_subject():
    for shape in SHAPES:
        fixed_words = "".join(part for part, *_ in string.Formatter().parse(shape.text))
        assert not subjects_named(fixed_words, shape.language, SUBJECTS), shape.text


def test_a_text_of_no_shape_has_no_style():
    assert READER.read("The cat sat on the mat.") is None
    assert READER.read("The submarine has exactly one job, and it is currently on a break.") is None
    assert READER.read("An cat, photographed moments before absolutely nothing happened.") is None


def test_turns_answer_what_is_asked():
    writer, draw = TemplateWriter(PROMPTS, SHAPES, SUBJECTS), random.Random(0)
    asked = Counter()
    for _ in range(3000):
        subject = draw.choice(SUBJECTS)
        turn = writer.turn(subject, draw)
        match = READER.read(turn.answer)
        prompt = turn.user.split("\n")[0]
        language, style = next(
            (code, name)
            for code, part in PROMPTS.languages.items()
            for name, text in part.styles.items()
            if text == prompt
        )
        asked[language, style] += 1
        assert match is not None and match.subject == subject and match.shape.language == language
        assert style == NEUTRAL and match.shape.style != EXPLAIN or match.shape.style == style
    assert len(asked) == sum(len(part.styles) for part in PROMPTS.languages.values())
    assert asked["en", NEUTRAL] > 1.5 * asked["en", "pun"]


def test_a_quoted_joke_is_explained_in_its_own_kind():
    writer, draw = TemplateWriter(PROMPTS, SHAPES, SUBJECTS), random.Random(1)
    kinds = set()
    for _ in range(2000):
        turn = writer.turn(SUBJECTS[0], draw)
        match = READER.read(turn.answer)
        if match and match.shape.quoted:
            kinds.add((match.shape.language, match.shape.quoted))
            assert PROMPTS.languages[match.shape.language].joke.split("{joke}")[0].strip() in turn.user
    assert len(kinds) == 8


def test_the_same_dice_make_the_same_turns():
    writer = TemplateWriter(PROMPTS, SHAPES, SUBJECTS)
    first, second = (
        ([writer.turn(SUBJECTS[3], draw) for _ in range(20)]) for draw in (random.Random(5), random.Random(5))
    )
    assert first == second
