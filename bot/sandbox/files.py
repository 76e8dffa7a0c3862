"""Files of the sandbox: kept in memory, the least recently used forgotten when they grow too many.

The same bytes of the same kind are kept once. A thumbnail is made when somebody fetches it, not before: most never are.
"""

import asyncio
import base64
import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from bot.sandbox.pictures import thumbnail

DOWNLOAD_LIMIT = 20 * 1024 * 1024
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "application/x-tgsticker": "tgs",
}
LETTERS = {
    "photos": "AgACAgIAAxkBAAI",
    "documents": "BQACAgIAAxkBAAI",
    "stickers": "CAACAgIAAxkBAAI",
    "animations": "CgACAgIAAxkBAAI",
    "videos": "BAACAgIAAxkBAAI",
    "thumbnails": "AAMCAgADGQEAAg",
}


@dataclass(slots=True)
class StoredFile:
    """One file; `data` is None for a thumbnail that nobody has fetched yet."""

    id: str
    unique_id: str
    path: str
    mime_type: str
    name: str | None
    data: bytes | None
    source: str | None = None

    @property
    def size(self) -> int | None:
        return None if self.data is None else len(self.data)


class FileStore:
    """The store. `limit_bytes` bounds the sum of all files."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self._files: OrderedDict[str, StoredFile] = OrderedDict()
        self._paths: dict[str, str] = {}
        self._count = 0

    def add(self, data: bytes, folder: str, mime_type: str, name: str | None = None) -> StoredFile:
        """Keep a file in `folder` (photos, documents, stickers, animations, videos, thumbnails)."""
        label = f"{folder}\0{mime_type}\0{name}\0".encode()
        return self._keep(hashlib.sha256(label + hashlib.sha256(data).digest()).digest(), folder, mime_type, name, data)

    def thumbnail_of(self, file: StoredFile) -> StoredFile:
        """The small JPEG of a picture; made at the first fetch."""
        key = hashlib.sha256(b"thumbnail\0" + file.id.encode()).digest()
        return self._keep(key, "thumbnails", "image/jpeg", None, None, file.id)

    def _keep(
        self, key: bytes, folder: str, mime_type: str, name: str | None, data: bytes | None, source: str | None = None
    ) -> StoredFile:
        text = base64.urlsafe_b64encode(key).decode().rstrip("=")
        file_id = LETTERS[folder] + text
        known = self.get(file_id)
        if known:
            return known
        self._count += 1
        extension = EXTENSIONS.get(mime_type) or (name or "").rpartition(".")[2] or "bin"
        file = StoredFile(
            file_id, f"AQAD{text[:12]}", f"{folder}/file_{self._count}.{extension}", mime_type, name, data, source
        )
        self._files[file_id] = file
        self._paths[file.path] = file_id
        self._count_bytes(file)
        return file

    def _count_bytes(self, newest: StoredFile) -> None:
        self.bytes += newest.size or 0
        while self.bytes > self.limit_bytes and len(self._files) > 1:
            oldest = next(iter(self._files.values()))
            if oldest is newest:
                break
            del self._files[oldest.id]
            del self._paths[oldest.path]
            self.bytes -= oldest.size or 0

    def get(self, file_id: str) -> StoredFile | None:
        """The file with this id, or None where there is none or it has been forgotten."""
        file = self._files.get(file_id)
        if file:
            self._files.move_to_end(file_id)
        return file

    def at_path(self, path: str) -> StoredFile | None:
        """The file that `getFile` gave this path for."""
        file_id = self._paths.get(path)
        return self.get(file_id) if file_id else None

    async def read(self, file: StoredFile) -> bytes | None:
        """Its bytes; a thumbnail is made now, off the event loop. None where its picture has been forgotten."""
        if file.data is None and file.source:
            source = self.get(file.source)
            if source is None or source.data is None:
                return None
            data = await asyncio.to_thread(thumbnail, source.data)
            if file.data is None:
                file.data = data
                if file.id in self._files:
                    self._count_bytes(file)
        return file.data
