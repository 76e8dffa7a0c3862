"""Bot API methods that put something new into a chat."""
import asyncio
from typing import Any

from bot.sandbox import media
from bot.sandbox.api import Api, method
from bot.sandbox.markup import reply_markup
from bot.sandbox.parameters import Parameters, Upload
from bot.sandbox.people import Message
from bot.sandbox.pictures import decodes, measure
from bot.sandbox.refusal import Refusal
from bot.sandbox.text import CAPTION_LIMIT, TEXT_LIMIT, formatted, units

PHOTO_BYTES = 10 * 1024 * 1024
PHOTO_SIDES = 10_000
PHOTO_RATIO = 20
CHAT_ACTIONS = {"typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
                "choose_sticker", "find_location", "record_video_note", "upload_video_note"}
ALBUM_KINDS = ("photo", "document", "video")


@method("sendMessage")
async def send_message(api: Api, parameters: Parameters) -> Message:
    chat = api.writable_chat("sendmessage", parameters)
    content = {**text_part(parameters), **reply_markup(parameters)}
    return api.world.post(chat, api.world.bot_user(), content, api.replied(chat, parameters))


@method("sendPhoto")
async def send_photo(api: Api, parameters: Parameters) -> Message:
    return await send_media(api, parameters, "photo")


@method("sendDocument")
async def send_document(api: Api, parameters: Parameters) -> Message:
    return await send_media(api, parameters, "document")


@method("sendVideo")
async def send_video(api: Api, parameters: Parameters) -> Message:
    return await send_media(api, parameters, "video")


@method("sendAnimation")
async def send_animation(api: Api, parameters: Parameters) -> Message:
    return await send_media(api, parameters, "animation")


async def send_media(api: Api, parameters: Parameters, kind: str) -> Message:
    chat = api.writable_chat(f"send{kind}", parameters)
    part = await media_part(api, kind, parameters.upload(kind), parameters.upload("thumbnail"))
    content = {**part, **caption_part(parameters), **reply_markup(parameters)}
    return api.world.post(chat, api.world.bot_user(), content, api.replied(chat, parameters))


@method("sendMediaGroup")
async def send_media_group(api: Api, parameters: Parameters) -> list[Message]:
    """Telegram documents 2 to 10 items; its server lets one pass as a plain message, the sandbox does not."""
    chat = api.writable_chat("sendmediagroup", parameters)
    items = parameters.json("media", "media", list)
    if items is None:
        raise Refusal('parameter "media" is required')
    if len(items) < 2:
        raise Refusal("an album must include 2-10 items" if items else "there are no messages to send")
    if len(items) > 10:
        raise Refusal("too many messages to send as an album")
    contents = [await album_item(api, parameters, item) for item in items]
    kinds = {item["type"] for item in items}
    if "document" in kinds and len(kinds) > 1:
        raise Refusal("document can't be mixed with other media types")
    replied = api.replied(chat, parameters)
    group = {"media_group_id": api.world.new_id()}
    return [api.world.post(chat, api.world.bot_user(), {**content, **group}, replied) for content in contents]


async def album_item(api: Api, parameters: Parameters, item: Any) -> dict[str, Any]:
    if not isinstance(item, dict) or item.get("type") not in ALBUM_KINDS:
        raise Refusal("can't parse InputMedia: type is unsupported in sendMediaGroup")
    return {**await input_media(api, parameters, item), **caption_part(Parameters(item, {}))}


async def input_media(api: Api, parameters: Parameters, item: dict[str, Any]) -> dict[str, Any]:
    """The media part of an InputMedia object. Raises Refusal."""
    given = parameters.attached(str(item.get("media") or ""))
    if given is None:
        raise Refusal("can't parse InputMedia: media not found")
    return await media_part(api, item["type"], given, parameters.attached(str(item.get("thumbnail") or "")))


@method("sendChatAction")
async def send_chat_action(api: Api, parameters: Parameters) -> bool:
    chat = api.writable_chat("sendchataction", parameters)
    action = parameters.text("action")
    if action not in CHAT_ACTIONS:
        raise Refusal("wrong parameter action in request")
    api.world.events.emit({"type": "action", "chat_id": chat.id, "action": action})
    return True


async def media_part(api: Api, kind: str, given: Upload | str | None,
                     thumbnail: Upload | str | None = None) -> dict[str, Any]:
    """The media part of a message from an upload or the id of a file already there. Raises Refusal."""
    if given is None:
        raise Refusal(f"there is no {kind} in the request")
    files = api.world.files
    if isinstance(given, str):
        given = known_file(api, given)
    if not given.data:
        raise Refusal("file must be non-empty")
    if kind == "photo":
        await check_photo(given.data)
        return media.photo(files, given.data)
    if kind == "document":
        return media.document(files, given.data, given.name, given.mime_type)
    small = thumbnail.data if isinstance(thumbnail, Upload) else None
    return media.animation(files, given.data, small) if kind == "animation" else media.video(files, given.data, small)


def known_file(api: Api, file_id: str) -> Upload:
    if file_id.startswith(("http://", "https://")):
        raise Refusal("failed to get HTTP URL content")
    file = api.world.files.get(file_id)
    if file is None or file.data is None:
        raise Refusal("wrong file identifier/HTTP URL specified")
    return Upload(file.name or "", file.mime_type, file.data)


async def check_photo(data: bytes) -> None:
    """A bot's photo: at most 10 MB, sides that sum to at most 10,000, a ratio of at most 20, and a picture at all
    (https://core.telegram.org/bots/api#sendphoto). Raises Refusal."""
    if len(data) > PHOTO_BYTES:
        raise Refusal(f"file of size {len(data)} bytes is too big for a photo; the maximum size is {PHOTO_BYTES} bytes")
    size = measure(data)
    if size is None:
        raise Refusal("IMAGE_PROCESS_FAILED")
    if sum(size) > PHOTO_SIDES or max(size) > PHOTO_RATIO * min(size):
        raise Refusal("PHOTO_INVALID_DIMENSIONS")
    if not await asyncio.to_thread(decodes, data):
        raise Refusal("IMAGE_PROCESS_FAILED")


def text_part(parameters: Parameters) -> dict[str, Any]:
    """`text` and `entities` of a message. Raises Refusal for an empty or too long one."""
    given = parameters.json("entities", "entities", list)
    text, entities = formatted(parameters.text("text"), parameters.text("parse_mode"), given)
    if not text:
        raise Refusal("message text is empty")
    if units(text) > TEXT_LIMIT:
        raise Refusal("message is too long")
    return {"text": text, **({"entities": entities} if entities else {})}


def caption_part(parameters: Parameters) -> dict[str, Any]:
    """`caption` and `caption_entities` of a message or of one item of an album. Raises Refusal for a too long one."""
    given = parameters.json("caption_entities", "caption entities", list)
    caption, entities = formatted(parameters.text("caption"), parameters.text("parse_mode"), given)
    if units(caption) > CAPTION_LIMIT:
        raise Refusal("message caption is too long")
    return {**({"caption": caption} if caption else {}), **({"caption_entities": entities} if entities else {})}
