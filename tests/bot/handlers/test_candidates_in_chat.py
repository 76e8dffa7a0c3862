"""Candidates in the chat: photos, 🔁, albums and duels; a kill before the choice, and one after it."""

import asyncio

import pytest

import bot.app
from bot.engine.stub.engine import StubReply
from bot.jokes.candidate_writer import CandidateWriter
from bot.jokes.judge_source import JudgeSource
from tests.bot.conftest import make_picture
from tests.bot.judges import judge_that_likes

TEXTS = ["A cat reads the news.", "A parrot files taxes.", "A fox buys a tie.", "A cow paints houses."]


@pytest.fixture
def judged_stage(stage_with):
    """A stage whose judge likes parrots, then foxes, and decides always."""

    async def start(**sections):
        stage = await stage_with(**sections)
        stage.part(JudgeSource).current = judge_that_likes("parrot", "fox")
        stage.part(CandidateWriter)._random_share = 0.0
        return stage

    return start


def write(stage, texts=TEXTS):
    stage.engine.script.extend(StubReply(text) for text in texts)


async def test_a_photo_and_another_joke_are_chosen_among_candidates(judged_stage):
    stage = await judged_stage()
    write(stage)
    joke = await stage.joke(photo := stage.send_photo())
    await stage.quiet()
    write(stage)
    await stage.press(joke, 3)
    second = await stage.joke(photo, 2)
    await stage.quiet()
    assert stage.engine.requests == 8
    assert (joke["text"], second["text"]) == (TEXTS[1], TEXTS[2]), "the chat has seen the first"
    rows = await stage.app.database.rows("SELECT chosen_by, candidates FROM jokes ORDER BY id")
    assert [tuple(row) for row in rows] == [("judge", 4), ("judge", 3)]
    assert await stage.value("SELECT sum(repeated) FROM joke_candidates") == 1


async def test_an_album_with_one_joke_gets_candidates_too(judged_stage):
    stage = await judged_stage(joke={"album_mode": "per_album"})
    write(stage)
    pictures = [make_picture(colour=(number, 90, 160)) for number in (10, 200)]
    photos = stage.world.send_album(stage.alice, stage.alice, pictures)
    await stage.joke(photos[0])
    await stage.quiet()
    assert stage.engine.requests == 4 and await stage.value("SELECT candidates FROM jokes") == 4


@pytest.fixture
def no_grace(monkeypatch):
    """A stop that waits for no reply, as a kill."""
    monkeypatch.setattr(bot.app, "GRACE_S", 0.0)


async def test_a_kill_before_the_choice_leaves_no_row_and_the_photo_is_answered_once(judged_stage, no_grace):
    stage = await judged_stage()
    stage.engine.answer = StubReply(TEXTS[0], gate=asyncio.Event())
    photo = stage.send_photo()
    await stage.until(lambda: stage.engine.in_flight == 4)
    await stage.process.aclose()
    stage.engine.answer = StubReply(TEXTS[3])
    await stage.restart()
    joke = await stage.joke(photo)
    await stage.quiet()
    assert joke["text"] == TEXTS[3] and len(stage.answers(photo)) == 1
    assert await stage.value("SELECT count(*) FROM jokes") == 1


async def test_a_joke_that_was_chosen_before_a_restart_is_the_one_that_is_shown(judged_stage, no_grace):
    """The restarted bot chooses no other one, and asks the engine for nothing."""
    stage = await judged_stage()
    write(stage)
    stage.sandbox.faults.add("sendMessage", "429", times=9, retry_after=600)
    photo = stage.send_photo()
    while not await stage.value("SELECT count(*) FROM jokes"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    text = await stage.value("SELECT text FROM jokes")
    await stage.process.aclose()
    stage.sandbox.faults.clear()
    await stage.restart()
    assert (await stage.joke(photo))["text"] == text
    await stage.quiet()
    assert stage.engine.requests == 4 and await stage.value("SELECT count(*) FROM jokes") == 1
