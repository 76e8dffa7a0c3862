"""python-telegram-bot with the sandbox; it sends form fields and multipart instead of JSON."""

import io

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto
from telegram.error import BadRequest, Conflict, Forbidden, NetworkError, RetryAfter, TimedOut
from telegram.request import HTTPXRequest

ALICE = 1001
KEYBOARD = InlineKeyboardMarkup([[InlineKeyboardButton("😂", callback_data="3")]])


@pytest.fixture
async def ptb(sandbox):
    async with Bot(
        sandbox.token,
        base_url=f"{sandbox.url}/bot",
        base_file_url=f"{sandbox.url}/file/bot",
        request=HTTPXRequest(
            **dict.fromkeys(("read_timeout", "write_timeout", "connect_timeout", "pool_timeout"), 60.0),
            connection_pool_size=8,
        ),
    ) as bot:
        yield bot


async def test_a_joke_from_photo_to_rating(ptb, sandbox, picture):
    data = picture(1280, 960)
    sandbox.world.send_photo(ALICE, ALICE, data, "my cat")
    update = (await ptb.get_updates(timeout=10))[0]
    file = await ptb.get_file(update.message.photo[-1].file_id)
    assert await file.download_as_bytearray() == data
    message = await update.message.reply_text("writing…")
    await message.edit_text("a <b>joke</b>", parse_mode="HTML", reply_markup=KEYBOARD)
    query_id = sandbox.world.press(ALICE, ALICE, message.message_id, "3")
    press = (await ptb.get_updates(offset=update.update_id + 1, timeout=10))[0].callback_query
    assert await press.answer("noted")
    assert (await sandbox.world.wait_for_answer(query_id))["text"] == "noted"
    assert sandbox.world.messages(ALICE)[-1]["text"] == "a joke"


async def test_uploads(ptb, picture):
    photo = await ptb.send_photo(ALICE, io.BytesIO(picture(400, 300)), caption="c", reply_markup=KEYBOARD)
    assert photo.photo[-1].width == 400 and photo.reply_markup == KEYBOARD
    album = await ptb.send_media_group(
        ALICE, [InputMediaPhoto(picture(color="red")), InputMediaPhoto(picture(color="blue"))], caption="two"
    )
    assert len(album) == 2 and album[0].caption == "two"
    document = await ptb.send_document(ALICE, b"hello", filename="a.txt")
    assert document.document.file_size == 5
    changed = await ptb.edit_message_media(InputMediaPhoto(picture(90, 90)), ALICE, photo.message_id)
    assert changed.photo[-1].width == 90


@pytest.mark.filterwarnings("ignore:.*retry_after")
async def test_the_library_s_errors(ptb, sandbox):
    with pytest.raises(BadRequest, match="Message is not modified"):
        message = await ptb.send_message(ALICE, "same")
        await message.edit_text("same")
    sandbox.faults.add("sendMessage", "429", retry_after=3)
    with pytest.raises(RetryAfter):
        await ptb.send_message(ALICE, "x")
    sandbox.faults.add("sendMessage", "502")
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await ptb.send_message(ALICE, "x")
    sandbox.faults.add("sendMessage", "cut")
    with pytest.raises(NetworkError):
        await ptb.send_message(ALICE, "x")
    sandbox.faults.add("sendMessage", "timeout", delay_s=60)
    with pytest.raises(TimedOut):
        await ptb.send_message(ALICE, "x", read_timeout=0.2)
    sandbox.world.block(ALICE)
    with pytest.raises(Forbidden, match="blocked by the user"):
        await ptb.send_message(ALICE, "x")
    await ptb.set_webhook("http://127.0.0.1:9/")
    with pytest.raises(Conflict):
        await ptb.get_updates()
