"""Joke shapes, the turns made of them, and how replies are recognised."""

import random
import string
from collections import Counter

import pytest

from configs.prompts import NOTHING_SEEN, load_prompts
from configs.subjects import load_subjects, load_vocabulary, subjects_named
from trainer.demo_model.joke_templates import EXPLAIN, NEUTRAL, TemplateReader, TemplateWriter, jokes, load_shapes

SUBJECTS, VOCABULARY, SHAPES, PROMPTS = load_subjects(), load_vocabulary(), load_shapes(), load_prompts()
SURE = [shape for shape in SHAPES if not shape.unsure]
READER = TemplateReader(SHAPES, VOCABULARY)


@pytest.mark.parametrize("language", PROMPTS.languages)
def test_every_style_of_the_prompts_has_shapes(language):
    assert len(jokes(SHAPES, language)) >= 40
    for style in set(PROMPTS.languages[language].styles) - {NEUTRAL}:
        assert len(jokes(SHAPES, language, style)) >= 4
        assert jokes(SHAPES, language, style, unsure=True)


@pytest.mark.parametrize("language", PROMPTS.languages)
def test_one_style_has_about_half_of_the_neutral_mix(language):
    shares = Counter(shape.style for shape in jokes(SHAPES, language))
    assert 0.45 <= max(shares.values()) / shares.total() <= 0.55
    assert EXPLAIN not in shares


def test_every_shape_is_recognised_with_its_subject_and_names_nothing_else():
    for shape in SURE:
        for subject in VOCABULARY[::7]:
            text = shape.fill(subject)
            match = READER.read(text)
            assert match is not None and (match.shape, match.subject) == (shape, subject), text
            assert subjects_named(text, shape.language, VOCABULARY) == {subject}, text


def test_an_unsure_shape_is_recognised_and_names_nothing():
    for shape in set(SHAPES) - set(SURE):
        match = READER.read(shape.text)
        assert match is not None and match.shape == shape and match.subject is None
        assert not subjects_named(shape.text, shape.language, VOCABULARY), shape.text


def test_fixed_words_name_no_subject():
    for shape in SHAPES:
        fixed_words = "".join(part for part, *_ in string.Formatter().parse(shape.text))
        assert not subjects_named(fixed_words, shape.language, VOCABULARY), shape.text


def test_a_text_of_no_shape_has_no_style():
    assert READER.read("The cat sat on the mat.") is None
    assert READER.read("The chandelier has exactly one job, and it is currently on a break.") is None
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
            if prompt in (text, text + part.gentle)
        )
        asked[language, style] += 1
        assert match is not None and match.subject == subject and match.shape.language == language
        assert style == NEUTRAL and match.shape.style != EXPLAIN or match.shape.style == style
    assert len(asked) == sum(len(part.styles) for part in PROMPTS.languages.values())
    assert asked["en", NEUTRAL] > 1.5 * asked["en", "pun"]


def test_an_answer_is_about_what_the_slot_names_whatever_the_drawing_shows():
    writer, draw, seen = TemplateWriter(PROMPTS, SHAPES, SUBJECTS, VOCABULARY), random.Random(2), Counter()
    for _ in range(3000):
        subject = draw.choice(SUBJECTS)
        turn = writer.turn(subject, draw)
        match = READER.read(turn.answer)
        assert match is not None
        slots = PROMPTS.languages[match.shape.language]
        if slots.slot("", NOTHING_SEEN) in turn.user:
            assert match.shape.unsure and match.subject is None
            seen["nothing"] += 1
        elif slots.seen.split("{seen}")[0] in turn.user:
            assert slots.slot(match.shape.language, match.subject.en) in turn.user
            seen["subject" if match.subject == subject else "other"] += 1
        else:
            assert match.subject == subject
            seen["none"] += 1
    assert min(seen.values()) > 150 and seen["none"] > 1300 and seen["other"] > seen["subject"]


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
