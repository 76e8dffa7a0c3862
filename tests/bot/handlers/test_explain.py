"""A reply "explain" to a joke, or /explain, says what is funny about it, and leaves no trace that could be learnt
from.
"""

import pytest

from bot.engine.stub.engine import StubRefusal, StubReply
from tests.bot.conftest import callback_data

PROMPT = {"en": "Explain in one sentence", "zh": "请你用一句话解释"}


async def joke_and_reply(stage, text, person=None, chat=None):
    """A joke about a photo with a caption, and a reply to it."""
    person = person or stage.alice
    joke = await stage.joke(stage.send_photo("/joke my boss", chat=chat))
    await stage.quiet()
    return joke, stage.world.send_text(person, chat or person, text, reply_to=joke["message_id"])


@pytest.mark.parametrize("text", ["/explain", "explain", "Explain!", "解释一下", "@{bot} explain"])
async def test_a_joke_is_explained_from_its_photo_and_its_words(stage_with, text):
    stage = await stage_with(script=[StubReply("A cat is late."), StubReply("Cats own no watches.")])
    _, reply = await joke_and_reply(stage, text.format(bot=stage.world.bot["username"]))
    said = await stage.answer(reply)
    assert said["text"] == "Cats own no watches." and callback_data(said) == []
    first, second = stage.engine.asked
    assert second.user.startswith(PROMPT["en"]) and "A cat is late." in second.user and "my boss" in second.user
    assert second.size == first.size


async def test_an_explanation_is_no_joke_that_could_be_learnt_from(stage):
    _, reply = await joke_and_reply(stage, "/explain")
    await stage.answer(reply)
    await stage.quiet()
    assert await stage.value("SELECT count(*) FROM jokes") == await stage.value("SELECT count(*) FROM deliveries") == 1


async def test_anybody_in_a_group_may_ask_and_gets_it_in_their_language(stage):
    _, reply = await joke_and_reply(stage, "解释", person=stage.ming, chat=stage.group)
    await stage.answer(reply)
    assert stage.engine.asked[-1].user.startswith(PROMPT["zh"])


async def test_what_is_no_joke_is_not_explained(stage):
    photo = stage.send_photo()
    await stage.joke(photo)
    for reply_to in (None, photo["message_id"]):
        message = stage.world.send_text(stage.alice, stage.alice, "/explain", reply_to=reply_to)
        assert (await stage.answer(message))["text"] == stage.words("explain-what")
    message = stage.world.send_text(stage.alice, stage.alice, "explain", reply_to=photo["message_id"])
    assert (await stage.answer(message))["text"] == stage.words("say-photo")
    assert len(stage.engine.asked) == 1


async def test_a_photo_that_is_gone_and_an_engine_in_trouble_are_said_to_be(stage_with):
    stage = await stage_with()
    joke, _ = await joke_and_reply(stage, "hm")
    stage.engine.script.extend([StubRefusal(400)] * 4)
    asked = stage.world.send_text(stage.alice, stage.alice, "/explain", reply_to=joke["message_id"])
    assert (await stage.answer(asked))["text"] == stage.words("engine-refused")
    await stage.quiet()
    for file in stage.settings.storage.photos.rglob("*.jpg"):
        file.unlink()
    asked = stage.world.send_text(stage.alice, stage.alice, "/explain", reply_to=joke["message_id"])
    assert (await stage.answer(asked))["text"] == stage.words("photo-gone")
