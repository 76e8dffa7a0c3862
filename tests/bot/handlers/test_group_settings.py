"""What a group has set holds: every photo or only when called, so many jokes a day, also once it is a supergroup."""

import asyncio

import pytest

from bot.chats.chat_settings import ChatSettingsStore
from bot.engine.stub.engine import StubRefusal, StubReply
from bot.sandbox.groups import add_basic_group, promote, upgrade
from tests.bot.handlers.test_groups import is_silent_about, name
from tests.bot.handlers.test_settings import ask, choose, press, reads


async def set_to(stage, **values):
    await stage.part(ChatSettingsStore).change(stage.group, **values)


async def jokes_in(stage, chat):
    return await stage.value("SELECT count(*) FROM deliveries WHERE chat_id = ?", chat)


async def test_every_photo_and_picture_file_is_answered_where_that_is_set(stage, picture):
    await choose(stage, stage.group, "answers", "photos")
    await stage.joke(stage.send_photo(chat=stage.group))
    await stage.joke(stage.world.send_document(stage.bob, stage.group, picture(), "a.jpg", "image/jpeg"))
    world, sticker = stage.world, picture((512, 512), kind="WEBP")
    await is_silent_about(
        stage,
        world.send_text(stage.bob, stage.group, "hello"),
        world.send_sticker(stage.bob, stage.group, sticker),
        world.send_animation(stage.bob, stage.group, b"GIF89a", picture()),
    )
    await choose(stage, stage.group, "answers", "called")
    await is_silent_about(stage, stage.send_photo(chat=stage.group))


async def test_a_photo_that_nobody_called_for_and_gets_no_joke_gets_no_excuse_either(stage_with, picture):
    stage = await stage_with(script=[StubRefusal(400)] * 2)
    await set_to(stage, answers="photos")
    unasked = [
        stage.send_photo(chat=stage.group),
        stage.send_photo(chat=stage.group, data=picture((8, 8))),
        stage.world.send_document(stage.bob, stage.group, b"no picture", "a.jpg", "image/jpeg"),
    ]
    await stage.quiet()
    assert len(stage.engine.asked) == 1
    called = stage.send_photo("/joke", chat=stage.group)
    assert (await stage.answer(called))["text"] == stage.words("engine-refused")
    await is_silent_about(stage, *unasked)


async def test_an_album_is_joked_about_too(stage, picture):
    await set_to(stage, answers="photos")
    album = stage.world.send_album(stage.bob, stage.group, [picture(), picture(colour=(9, 9, 9))], ["#pun", None])
    for photo in album:
        await stage.joke(photo)
    assert await stage.value("SELECT group_concat(DISTINCT style) FROM jokes") == "pun"


async def test_where_telegram_does_not_show_every_photo_that_is_said(stage):
    stage.world.bot["can_read_all_group_messages"] = False
    await stage.restart()
    menu = await choose(stage, stage.group, "answers", "photos")
    await reads(stage, menu, stage.words("settings-answers-ask") + "\n\n" + stage.words("settings-blind"))
    promote(stage.world, stage.group, stage.world.bot["id"])
    await press(stage, menu, "c:answers:photos")
    await reads(stage, menu, stage.words("settings-answers-ask"))


async def test_after_the_days_last_joke_one_word_and_then_silence(stage):
    await set_to(stage, daily=2)
    jokes = [await stage.joke(stage.send_photo("/joke", chat=stage.group)) for _ in range(2)]
    further = stage.send_photo("/joke", chat=stage.group, person=stage.ming)
    assert (await stage.answer(further))["text"] == stage.words("daily-full", "zh", jokes=2)
    assert await stage.press(jokes[0], 3) == stage.words("daily-full", jokes=2)
    fetched = len(stage.calls("getFile"))
    await is_silent_about(
        stage,
        *(stage.send_photo(f"@{name(stage)}", chat=stage.group, person=person) for person in (stage.alice, stage.ming)),
    )
    assert len(stage.calls("getFile")) == fetched + 1  # the one in the private chat
    assert await jokes_in(stage, stage.group) == 2
    assert await stage.press(jokes[0], 0) == stage.words("rated-group", emoji="😂", counts="😂 1")


async def test_many_at_once_get_no_more_than_the_days_jokes(stage_with):
    gate = asyncio.Event()
    stage = await stage_with(answer=StubReply(gate=gate))
    await set_to(stage, daily=3, answers="photos", speaks="zh")
    photos = [
        stage.send_photo(chat=stage.group, person=person)
        for person in (stage.alice, stage.bob, stage.ming)
        for _ in range(3)
    ]
    said = stage.words("daily-full", "zh", jokes=3)
    await stage.world.wait_for(
        lambda _: any(one["text"] == said for photo in photos for one in stage.answers(photo)), 60
    )
    gate.set()
    await stage.quiet()
    texts = [one["text"] for photo in photos for one in stage.answers(photo)]
    assert len(texts) == 4 and texts.count(said) == 1


async def test_what_came_to_nothing_is_no_joke_of_the_day(stage_with):
    stage = await stage_with(script=[StubRefusal(400)])
    await set_to(stage, daily=1)
    assert (await stage.answer(stage.send_photo("/joke", chat=stage.group)))["text"] == stage.words("engine-refused")
    await stage.joke(stage.send_photo("/joke", chat=stage.group))


@pytest.mark.parametrize("lost", [(), ("migrate_to_chat_id",), ("migrate_from_chat_id",)])
async def test_a_group_that_becomes_a_supergroup_keeps_what_it_has_set(stage, lost):
    """Telegram says so in both chats; either is enough."""
    old = add_basic_group(stage.world, "Small circle", [stage.alice, stage.bob])
    await choose(stage, old, "style", "pun")
    joke = await stage.joke(stage.send_photo("/joke", chat=old))
    await stage.press(joke, 0)
    await stage.press(joke, 0, person=stage.bob)
    put = stage.world.updates.put
    stage.world.updates.put = lambda kind, payload: None if set(lost) & payload.keys() else put(kind, payload)
    new = upgrade(stage.world, old)
    stage.world.updates.put = put
    await stage.joke(stage.send_photo("/joke", chat=new))
    assert await stage.value("SELECT group_concat(style) FROM jokes") == "pun,pun"
    assert stage.words("settings-style", value="pun") in stage.labels(await ask(stage, stage.alice, new))
    await stage.quiet()
    assert joke["text"] in (await ask(stage, stage.bob, new, "/best"))["caption"]
    assert await stage.value("SELECT group_concat(chat_id) FROM chats") == str(new)
