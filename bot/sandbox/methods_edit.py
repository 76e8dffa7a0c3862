"""Bot API methods that edit and delete messages."""

from typing import Any

from bot.sandbox.api import BotApi, method
from bot.sandbox.errors import ApiError
from bot.sandbox.keyboards import reply_markup
from bot.sandbox.methods_send import caption_part, input_media, text_part
from bot.sandbox.parameters import CallParameters
from bot.sandbox.telegram_objects import Message

MEDIA = ("photo", "document", "video", "animation", "sticker")
CONTENT = (*MEDIA, "text", "entities", "caption", "caption_entities")
UNCHANGED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


@method("editMessageText")
async def edit_message_text(api: BotApi, parameters: CallParameters) -> Message:
    message = own_message(api, "editmessagetext", parameters)
    content = text_part(parameters)
    if "text" not in message:
        raise ApiError("there is no text in the message to edit")
    return change(api, message, ("text", "entities"), {**content, **reply_markup(parameters, inline_only=True)})


@method("editMessageCaption")
async def edit_message_caption(api: BotApi, parameters: CallParameters) -> Message:
    message = own_message(api, "editmessagecaption", parameters)
    content = caption_part(parameters)
    if not any(kind in message for kind in MEDIA):
        raise ApiError("there is no caption in the message to edit")
    return change(
        api, message, ("caption", "caption_entities"), {**content, **reply_markup(parameters, inline_only=True)}
    )


@method("editMessageReplyMarkup")
async def edit_message_reply_markup(api: BotApi, parameters: CallParameters) -> Message:
    message = own_message(api, "editmessagereplymarkup", parameters)
    return change(api, message, (), reply_markup(parameters, inline_only=True))


@method("editMessageMedia")
async def edit_message_media(api: BotApi, parameters: CallParameters) -> Message:
    message = own_message(api, "editmessagemedia", parameters)
    item = parameters.json("media", "InputMedia", dict)
    if item is None:
        raise ApiError("media is empty")
    if item.get("type") not in MEDIA[:-1]:
        raise ApiError("can't parse InputMedia: type is unsupported")
    content = {**await input_media(api, parameters, item), **caption_part(CallParameters(item, {}))}
    current = api.world.message(message["chat"]["id"], message["message_id"])
    if current is None:
        raise ApiError("message to edit not found")
    return change(api, current, CONTENT, {**content, **reply_markup(parameters, inline_only=True)})


def own_message(api: BotApi, name: str, parameters: CallParameters) -> Message:
    """The bot's message to edit. Raises ApiError if there is none or another user sent it."""
    if parameters.text("inline_message_id"):
        raise ApiError("MESSAGE_ID_INVALID")
    chat = api.writable_chat(name, parameters)
    if not parameters.text("message_id"):
        raise ApiError("message identifier is not specified")
    message = chat.messages.get(parameters.integer("message_id"))
    if message is None:
        raise ApiError("message to edit not found")
    if message["from"]["id"] != api.world.bot["id"]:
        raise ApiError("message can't be edited")
    return message


def change(api: BotApi, message: Message, replaced: tuple[str, ...], content: dict[str, Any]) -> Message:
    """Replace these fields and the keyboard; an edit without a keyboard removes it.

    Raises ApiError if nothing would change.
    """
    removed = {*replaced, "reply_markup"}
    if {key: message[key] for key in removed if key in message} == content:
        raise ApiError(UNCHANGED)
    return api.world.replace_message(
        {**{key: value for key, value in message.items() if key not in removed}, **content}
    )


@method("deleteMessage")
async def delete_message(api: BotApi, parameters: CallParameters) -> bool:
    chat = api.chat(parameters)
    if not parameters.text("message_id"):
        raise ApiError("message identifier is not specified")
    message = chat.messages.get(parameters.integer("message_id"))
    if message is None:
        raise ApiError("message to delete not found")
    if chat.type != "private" and message["from"]["id"] != api.world.bot["id"]:
        raise ApiError("message can't be deleted")
    api.world.delete_message(chat, message["message_id"])
    return True
