"""The judge's scores and its file."""

import numpy as np
import pytest

from storage.judge.artifact import JudgeError
from storage.judge.dense_features import SharedUnits, agreement, count_specificity
from storage.judge.features import SIGNATURE_COLUMNS, text_features
from storage.judge.scorer import Candidate, Judge, JudgeContext, PersonalEffects
from storage.judge.tokens import tokenize
from tests.bot.judges import judge_that_likes

ANYBODY = JudgeContext(-5, 9, "en", "pun")


def effects(*ids: int) -> PersonalEffects:
    return PersonalEffects(np.array(ids), np.arange(1.0, len(ids) + 1), np.full((len(ids), SIGNATURE_COLUMNS), 0.1))


def changed(judge: Judge, **values: object) -> Judge:
    from dataclasses import replace

    return replace(judge, **values)


def test_a_joke_with_liked_words_has_the_higher_score():
    judge = judge_that_likes("parrot", "fox").judge
    scores = judge.score([Candidate("A dog barks"), Candidate("The parrot sings"), Candidate("A fox runs")], ANYBODY)
    assert scores[1] > scores[2] > scores[0] and ((scores > 0) & (scores < 1)).all()


def test_scores_of_several_photos_are_those_of_each():
    judge = changed(judge_that_likes("cat").judge, dense=np.array([1.0, 0.5, 0.0]), users=effects(7, 9))
    photos = [
        [Candidate("a cat"), Candidate("a cat on a mat")],
        [Candidate("dogs"), Candidate("a cat"), Candidate("x")],
    ]
    contexts = [JudgeContext(9, 9, "en", "pun", "cat"), JudgeContext(-5, 7, "zh", "pun")]
    together = judge.score_photos(photos, contexts)
    alone = [judge.score(photo, context) for photo, context in zip(photos, contexts, strict=True)]
    assert np.allclose(together, np.concatenate(alone))


def test_case_width_skin_tones_and_long_laughter_make_no_difference():
    assert tokenize("ＨＡ Noooooo 👍🏽 哈哈哈哈哈哈") == ["ha", "nooo", "👍", "哈", "哈", "哈"]


def test_each_group_of_features_of_a_text_has_unit_length():
    rows = text_features(["one", "a much longer text, with many more words in it! 🎉", "中文的笑话也一样"])
    words = rows.column < (1 << 14)
    assert np.allclose(np.bincount(rows.row[words], rows.value[words] ** 2), 1)


def test_a_joke_about_something_else_than_the_others_stands_alone():
    subjects = ["cat", "dog", "bus", "tree"] * 10
    texts = [f"{opening} {subject}" for subject in subjects for opening in ("look a", "what a", "oh my a")]
    photos = np.repeat(np.arange(len(subjects)), 3)
    specificity = count_specificity(SharedUnits.of(texts, photos))
    judged = ["look a cat", "what a cat", "oh my a dog"]
    assert np.argmin(agreement(SharedUnits.of(judged, np.zeros(3, int)), specificity)) == 2


def test_a_users_taste_counts_in_private_and_a_groups_in_the_group():
    judge = changed(judge_that_likes("cat").judge, users=effects(9), chats=effects(-5))
    texts = [Candidate("a cat")]
    nobody = judge.score(texts, JudgeContext(-6, 9, "en", "pun"))
    assert judge.score(texts, JudgeContext(9, 9, "en", "pun")) > nobody
    assert judge.score(texts, JudgeContext(-5, 3, "en", "pun")) > nobody


def test_a_file_gives_the_same_judge_with_the_same_version(tmp_path):
    judge = changed(judge_that_likes("cat").judge, users=effects(3, 9), styles={"en pun": 0.2})
    judge.save(tmp_path / "a.judge")
    loaded = Judge.load(tmp_path / "a.judge")
    texts = [Candidate("a cat", -0.5), Candidate("a dog", -0.7)]
    assert loaded.version == judge.version and np.allclose(loaded.score(texts, ANYBODY), judge.score(texts, ANYBODY))


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:50] + b"?" + data[51:], lambda data: b""]
)
def test_a_damaged_file_is_refused(tmp_path, damage):
    file = tmp_path / "a.judge"
    judge_that_likes("cat").judge.save(file)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(JudgeError):
        Judge.load(file)


def test_a_foreign_and_a_missing_file_are_refused(tmp_path):
    (tmp_path / "a.judge").write_bytes(b"\x80\x04 a pickle" * 100)
    for name in ("a.judge", "none.judge"):
        with pytest.raises(JudgeError):
            Judge.load(tmp_path / name)


def test_a_removed_user_leaves_no_trace_of_the_id_in_the_file(tmp_path):
    forgotten = 7_654_321_012_345
    judge = changed(
        judge_that_likes("cat").judge,
        users=effects(3, forgotten),
        chats=effects(-8, -5),
        members=np.array([[-5, forgotten], [-8, 3]]),
    )
    left = judge.without_people([forgotten])
    left.save(tmp_path / "a.judge")
    data = (tmp_path / "a.judge").read_bytes()
    assert forgotten.to_bytes(8, "little") in judge.encode() and forgotten.to_bytes(8, "little") not in data
    assert left.users.ids.tolist() == [3] and left.chats.ids.tolist() == [-8] and left.people() == [3]
