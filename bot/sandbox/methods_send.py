"""Bot API methods that send messages and chat actions."""

import asyncio
from typing import Any

from bot.sandbox import media
from bot.sandbox.api import BotApi, method
from bot.sandbox.errors import ApiError
from bot.sandbox.keyboards import asked_users, asks_for_reply, reply_markup, selective
from bot.sandbox.parameters import CallParameters, UploadedFile
from bot.sandbox.pictures import decodes, measure
from bot.sandbox.telegram_objects import Message
from bot.sandbox.text_entities import CAPTION_LIMIT, TEXT_LIMIT, parse_text, units

MAX_PHOTO_BYTES = 10 * 1024 * 1024
MAX_PHOTO_SIDES = 10_000
MAX_PHOTO_RATIO = 20
CHAT_ACTIONS = {
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
}
ALBUM_KINDS = ("photo", "document", "video")


@method("sendMessage")
async def send_message(api: BotApi, parameters: CallParameters) -> Message:
    chat = api.writable_chat("sendmessage", parameters)
    content, replied = {**text_part(parameters), **reply_markup(parameters)}, api.replied(chat, parameters)
    message = api.world.post_message(chat, api.world.bot_user(), content, replied)
    if asks_for_reply(parameters):
        users = asked_users(message) if selective(parameters) else chat.members
        event = {"type": "force_reply", "chat_id": chat.id, "message_id": message["message_id"], "people": users}
        api.world.events.emit(event)
    return message


@method("sendPhoto")
async def send_photo(api: BotApi, parameters: CallParameters) -> Message:
    return await send_media(api, parameters, "photo")


@method("sendDocument")
async def send_document(api: BotApi, parameters: CallParameters) -> Message:
    return await send_media(api, parameters, "document")


@method("sendVideo")
async def send_video(api: BotApi, parameters: CallParameters) -> Message:
    return await send_media(api, parameters, "video")


@method("sendAnimation")
async def send_animation(api: BotApi, parameters: CallParameters) -> Message:
    return await send_media(api, parameters, "animation")


async def send_media(api: BotApi, parameters: CallParameters, kind: str) -> Message:
    chat = api.writable_chat(f"send{kind}", parameters)
    part = await media_part(api, kind, parameters.upload(kind), parameters.upload("thumbnail"))
    content = {**part, **caption_part(parameters), **reply_markup(parameters)}
    return api.world.post_message(chat, api.world.bot_user(), content, api.replied(chat, parameters))


@method("sendMediaGroup")
async def send_media_group(api: BotApi, parameters: CallParameters) -> list[Message]:
    """Sends 2 to 10 items as documented; Telegram's server also accepts a single one."""
    chat = api.writable_chat("sendmediagroup", parameters)
    items = parameters.json("media", "media", list)
    if items is None:
        raise ApiError('parameter "media" is required')
    if len(items) < 2:
        raise ApiError("an album must include 2-10 items" if items else "there are no messages to send")
    if len(items) > 10:
        raise ApiError("too many messages to send as an album")
    contents = [await album_item(api, parameters, item) for item in items]
    kinds = {item["type"] for item in items}
    if "document" in kinds and len(kinds) > 1:
        raise ApiError("document can't be mixed with other media types")
    replied = api.replied(chat, parameters)
    group = {"media_group_id": api.world.new_id()}
    return [api.world.post_message(chat, api.world.bot_user(), {**content, **group}, replied) for content in contents]


async def album_item(api: BotApi, parameters: CallParameters, item: Any) -> dict[str, Any]:
    if not isinstance(item, dict) or item.get("type") not in ALBUM_KINDS:
        raise ApiError("can't parse InputMedia: type is unsupported in sendMediaGroup")
    return {**await input_media(api, parameters, item), **caption_part(CallParameters(item, {}))}


async def input_media(api: BotApi, parameters: CallParameters, item: dict[str, Any]) -> dict[str, Any]:
    """The media field of an InputMedia object. Raises ApiError if it has no valid file."""
    file = parameters.attached(str(item.get("media") or ""))
    if file is None:
        raise ApiError("can't parse InputMedia: media not found")
    return await media_part(api, item["type"], file, parameters.attached(str(item.get("thumbnail") or "")))


@method("sendChatAction")
async def send_chat_action(api: BotApi, parameters: CallParameters) -> bool:
    chat = api.writable_chat("sendchataction", parameters)
    action = parameters.text("action")
    if action not in CHAT_ACTIONS:
        raise ApiError("wrong parameter action in request")
    api.world.events.emit({"type": "action", "chat_id": chat.id, "action": action})
    return True


async def media_part(
    api: BotApi, kind: str, file: UploadedFile | str | None, thumbnail: UploadedFile | str | None = None
) -> dict[str, Any]:
    """The media field of a message, from an upload or a file id. Raises ApiError if the file is invalid."""
    if file is None:
        raise ApiError(f"there is no {kind} in the request")
    files = api.world.files
    if isinstance(file, str):
        file = stored_file(api, file)
    if not file.data:
        raise ApiError("file must be non-empty")
    if kind == "photo":
        await check_photo(file.data)
        return media.photo(files, file.data)
    if kind == "document":
        return media.document(files, file.data, file.name, file.mime_type)
    small = thumbnail.data if isinstance(thumbnail, UploadedFile) else None
    return media.animation(files, file.data, small) if kind == "animation" else media.video(files, file.data, small)


def stored_file(api: BotApi, file_id: str) -> UploadedFile:
    if file_id.startswith(("http://", "https://")):
        raise ApiError("failed to get HTTP URL content")
    file = api.world.files.get(file_id)
    if file is None or file.data is None:
        raise ApiError("wrong file identifier/HTTP URL specified")
    return UploadedFile(file.name or "", file.mime_type, file.data)


async def check_photo(data: bytes) -> None:
    """Check the limits of a bot's photo. Raises ApiError.

    At most 10 MB, width plus height at most 10,000, ratio at most 20, and decodable
    (https://core.telegram.org/bots/api#sendphoto).
    """
    if len(data) > MAX_PHOTO_BYTES:
        raise ApiError(
            f"file of size {len(data)} bytes is too big for a photo; the maximum size is {MAX_PHOTO_BYTES} bytes"
        )
    size = measure(data)
    if size is None:
        raise ApiError("IMAGE_PROCESS_FAILED")
    if sum(size) > MAX_PHOTO_SIDES or max(size) > MAX_PHOTO_RATIO * min(size):
        raise ApiError("PHOTO_INVALID_DIMENSIONS")
    if not await asyncio.to_thread(decodes, data):
        raise ApiError("IMAGE_PROCESS_FAILED")


def text_part(parameters: CallParameters) -> dict[str, Any]:
    """`text` and `entities` of a message. Raises ApiError if the text is empty or too long."""
    entities = parameters.json("entities", "entities", list)
    text, entities = parse_text(parameters.text("text"), parameters.text("parse_mode"), entities)
    if not text:
        raise ApiError("message text is empty")
    if units(text) > TEXT_LIMIT:
        raise ApiError("message is too long")
    return {"text": text, **({"entities": entities} if entities else {})}


def caption_part(parameters: CallParameters) -> dict[str, Any]:
    """`caption` and `caption_entities` of a message or an album item. Raises ApiError if too long."""
    entities = parameters.json("caption_entities", "caption entities", list)
    caption, entities = parse_text(parameters.text("caption"), parameters.text("parse_mode"), entities)
    if units(caption) > CAPTION_LIMIT:
        raise ApiError("message caption is too long")
    return {**({"caption": caption} if caption else {}), **({"caption_entities": entities} if entities else {})}
