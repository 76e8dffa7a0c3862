"""What the demo model knows: subjects and their names."""

import pytest

from configs.errors import JokebotError
from configs.subjects import load_subjects, load_vocabulary, subject_of, subjects_named

SUBJECTS = load_subjects()
BY_NAME = {subject.en: subject for subject in SUBJECTS}


def test_there_are_enough_subjects_and_each_has_two_names_and_a_drawing():
    assert len(SUBJECTS) >= 250
    assert all(subject.en and subject.zh and subject.emoji for subject in SUBJECTS)
    assert all(0x2000 < int(code, 16) < 0x20000 for subject in SUBJECTS for code in subject.emoji)


def test_articles_fit_the_names():
    vowel = [subject for subject in SUBJECTS if subject.en[0] in "aeio"]
    assert all(subject.article in ("an", "some") for subject in vowel)
    assert BY_NAME["hourglass"].slots("en")["a"] == "an hourglass"
    assert BY_NAME["unicorn"].slots("en")["A"] == "A unicorn"
    assert BY_NAME["popcorn"].slots("en")["A"] == "Some popcorn"


def test_the_vocabulary_names_what_people_photograph_and_its_articles_fit():
    vocabulary = load_vocabulary()
    assert vocabulary[: len(SUBJECTS)] == SUBJECTS
    names = {subject.en for subject in vocabulary}
    assert {"person", "dog", "pizza", "car", "room", "landscape", "computer screen", "page of text"} <= names
    for subject in vocabulary:
        assert (subject.en[0] in "aeio") <= (subject.article in ("an", "some")), subject
        assert subject.zh and all(0 <= number < 1000 for number in subject.classes)
    assert subject_of("otter").phrase("en") == "an otter" and subject_of("otter").phrase("zh") == "水獭"
    assert subject_of("flux capacitor") is None


def test_a_name_inside_a_longer_one_is_not_named():
    assert subjects_named("The computer mouse sleeps.", "en", SUBJECTS) == {BY_NAME["computer mouse"]}
    assert subjects_named("鼠标在睡觉，老鼠没睡。", "zh", SUBJECTS) == {BY_NAME["computer mouse"], BY_NAME["mouse"]}
    assert subjects_named("It is un-hot-dog-lievable.", "en", SUBJECTS) == {BY_NAME["hot dog"]}
    assert subjects_named("Catalogue of concatenation.", "en", SUBJECTS) == set()


def test_two_subjects_of_one_name_are_refused(tmp_path):
    file = tmp_path / "subjects.toml"
    file.write_text('[a]\ncat = ["猫", "1f408"]\n[an]\nox = ["猫", "1f402"]\n', encoding="utf-8")
    with pytest.raises(JokebotError, match="猫"):
        load_subjects(file)
