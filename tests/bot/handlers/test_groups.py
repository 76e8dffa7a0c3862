"""In groups the bot speaks when it is spoken to: mentioned, replied to, or commanded."""

import pytest


def name(stage) -> str:
    return stage.world.bot["username"]


async def is_silent_about(stage, *messages) -> None:
    """A later message is answered, and these never are."""
    await stage.joke(stage.send_photo(chat=stage.alice))
    await stage.quiet()
    assert [stage.answers(message) for message in messages] == [[]] * len(messages)


async def test_talk_and_pictures_among_people_are_left_alone(stage, picture):
    alice, group, world = stage.alice, stage.group, stage.world
    joke = await stage.joke(stage.send_photo(f"@{name(stage)}", chat=group))
    await is_silent_about(
        stage,
        stage.send_photo("look at this!", chat=group),
        world.send_text(alice, group, "hello everybody"),
        world.send_sticker(alice, group, picture((512, 512), kind="WEBP")),
        world.send_document(alice, group, b"%PDF", "a.pdf", "application/pdf"),
        world.send_text(alice, group, "haha", reply_to=joke["message_id"]),
        stage.send_photo("/joke@another_bot", chat=group),
        stage.send_photo(f"write to me@{name(stage)}.example", chat=group),
        stage.send_photo(f"@{name(stage)}_fan", chat=group),
    )


@pytest.mark.parametrize("caption", ["@{bot}", "hey @{bot}, look", "@{BOT}!", "/joke", "/joke@{bot} my boss"])
async def test_a_caption_that_calls_the_bot_is_answered(stage, caption):
    photo = stage.send_photo(caption.format(bot=name(stage), BOT=name(stage).upper()), chat=stage.group)
    await stage.joke(photo)
    assert name(stage).lower() not in stage.engine.asked[-1].user.lower()
    assert "/joke" not in stage.engine.asked[-1].user


async def test_the_rest_of_a_caption_is_the_hint(stage):
    await stage.joke(stage.send_photo(f"@{name(stage)} my  boss on Monday", chat=stage.group))
    assert await stage.value("SELECT caption FROM jokes") == "my boss on Monday"


async def test_a_photo_in_reply_to_the_bot_is_answered(stage):
    joke = await stage.joke(stage.send_photo("/joke", chat=stage.group))
    await stage.joke(stage.send_photo(chat=stage.group, person=stage.bob, reply_to=joke["message_id"]))


@pytest.mark.parametrize("text", ["/joke", "/joke@{bot} about the hat", "@{bot} what do you say?"])
async def test_pointing_at_somebodys_photo_gets_a_joke_in_reply_to_the_photo(stage, text):
    photo = stage.send_photo("my caption", chat=stage.group, person=stage.bob)
    stage.world.send_text(stage.alice, stage.group, text.format(bot=name(stage)), reply_to=photo["message_id"])
    await stage.joke(photo)
    assert await stage.value("SELECT person_id FROM jokes") == stage.alice
    hint = (
        text.format(bot=name(stage))
        .removeprefix(f"/joke@{name(stage)}")
        .removeprefix("/joke")
        .removeprefix(f"@{name(stage)}")
        .strip()
    )
    assert await stage.value("SELECT caption FROM jokes") == (hint or "my caption")


@pytest.mark.parametrize("text", ["/joke", "@{bot} hello"])
async def test_being_called_without_a_photo_is_answered_kindly(stage, text):
    message = stage.world.send_text(stage.alice, stage.group, text.format(bot=name(stage)))
    assert (await stage.answer(message))["text"] == stage.words("joke-about-what")


async def test_a_video_for_the_bot_is_answered(stage):
    video = stage.world.send_video(stage.alice, stage.group, b"\0\0\0\x18ftypisom", caption=f"@{name(stage)}")
    assert (await stage.answer(video))["text"] == stage.words("not-a-photo-video")


async def test_everybody_in_the_group_may_rate(stage):
    joke = await stage.joke(stage.send_photo("/joke", chat=stage.group))
    await stage.press(joke, 0, person=stage.alice)
    await stage.press(joke, 0, person=stage.bob)
    await stage.press(joke, 2, person=stage.ming)
    await stage.shows(joke, "😂 2", "🙂", "😐 1", "🔁")
