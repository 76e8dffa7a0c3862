"""The newcomer of `make bench-first_ten_minutes` with a stub of the chat, and the benchmark's summary."""

import asyncio
import itertools
import random

from benchmarks.first_ten_minutes import summary
from benchmarks.newcomer import (
    FAVOURITE,
    LIKED,
    OTHER,
    WRONG_SUBJECT,
    ChatOfUser,
    Newcomer,
    NewcomerTaste,
    ShownPicture,
    answers,
)
from configs.subjects import load_subjects
from trainer.demo_model.joke_templates import jokes, load_shapes

SUBJECTS = {subject.en: subject for subject in load_subjects()}
FOX, OWL = ShownPicture(b"1", "fox"), ShownPicture(b"2", "owl")


class StubChat(ChatOfUser):
    """Answers each picture with the next of `texts`, and records what the newcomer did."""

    def __init__(self, texts):
        self.texts, self.done, self.numbers = itertools.cycle(texts), [], itertools.count(1)

    def message(self):
        return {"message_id": next(self.numbers), "text": next(self.texts), "reply_to_message": {"message_id": 0}}

    async def send(self, picture):
        self.done.append(picture.subject)
        return self.message()

    async def another(self, message):
        self.done.append("another")
        return self.message()

    async def press(self, message, index):
        self.done.append(index)


def newcomer_of(texts, seed=1):
    return Newcomer(StubChat(texts), NewcomerTaste(seed), random.Random(1), 0.0)


def text_of(taste, *, liked, subject="fox"):
    shape = next(one for one in jokes(load_shapes(), "en") if (one in taste.shapes) is liked)
    return shape.fill(SUBJECTS[subject])


def test_a_taste_likes_its_shapes_less_its_favourite_subjects_and_little_else():
    taste = NewcomerTaste(1)
    assert len(taste.shapes) >= 4 and NewcomerTaste(1).shapes == taste.shapes != NewcomerTaste(2).shapes
    favourite, plain = next(iter(taste.favourites)), next(name for name in SUBJECTS if name not in taste.favourites)
    assert taste.appeal(text_of(taste, liked=True, subject=plain), plain) == LIKED
    assert taste.appeal(text_of(taste, liked=False, subject=favourite), favourite) == FAVOURITE
    assert taste.appeal(text_of(taste, liked=False, subject=plain), plain) == OTHER
    assert taste.appeal(text_of(taste, liked=True, subject=plain), favourite) == LIKED * WRONG_SUBJECT
    assert taste.appeal("No shape of ours.", plain) == OTHER * WRONG_SUBJECT


def test_a_liked_joke_is_rated_and_after_another_comes_a_second_one(monkeypatch):
    liked = newcomer_of(["joke"])
    monkeypatch.setattr(liked.taste, "appeal", lambda joke, shown: 1.0)
    asyncio.run(liked.rate([FOX, OWL], 3, lambda: False))
    assert [one for one in liked.chat.done if isinstance(one, str)] == ["fox", "owl", "fox"]
    assert {one for one in liked.chat.done if isinstance(one, int)} <= {0, 1} and liked.ratings == 3
    disliked = newcomer_of(["joke"])
    monkeypatch.setattr(disliked.taste, "appeal", lambda joke, shown: 0.0)
    asyncio.run(disliked.rate([FOX, OWL], 3, lambda: False))
    assert disliked.chat.done == ["fox", 2, "another", 2, "owl", 2] and disliked.ratings == 3


def test_of_two_jokes_the_liked_one_is_chosen_and_neither_where_none_is(monkeypatch):
    newcomer = newcomer_of(["🅰️ bad\n\n🅱️ good", "🅰️ bad\n\n🅱️ worse"])
    monkeypatch.setattr(newcomer.taste, "appeal", lambda joke, shown: float(joke == "good"))
    asyncio.run(newcomer.rate([FOX, OWL], 2, lambda: False))
    assert newcomer.chat.done == ["fox", 1, "owl", 2] and newcomer.duels == 2


def test_the_newcomer_stops_where_the_trial_is_over():
    newcomer = newcomer_of(["joke"])
    asyncio.run(newcomer.rate([FOX], 10, lambda: newcomer.ratings >= 2))
    assert newcomer.ratings == 2


def test_an_answer_has_buttons_and_is_about_the_picture():
    joke = {"reply_markup": {}, "reply_to_message": {"message_id": 7}}
    assert not answers(joke, 7) and answers({**joke, "reply_markup": {"inline_keyboard": []}}, 7)
    assert not answers({**joke, "reply_markup": {"inline_keyboard": []}}, 8) and not answers({}, 7)


def test_the_summary_has_the_mean_and_the_worst_seed():
    names = ("changed", "liked_before", "liked_after", "gain", "alone_before", "alone_after", "alone_gain")
    names += ("garbled", "minutes")
    found = summary([dict.fromkeys(names, 0.5), dict.fromkeys(names, 1.0)])
    assert found["gain"] == 0.75 and found["worst"]["gain"] == 0.5 and found["worst"]["minutes"] == 1.0
