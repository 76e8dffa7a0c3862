"""An independent client library calls every method and parses every answer and kind of update."""

import io

import pytest
from aiogram.exceptions import TelegramBadRequest, TelegramConflictError, TelegramRetryAfter, TelegramUnauthorizedError
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    ReplyParameters,
)
from aiogram.utils.token import TokenValidationError
from PIL import Image

ALICE, BOB = 1001, 1002
KEYBOARD = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="😂", callback_data="rate:1:3")]])


async def test_get_me(bot):
    me = await bot.get_me()
    assert (me.id, me.is_bot, me.username, me.can_read_all_group_messages) == (
        123456,
        True,
        "jokebot_sandbox_bot",
        True,
    )


async def test_a_message_has_its_markup_parsed_and_its_keyboard_kept(bot):
    message = await bot.send_message(ALICE, "<b>Why?</b> /start", parse_mode="HTML", reply_markup=KEYBOARD)
    assert message.text == "Why? /start"
    assert [(entity.type, entity.offset, entity.length) for entity in message.entities] == [
        ("bold", 0, 4),
        ("bot_command", 5, 6),
    ]
    assert message.reply_markup.model_dump() == KEYBOARD.model_dump()
    assert message.from_user.is_bot and message.chat.type == "private" and message.chat.first_name == "Alice"


async def test_every_edit_changes_the_message(bot, sandbox, picture):
    text = await bot.send_message(ALICE, "one", reply_markup=KEYBOARD)
    edited = await bot.edit_message_text("two", chat_id=ALICE, message_id=text.message_id)
    assert edited.edit_date and edited.reply_markup is None
    again = await bot.edit_message_reply_markup(chat_id=ALICE, message_id=text.message_id, reply_markup=KEYBOARD)
    assert (again.text, again.reply_markup.model_dump()) == ("two", KEYBOARD.model_dump())
    photo = await bot.send_photo(ALICE, BufferedInputFile(picture(), "a.jpg"), caption="one")
    captioned = await bot.edit_message_caption(
        chat_id=ALICE, message_id=photo.message_id, caption="<i>two</i>", parse_mode="HTML"
    )
    assert (captioned.caption, captioned.caption_entities[0].type) == ("two", "italic")
    other = InputMediaPhoto(media=BufferedInputFile(picture(100, 50), "b.jpg"), caption="three")
    changed = await bot.edit_message_media(other, chat_id=ALICE, message_id=photo.message_id)
    assert (changed.caption, changed.photo[-1].width) == ("three", 100)
    assert [message.get("text") or message["caption"] for message in sandbox.world.messages(ALICE)] == ["two", "three"]


async def test_photos_documents_and_albums_are_sent_and_fetched_again(bot, picture):
    data = picture(1280, 960)
    photo = await bot.send_photo(ALICE, BufferedInputFile(data, "a.jpg"), caption="look")
    assert [(size.width, size.height) for size in photo.photo] == [(320, 240), (1280, 960)]
    file = await bot.get_file(photo.photo[-1].file_id)
    assert file.file_size == len(data)
    assert (await bot.download_file(file.file_path)).read() == data
    document = await bot.send_document(ALICE, BufferedInputFile(b"a,b\n1,2\n", "table.csv"))
    assert (document.document.file_name, document.document.mime_type) == ("table.csv", "text/csv")
    album = await bot.send_media_group(
        ALICE,
        [
            InputMediaPhoto(media=BufferedInputFile(data, "a.jpg"), caption="first"),
            InputMediaPhoto(media=photo.photo[-1].file_id),
        ],
    )
    assert len({message.media_group_id for message in album}) == 1 and album[0].caption == "first" and album[1].photo
    files = await bot.send_media_group(
        ALICE, [InputMediaDocument(media=BufferedInputFile(b"x", "x.txt")) for _ in range(2)]
    )
    assert all(message.document for message in files)


async def test_a_thumbnail_is_a_small_jpeg(bot, sandbox, picture):
    message = sandbox.world.send_photo(ALICE, ALICE, picture(1000, 500, kind="PNG"))
    small = await bot.get_file(message["photo"][0]["file_id"])
    with Image.open(io.BytesIO((await bot.download_file(small.file_path)).read())) as image:
        assert (image.size, image.format) == ((320, 160), "JPEG")


async def test_commands_chats_and_members(bot, sandbox):
    commands = [BotCommand(command="start", description="Begin"), BotCommand(command="stats", description="Numbers")]
    assert await bot.set_my_commands(commands)
    assert await bot.set_my_commands(commands[:1], language_code="zh")
    assert [command.command for command in await bot.get_my_commands()] == ["start", "stats"]
    assert [command.command for command in await bot.get_my_commands(language_code="zh")] == ["start"]
    assert await bot.delete_my_commands(language_code="zh") and await bot.get_my_commands(language_code="zh") == []
    group = await bot.get_chat(sandbox.world.group_id)
    assert (group.type, group.title) == ("supergroup", "Joke lovers")
    assert (await bot.get_chat(ALICE)).first_name == "Alice"
    assert (await bot.get_chat_member(group.id, ALICE)).status == "creator"
    assert (await bot.get_chat_member(group.id, BOB)).status == "member"
    assert (await bot.get_chat_member(group.id, bot.id)).status == "member"
    assert [admin.user.id for admin in await bot.get_chat_administrators(group.id)] == [ALICE]
    assert await bot.get_chat_member_count(group.id) == 4
    assert await bot.send_chat_action(ALICE, "typing")


async def test_a_reply_carries_the_message_it_answers(bot, sandbox):
    question = sandbox.world.send_text(BOB, sandbox.world.group_id, "A joke?")
    answer = await bot.send_message(
        sandbox.world.group_id, "No.", reply_parameters=ReplyParameters(message_id=question["message_id"])
    )
    assert answer.reply_to_message.text == "A joke?"
    sandbox.world.send_text(BOB, sandbox.world.group_id, "Why?", reply_to=answer.message_id)
    update = (await bot.get_updates())[-1]
    assert update.message.reply_to_message.from_user.id == bot.id


async def test_deleted_messages_are_gone(bot, sandbox):
    message = await bot.send_message(ALICE, "oops")
    theirs = sandbox.world.send_text(ALICE, ALICE, "mine")
    assert await bot.delete_message(ALICE, message.message_id) and await bot.delete_message(ALICE, theirs["message_id"])
    assert sandbox.world.messages(ALICE) == []


async def test_every_kind_of_user_message_is_parsed(bot, sandbox, picture):
    world, group = sandbox.world, sandbox.world.group_id
    gif = picture(64, 48, kind="GIF")
    world.send_text(ALICE, ALICE, "/start@jokebot_sandbox_bot 😀 @bob")
    world.send_photo(ALICE, group, picture(), "@jokebot_sandbox_bot a hint")
    world.send_document(ALICE, ALICE, picture(kind="PNG"), "cat.png", "image/png")
    world.send_document(ALICE, ALICE, b"%PDF-1.4", "paper.pdf", "application/pdf", caption="read")
    world.send_sticker(ALICE, ALICE, picture(512, 512, kind="WEBP"))
    world.send_animation(ALICE, ALICE, gif)
    world.send_animation(ALICE, ALICE, b"\0\0\0\x18ftypmp42", thumbnail=picture(320, 180))
    world.send_video(ALICE, ALICE, b"\0\0\0\x18ftypmp42", caption="a film")
    world.send_album(1003, group, [picture(color="red"), picture(color="blue")], ["both", None])
    messages = [update.message for update in await bot.get_updates()]
    assert [(entity.type, entity.offset, entity.length) for entity in messages[0].entities] == [
        ("bot_command", 0, 26),
        ("mention", 30, 4),
    ]
    assert messages[1].caption_entities[0].type == "mention" and messages[1].chat.id == group
    assert messages[2].document.mime_type == "image/png" and messages[2].document.thumbnail.width == 320
    assert (messages[3].document.file_name, messages[3].document.thumbnail, messages[3].caption) == (
        "paper.pdf",
        None,
        "read",
    )
    assert messages[4].sticker.is_animated is False and messages[4].sticker.thumbnail
    assert messages[5].animation.thumbnail.width == 64 and messages[5].document
    assert messages[6].animation.mime_type == "video/mp4" and messages[6].animation.thumbnail.height == 180
    assert messages[7].video and messages[7].caption == "a film"
    assert messages[8].media_group_id == messages[9].media_group_id and messages[9].caption is None
    assert messages[8].from_user.language_code == "zh"


async def test_edits_presses_and_memberships_are_updates_too(bot, sandbox):
    world = sandbox.world
    joke = await bot.send_message(ALICE, "joke", reply_markup=KEYBOARD)
    message = world.send_text(ALICE, ALICE, "first")
    world.edit_text(ALICE, ALICE, message["message_id"], "second")
    world.press(ALICE, ALICE, joke.message_id, "rate:1:3")
    world.block(BOB)
    _, edited, press, member = await bot.get_updates()
    assert edited.edited_message.text == "second" and edited.edited_message.edit_date
    assert (press.callback_query.data, press.callback_query.message.text) == ("rate:1:3", "joke")
    assert press.callback_query.from_user.id == ALICE and press.callback_query.chat_instance
    assert member.my_chat_member.new_chat_member.status == "kicked"


async def test_a_press_is_answered_once(bot, sandbox):
    joke = await bot.send_message(ALICE, "joke", reply_markup=KEYBOARD)
    query_id = sandbox.world.press(ALICE, ALICE, joke.message_id, "rate:1:3")
    assert await bot.answer_callback_query(query_id, text="Thanks!", show_alert=True)
    answer = await sandbox.world.wait_for_answer(query_id, timeout_s=30)
    assert (answer["text"], answer["show_alert"]) == ("Thanks!", True)
    with pytest.raises(TelegramBadRequest, match="query is too old"):
        await bot.answer_callback_query(query_id)


async def test_errors_raise_the_client_s_exceptions(bot, sandbox):
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_message(77, "hi")
    sandbox.faults.add("sendMessage", "429", retry_after=7)
    with pytest.raises(TelegramRetryAfter) as caught:
        await bot.send_message(ALICE, "hi")
    assert caught.value.retry_after == 7
    await bot.set_webhook("http://127.0.0.1:9/hook")
    with pytest.raises(TelegramConflictError):
        await bot.get_updates()
    assert (await bot.get_webhook_info()).url == "http://127.0.0.1:9/hook"
    assert await bot.delete_webhook()


async def test_a_wrong_token_is_unauthorized(bot):
    stranger = type(bot)("123456:other", session=bot.session)
    with pytest.raises((TelegramUnauthorizedError, TokenValidationError)):
        await stranger.get_me()
