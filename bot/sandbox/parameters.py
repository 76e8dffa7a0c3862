"""Parameters of a Bot API call, however they come: query, form, multipart with uploads, or JSON."""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.multipart import BodyPartReader

from bot.sandbox.errors import ApiError

UPLOAD_LIMIT = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that came with the call."""

    name: str
    mime_type: str | None
    data: bytes


class CallParameters:
    """Typed reads of one call's parameters; each raises Refusal for a value of the wrong kind."""

    def __init__(self, values: dict[str, Any], uploads: dict[str, UploadedFile]) -> None:
        self.values = values
        self.uploads = uploads

    @classmethod
    async def read(cls, request: web.Request) -> "CallParameters":
        """From a request. Raises Refusal 400 for a body that can't be read, 413 for one over 50 MB."""
        values: dict[str, Any] = dict(request.query)
        uploads: dict[str, UploadedFile] = {}
        if request.method == "POST":
            if request.content_type == "application/json":
                values.update(await read_json(request))
            elif request.content_type == "multipart/form-data":
                await read_multipart(request, values, uploads)
            elif request.content_type == "application/x-www-form-urlencoded":
                values.update({key: value for key, value in (await request.post()).items() if isinstance(value, str)})
        return cls(values, uploads)

    def shown(self) -> dict[str, Any]:
        """What goes into the record of calls: values, and of uploads their name and size."""
        return {
            **self.values,
            **{name: f"{upload.name} ({len(upload.data)} bytes)" for name, upload in self.uploads.items()},
        }

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number; as Telegram does, what is none counts as the default."""
        try:
            return int(self.values.get(name, default))
        except (TypeError, ValueError):
            return default

    def flag(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in ("true", "1", "yes")

    def json(self, name: str, what: str, kind: type | tuple[type, ...]) -> Any:
        """A JSON-serialized value of this kind, None where it is missing or empty."""
        value = self.values.get(name)
        if isinstance(value, str) and value:
            try:
                value = json.loads(value)
            except ValueError:
                raise ApiError(f"can't parse {what} JSON object") from None
        if value in (None, ""):
            return None
        if not isinstance(value, kind):
            raise ApiError(
                "object expected as reply markup" if name == "reply_markup" else f"can't parse {what} JSON object"
            )
        return value

    def upload(self, name: str) -> UploadedFile | str | None:
        """A file: the upload itself or `attach://…`; else the file_id or URL as text, None where there is nothing."""
        if name in self.uploads:
            return self.uploads[name]
        return self.attached(self.text(name))

    def attached(self, value: str) -> UploadedFile | str | None:
        """The upload that `attach://NAME` means; other text as it is."""
        if value.startswith("attach://"):
            return self.uploads.get(value.removeprefix("attach://"))
        return value or None


async def read_json(request: web.Request) -> dict[str, Any]:
    try:
        values = await request.json()
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise ApiError("can't parse JSON object")
    return values


async def read_multipart(request: web.Request, values: dict[str, Any], uploads: dict[str, UploadedFile]) -> None:
    left = UPLOAD_LIMIT
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name is None:
                continue
            data = bytearray()
            while chunk := await part.read_chunk(256 * 1024):
                data += chunk
                left -= len(chunk)
                if left < 0:
                    raise ApiError("Request Entity Too Large", 413)
            if part.filename is None and part.headers.get("Content-Type", "text/plain").startswith("text/plain"):
                values[part.name] = data.decode("utf-8")
            else:
                mime_type = part.headers.get("Content-Type", "").partition(";")[0].strip() or None
                uploads[free_name(part.name, uploads)] = UploadedFile(
                    part.filename or part.name, mime_type, bytes(data)
                )
    except ValueError:
        raise ApiError("can't parse multipart form data") from None


def free_name(name: str, uploads: dict[str, UploadedFile]) -> str:
    """A form may repeat a field: the page sends all files of an album as `files`."""
    return name if name not in uploads else f"{name}#{len(uploads)}"
