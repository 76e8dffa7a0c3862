"""Parameters of a Bot API call: from the query, a form, multipart with uploads, or JSON."""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.multipart import BodyPartReader

from bot.sandbox.errors import ApiError

UPLOAD_LIMIT = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file uploaded with the call."""

    name: str
    mime_type: str | None
    data: bytes


class CallParameters:
    """Typed access to one call's parameters."""

    def __init__(self, values: dict[str, Any], uploads: dict[str, UploadedFile]) -> None:
        self.values = values
        self.uploads = uploads

    @classmethod
    async def read(cls, request: web.Request) -> "CallParameters":
        """Parse a request. Raises ApiError 400 if the body is invalid, 413 if it is over 50 MB."""
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

    def summary(self) -> dict[str, Any]:
        """The parameters for RecordedCall: values, and each upload's name and size."""
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
        """A whole number; as in Telegram, an invalid value gives the default."""
        try:
            return int(self.values.get(name, default))
        except (TypeError, ValueError, OverflowError):
            return default

    def flag(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in ("true", "1", "yes")

    def json(self, name: str, what: str, kind: type | tuple[type, ...]) -> Any:
        """A JSON-serialized value; None if it is missing or empty.

        Raises ApiError if it is invalid or not of type `kind`; `what` names it in the error.
        """
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
        """The upload of a file parameter, also by `attach://…`; else its file_id or URL; None if it is empty."""
        if name in self.uploads:
            return self.uploads[name]
        return self.attached(self.text(name))

    def attached(self, value: str) -> UploadedFile | str | None:
        """The upload that `attach://NAME` refers to; other text unchanged; None if there is neither."""
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
    bytes_left = UPLOAD_LIMIT
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name is None:
                continue
            data = bytearray()
            while chunk := await part.read_chunk(256 * 1024):
                data += chunk
                bytes_left -= len(chunk)
                if bytes_left < 0:
                    raise ApiError("Request Entity Too Large", 413)
            if part.filename is None and part.headers.get("Content-Type", "text/plain").startswith("text/plain"):
                values[part.name] = data.decode("utf-8")
            else:
                mime_type = part.headers.get("Content-Type", "").partition(";")[0].strip() or None
                uploads[unique_name(part.name, uploads)] = UploadedFile(
                    part.filename or part.name, mime_type, bytes(data)
                )
    except ValueError:
        raise ApiError("can't parse multipart form data") from None


def unique_name(name: str, uploads: dict[str, UploadedFile]) -> str:
    """A key for a repeated form field: the page sends all files of an album as `files`."""
    return name if name not in uploads else f"{name}#{len(uploads)}"
