"""The media fields of a message, as Telegram sends them: `photo`, `document`, `sticker`, `animation`, `video`.

Unlike Telegram's clients, the sandbox does not recompress a user's photo: the largest size is the uploaded file.
A thumbnail has no `file_size` before its first download (the field is optional in Telegram).
"""

import mimetypes
from typing import Any

from bot.sandbox.files import FileStore, StoredFile
from bot.sandbox.pictures import THUMBNAIL_SIDE, duration_s, measure, shrunk

UNKNOWN_SIZE = (320, 320)
UNKNOWN_TYPE = "application/octet-stream"
GZIP, WEBM = b"\x1f\x8b", b"\x1aE\xdf\xa3"
Part = dict[str, Any]


def reference(file: StoredFile) -> Part:
    part: Part = {"file_id": file.id, "file_unique_id": file.unique_id}
    if file.size is not None:
        part["file_size"] = file.size
    return part


def picture_size(file: StoredFile, size: tuple[int, int]) -> Part:
    return {**reference(file), "width": size[0], "height": size[1]}


def photo(files: FileStore, data: bytes) -> Part:
    """A photo in one or two sizes, the largest last.

    Bytes that are no picture are accepted too: a modified client may send them.
    """
    size = measure(data)
    file = files.add(data, "photos", sniff_media_type(data) or "image/jpeg")
    sizes = [picture_size(file, size or UNKNOWN_SIZE)]
    if size and max(size) > THUMBNAIL_SIDE:
        sizes.insert(0, picture_size(files.thumbnail_of(file), shrunk(size)))
    return {"photo": sizes}


def document(files: FileStore, data: bytes, file_name: str | None, mime_type: str | None) -> Part:
    """Any file; a picture gets a thumbnail."""
    if mime_type in (None, "", UNKNOWN_TYPE):
        mime_type = mimetypes.guess_type(file_name or "")[0] or UNKNOWN_TYPE
    file = files.add(data, "documents", mime_type, file_name)
    size = measure(data) if mime_type.startswith("image/") else None
    part = {**reference(file), "mime_type": mime_type, **({"file_name": file_name} if file_name else {})}
    return {"document": {**part, **thumbnail_part(files, file, size)}}


def sticker(files: FileStore, data: bytes, emoji: str = "🙂") -> Part:
    """A sticker: static (WebP), animated (.TGS, which is gzip) or video (WebM), by its first bytes."""
    animated, video = data.startswith(GZIP), data.startswith(WEBM)
    file = files.add(
        data, "stickers", "application/x-tgsticker" if animated else "video/webm" if video else "image/webp"
    )
    size = measure(data)
    return {
        "sticker": {
            **picture_size(file, size or (512, 512)),
            "type": "regular",
            "is_animated": animated,
            "is_video": video,
            "emoji": emoji,
            **thumbnail_part(files, file, size),
        }
    }


def is_moving_sticker(data: bytes) -> bool:
    """Whether a sticker is animated or a video."""
    return data.startswith((GZIP, WEBM))


def animation(files: FileStore, data: bytes, thumbnail: bytes | None = None) -> Part:
    """A GIF or a silent MP4; as in Telegram, also in the field `document`."""
    mime_type = sniff_media_type(data) or "video/mp4"
    name = "animation.gif" if mime_type == "image/gif" else "animation.mp4"
    file = files.add(data, "animations", mime_type, name)
    size = measure(data)
    part = {
        **reference(file),
        "file_name": name,
        "mime_type": mime_type,
        **thumbnail_part(files, file, size, thumbnail),
    }
    width, height = size or UNKNOWN_SIZE
    return {"animation": {**part, "width": width, "height": height, "duration": duration_s(data)}, "document": part}


def video(files: FileStore, data: bytes, thumbnail: bytes | None = None) -> Part:
    """A video with a made-up size and duration; its bytes are not parsed."""
    file = files.add(data, "videos", "video/mp4", "video.mp4")
    return {
        "video": {
            **reference(file),
            "file_name": "video.mp4",
            "mime_type": "video/mp4",
            "width": UNKNOWN_SIZE[0],
            "height": UNKNOWN_SIZE[1],
            "duration": 1,
            **thumbnail_part(files, file, None, thumbnail),
        }
    }


def thumbnail_part(files: FileStore, file: StoredFile, size: tuple[int, int] | None, data: bytes | None = None) -> Part:
    """`{"thumbnail": …}` from `data`, else made from the picture; `{}` if neither is known."""
    if data is not None:
        uploaded = files.add(data, "thumbnails", "image/jpeg")
        return {"thumbnail": picture_size(uploaded, measure(data) or UNKNOWN_SIZE)}
    return {"thumbnail": picture_size(files.thumbnail_of(file), shrunk(size))} if size else {}


def sniff_media_type(data: bytes) -> str | None:
    """The media type of a photo or animation by its first bytes; None if unknown."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG"):
        return "image/png"
    if data.startswith(b"GIF8"):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "video/mp4" if data[4:8] == b"ftyp" else None
