"""An engine that is down, slow, empty, cut off or unwilling: a kind word, nothing stored, and the next photo works."""

import pytest

from bot.engine.stub.engine import StubRefusal, StubReply

IMPATIENT = {"first_token_timeout_s": 60.0, "token_timeout_s": 0.5}
TROUBLE = {
    "down": StubRefusal(503),
    "slow": StubReply(ending="hang"),
    "empty": StubReply(text=""),
    "cut_off": StubReply(ending="drop"),
    "refused": StubRefusal(400),
}


@pytest.mark.parametrize("kind", TROUBLE)
async def test_each_kind_of_trouble_has_words_of_its_own(stage_with, kind):
    stage = await stage_with(script=[TROUBLE[kind]] * 2, engine=IMPATIENT if kind == "slow" else {})
    photo = stage.send_photo()
    answer = await stage.answer(photo, lambda one: one["text"] == stage.words(f"engine-{kind}"))
    await stage.quiet()
    assert "reply_markup" not in answer
    assert len(stage.answers(photo)) == 1
    assert await stage.value("SELECT count(*) FROM jokes") == 0
    stage.engine.script.clear()
    await stage.joke(stage.send_photo())


async def test_an_engine_that_is_not_there_is_said_to_be_down(stage_with):
    stage = await stage_with(engine={"url": "http://127.0.0.1:9/v1", "connect_timeout_s": 1.0})
    answer = await stage.answer(stage.send_photo(person=stage.ming))
    assert answer["text"] == stage.words("engine-down", "zh")


async def test_a_joke_that_breaks_off_once_is_finished_by_a_second_try(stage_with):
    stage = await stage_with(script=[StubReply(text="Half a j", ending="drop")])
    photo = stage.send_photo()
    joke = await stage.joke(photo)
    assert joke["text"] == stage.engine.answer.text
    assert len(stage.answers(photo)) == 1
