"""A joke on the block list is made again, and is neither shown nor kept."""

from bot.engine.stub.engine import StubReply

SAFETY = {"blocked": ["damn", "/sorry\\w*/"], "max_blocked_attempts": 3}


def shown(stage):
    """All that was ever shown in the chat, in any edit."""
    return [str(call.get("text", "")) for method in ("sendMessage", "editMessageText") for call in stage.calls(method)]


async def test_a_blocked_joke_is_made_again_and_never_shown_even_while_it_is_written(stage_with):
    bad = StubReply("one two three four five six seven eight nine ten eleven twelve DaMn thirteen", token_s=0.3)
    stage = await stage_with(answer=StubReply("A clean cat."), script=[bad], safety=SAFETY)
    joke = await stage.joke(stage.send_photo())
    assert joke["text"] == "A clean cat." and stage.engine.requests == 2
    assert any(text.startswith("one") for text in shown(stage)), (
        "the joke was not followed while it was written, so this shows nothing"
    )
    assert not [text for text in shown(stage) if "damn" in text.lower()]
    assert await stage.value("SELECT group_concat(text) FROM jokes") == "A clean cat."


async def test_where_every_joke_is_blocked_that_is_said_and_nothing_is_kept(stage_with):
    stage = await stage_with(answer=StubReply("I am so SORRY-looking"), safety=SAFETY)
    message = stage.send_photo()
    said = await stage.answer(message, lambda one: one["text"] == stage.words("joke-blocked"))
    assert "reply_markup" not in said and stage.engine.requests == 3
    await stage.quiet()
    assert await stage.value("SELECT count(*) FROM jokes") == 0 and not [
        text for text in shown(stage) if "SORRY" in text
    ]
