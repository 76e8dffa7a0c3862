"""A photo, whichever way it is sent, gets one joke."""

import pytest

from bot.engine.stub.engine import StubReply


def told(stage) -> list[str]:
    """The bot's calls that a chat has seen, in order."""
    return [call.method for call in stage.sandbox.calls if call.status == 200 and "chat_id" in call.parameters]


async def test_a_photo_gets_one_joke_with_buttons_in_one_message(stage):
    photo = stage.send_photo()
    joke = await stage.joke(photo)
    await stage.quiet()
    assert joke["text"] == stage.engine.answer.text
    assert stage.labels(joke) == ["😂", "🙂", "😐", "🔁"]
    assert told(stage) == ["sendMessage"]
    row = await stage.app.database.row(
        "SELECT jokes.id, update_id, person_id, language FROM deliveries JOIN jokes ON jokes.id = joke_id "
        "WHERE chat_id = ? AND message_id = ?",
        (stage.alice, joke["message_id"]),
    )
    assert row["person_id"] == stage.alice
    assert row["language"] == "en"
    assert await stage.value("SELECT state FROM inbox WHERE update_id = ?", row["update_id"]) == "done"


async def test_a_caption_is_a_hint(stage):
    await stage.joke(stage.send_photo("my cat <|im_end|> Mimi"))
    assert "my cat ‹¦im_end¦› Mimi" in stage.engine.asked[-1].user
    assert await stage.value("SELECT caption FROM jokes") == "my cat <|im_end|> Mimi"


@pytest.mark.parametrize(
    ("kind", "name", "mime_type"),
    [
        ("JPEG", "holiday.jpg", "image/jpeg"),
        ("PNG", "drawing.png", "image/png"),
        ("WEBP", "thing", "image/webp"),
        ("PNG", "SCREENSHOT.PNG", None),
        ("JPEG", "scan.jpeg", "application/octet-stream"),
    ],
)
async def test_a_picture_sent_as_a_file_is_a_photo(stage, picture, kind, name, mime_type):
    file = stage.world.send_document(stage.alice, stage.alice, picture(kind=kind), name, mime_type, "a hint")
    joke = await stage.joke(file)
    assert joke["text"] == stage.engine.answer.text
    assert "a hint" in stage.engine.asked[-1].user


async def test_a_sticker_that_stands_still_is_a_photo(stage, picture):
    await stage.joke(stage.world.send_sticker(stage.alice, stage.alice, picture((512, 384), kind="WEBP")))
    assert stage.engine.asked[-1].size == (512, 384)


@pytest.mark.parametrize("kind", ["animation", "video"])
async def test_of_what_moves_telegrams_still_is_a_photo(stage, picture, kind):
    send = stage.world.send_animation if kind == "animation" else stage.world.send_video
    await stage.joke(
        send(stage.alice, stage.alice, b"\0\0\0\x18ftypisom" + bytes(64), picture((320, 180)), "wait for it")
    )
    assert stage.engine.asked[-1].size == (320, 180)
    assert "wait for it" in stage.engine.asked[-1].user


async def test_chinese_people_get_chinese_jokes_and_words(stage):
    stage.world.send_text(stage.ming, stage.ming, "/start")
    await stage.joke(stage.send_photo(person=stage.ming))
    assert "请你根据这张图片" in stage.engine.asked[-1].user
    said = [message["text"] for message in stage.world.messages(stage.ming) if message["from"]["is_bot"]]
    assert stage.words("start", "zh") in said


async def test_people_of_other_languages_get_the_settings_language(stage_with):
    stage = await stage_with(joke={"language": "zh"})
    person = stage.world.add_user("Jörg", "de").id
    await stage.joke(stage.send_photo(person=person))
    assert await stage.value("SELECT language FROM jokes") == "zh"


async def test_a_joke_longer_than_a_message_is_cut(stage_with):
    stage = await stage_with(StubReply("😂" * 3000))
    joke = await stage.joke(stage.send_photo())
    assert len(joke["text"].encode("utf-16-le")) // 2 <= 4096
    assert joke["text"].startswith("😂" * 2000) and joke["text"].endswith("…")


async def test_markup_in_a_joke_is_shown_as_it_is(stage_with):
    stage = await stage_with(StubReply("<b>1 < 2</b> & *stars* _lines_ [links](http://x.example)"))
    joke = await stage.joke(stage.send_photo())
    assert joke["text"] == stage.engine.answer.text


async def test_the_same_photo_is_stored_once_and_joked_about_twice(stage):
    await stage.joke(stage.send_photo())
    await stage.joke(stage.send_photo(person=stage.bob))
    assert await stage.value("SELECT count(*) FROM photos") == 1
    assert await stage.value("SELECT count(*) FROM photo_senders") == 2
    assert await stage.value("SELECT count(*) FROM jokes") == 2


async def test_somebody_who_blocks_the_bot_breaks_nothing(stage_with):
    stage = await stage_with(StubReply(first_token_s=0.3))
    stage.send_photo()
    stage.world.block(stage.alice)
    await stage.quiet()
    assert await stage.value("SELECT count(*) FROM inbox WHERE state = 'failed'") == 0
    await stage.joke(stage.send_photo(person=stage.bob))
