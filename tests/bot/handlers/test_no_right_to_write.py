"""A chat in which the bot may not write: no failed update, no engine work, and jokes again once it may."""

import asyncio
import logging

import pytest

from bot.chats.chat_settings import ChatSettingsStore
from bot.engine.stub.engine import StubReply
from bot.sandbox.faults import REFUSALS
from bot.sandbox.groups import add_basic_group, mute, upgrade
from bot.telegram.write_access import RETRY_S, WriteAccess


async def answer_photos(stage):
    await stage.part(ChatSettingsStore).change(stage.group, answers="photos")


def forum_photo(stage, caption="/joke"):
    """A photo in a topic of the group, and the topic's id."""
    world, chat = stage.world, stage.world.chats[stage.group]
    topic = world.post_message(chat, chat.sender(world.users[stage.bob])[0], {"forum_topic_created": {"name": "a"}})
    photo = stage.send_photo(caption, person=stage.bob, chat=stage.group)
    photo.update(message_thread_id=topic["message_id"], is_topic_message=True)
    return photo, topic["message_id"]


@pytest.mark.parametrize("kind", REFUSALS)
async def test_a_refusal_is_one_info_line_and_no_error(stage, kind, caplog):
    caplog.set_level(logging.INFO)
    await answer_photos(stage)
    stage.sandbox.faults.add("sendMessage", kind, times=None)
    for _ in range(3):
        forum_photo(stage)
        await stage.quiet()
    lines = [record for record in caplog.records if "may not write" in record.message]
    assert len(lines) == (3 if kind == "topic_closed" else 1) and {line.levelno for line in lines} == {logging.INFO}
    assert not [record for record in caplog.records if record.levelno > logging.INFO or record.exc_info]
    assert await stage.value("SELECT count(*) FROM inbox WHERE state = 'failed'") == 0
    assert stage.engine.requests == (3 if kind == "topic_closed" else 1)


async def test_a_muted_bot_makes_no_jokes_until_it_may_write_again(stage):
    await answer_photos(stage)
    joke = await stage.joke(stage.send_photo(chat=stage.group))
    mute(stage.world, stage.group)
    await stage.quiet()
    stage.send_photo(chat=stage.group)
    assert await stage.press(joke, 3) == ""
    stage.world.send_text(stage.alice, stage.group, "/explain", joke["message_id"])
    await stage.quiet()
    assert stage.engine.requests == 1 and await stage.value("SELECT count(*) FROM jokes") == 1
    mute(stage.world, stage.group, False)
    await stage.joke(stage.send_photo(chat=stage.group))
    assert stage.engine.requests == 2


async def test_a_send_that_works_shows_that_the_bot_may_write(stage):
    await answer_photos(stage)
    stage.sandbox.faults.add("sendMessage", "write_forbidden", times=None)
    stage.send_photo(chat=stage.group)
    await stage.quiet()
    stage.sandbox.faults.clear()
    await stage.answer(stage.world.send_text(stage.alice, stage.group, f"/help@{stage.world.bot['username']}"))
    await stage.joke(stage.send_photo(chat=stage.group))


async def test_a_closed_topic_closes_no_other_and_opens_again(stage):
    stage.sandbox.faults.add("sendMessage", "topic_closed", times=None)
    _, topic = forum_photo(stage)
    await stage.quiet()
    stage.sandbox.faults.clear()
    other, _ = forum_photo(stage)
    await stage.joke(other)
    access = stage.app.client.write_access
    assert list(access.refused) == [(stage.group, topic)]
    chat = stage.world.chats[stage.group]
    content = {"forum_topic_reopened": {}, "message_thread_id": topic, "is_topic_message": True}
    message = stage.world.post_message(chat, chat.sender(stage.world.users[stage.bob])[0], content)
    stage.world.updates.put("message", message)
    await stage.until(lambda: not access.refused)


async def test_typing_and_a_joke_whose_photo_is_gone_stay_in_the_topic(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(answer=StubReply("A cat.", gate=gate))
    photo, topic = forum_photo(stage)
    await stage.until(lambda: stage.calls("sendChatAction"))
    del stage.world.chats[stage.group].messages[photo["message_id"]]
    gate.set()
    await stage.until(lambda: stage.calls("sendMessage"))
    calls = stage.calls("sendChatAction") + stage.calls("sendMessage")
    assert {int(call["message_thread_id"]) for call in calls} == {topic}


async def test_a_joke_for_a_group_that_becomes_a_supergroup_meanwhile_is_sent_there(stage_with, caplog):
    gate = asyncio.Event()
    stage = await stage_with(answer=StubReply("A cat.", gate=gate))
    old = add_basic_group(stage.world, "Basic", [stage.alice, stage.bob])
    stage.send_photo("/joke", chat=old)
    await stage.until(lambda: stage.engine.requests)
    new = upgrade(stage.world, old)
    gate.set()
    await stage.quiet()
    jokes = [message for message in stage.world.messages(new) if message.get("text") == "A cat."]
    assert len(jokes) == 1 and await stage.value("SELECT chat_id FROM deliveries") == new
    assert await stage.value("SELECT count(*) FROM inbox WHERE state = 'failed'") == 0
    await stage.press(jokes[0], 0)
    assert await stage.value("SELECT count(*) FROM ratings") == 1


def test_a_chat_is_tried_again_after_an_hour():
    now = 0.0
    access = WriteAccess(clock=lambda: now)
    access.refuse(-1, "CHAT_WRITE_FORBIDDEN")
    assert access.is_refused(-1) and not access.is_refused(-2)
    now = RETRY_S
    assert not access.is_refused(-1)
