"""The sandbox's files: an in-memory cache that drops the least recently used file over its limit.

Equal bytes of one kind are stored once. A thumbnail is made at its first download, because most are never downloaded.
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
ID_PREFIXES = {
    "photos": "AgACAgIAAxkBAAI",
    "documents": "BQACAgIAAxkBAAI",
    "stickers": "CAACAgIAAxkBAAI",
    "animations": "CgACAgIAAxkBAAI",
    "videos": "BAACAgIAAxkBAAI",
    "thumbnails": "AAMCAgADGQEAAg",
}


@dataclass(slots=True)
class StoredFile:
    """One file; `data` is None for a thumbnail that is not made yet; `source` is the id of its picture."""

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
    """Stores files by id. `limit_bytes`: maximum bytes of all files together."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self._files: OrderedDict[str, StoredFile] = OrderedDict()
        self._paths: dict[str, str] = {}
        self._count = 0

    def add(self, data: bytes, folder: str, mime_type: str, name: str | None = None) -> StoredFile:
        """Store a file in `folder` (photos, documents, stickers, animations, videos, thumbnails)."""
        label = f"{folder}\0{mime_type}\0{name}\0".encode()
        return self._store(
            hashlib.sha256(label + hashlib.sha256(data).digest()).digest(), folder, mime_type, name, data
        )

    def thumbnail_of(self, file: StoredFile) -> StoredFile:
        """The picture's thumbnail, a JPEG; made at the first download."""
        key = hashlib.sha256(b"thumbnail\0" + file.id.encode()).digest()
        return self._store(key, "thumbnails", "image/jpeg", None, None, file.id)

    def _store(
        self, key: bytes, folder: str, mime_type: str, name: str | None, data: bytes | None, source: str | None = None
    ) -> StoredFile:
        text = base64.urlsafe_b64encode(key).decode().rstrip("=")
        file_id = ID_PREFIXES[folder] + text
        stored = self.get(file_id)
        if stored:
            return stored
        self._count += 1
        extension = EXTENSIONS.get(mime_type) or (name or "").rpartition(".")[2] or "bin"
        file = StoredFile(
            file_id, f"AQAD{text[:12]}", f"{folder}/file_{self._count}.{extension}", mime_type, name, data, source
        )
        self._files[file_id] = file
        self._paths[file.path] = file_id
        self._count_bytes(file)
        return file

    def stored(self) -> list[StoredFile]:
        """The files with their bytes, without thumbnails, which can be made again."""
        return [file for file in self._files.values() if file.data is not None and file.source is None]

    def restore(self, file: StoredFile) -> None:
        """Add a file of an earlier sandbox under its id and path."""
        self._files[file.id] = file
        self._paths[file.path] = file.id
        self._count = max(self._count, int(file.path.rpartition("_")[2].partition(".")[0]))
        self._count_bytes(file)

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
        """The file with this id; None if it is unknown or dropped."""
        file = self._files.get(file_id)
        if file:
            self._files.move_to_end(file_id)
        return file

    def at_path(self, path: str) -> StoredFile | None:
        """The file with this `file_path` of getFile; None if it is unknown or dropped."""
        file_id = self._paths.get(path)
        return self.get(file_id) if file_id else None

    async def read(self, file: StoredFile) -> bytes | None:
        """The file's bytes; makes a thumbnail in a thread. None if the thumbnail's picture is dropped."""
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
