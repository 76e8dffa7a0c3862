"""Stores the sandbox's chats and files in a folder, so that a conversation is there again after a restart.

`chats.json` holds users, chats, messages and unconfirmed updates and is replaced whole; `files/` has a file for each
picture. What was sent less than SAVE_AFTER_S before a kill may be missing; an ordinary stop saves everything.
"""

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.sandbox.files import StoredFile
from bot.sandbox.state import SandboxState
from bot.sandbox.telegram_objects import SandboxUser

log = logging.getLogger(__name__)

VERSION = 1
SAVE_AFTER_S = 1.0
CHAT_FIELDS = ("id", "type", "title", "members", "blocked", "muted", "left", "hides_members", "upgraded_to")
FILE_FIELDS = ("id", "unique_id", "path", "mime_type", "name")


class ChatSnapshot:
    """Saves and restores the state of one sandbox in `folder`."""

    def __init__(self, world: SandboxState, folder: Path) -> None:
        self._world, self._folder = world, folder
        self._saved_files: set[str] = set()
        self._changed = asyncio.Event()
        self._saving: asyncio.Task[None] | None = None

    def restore(self) -> None:
        """Read what an earlier sandbox saved; a missing or damaged snapshot leaves the chats empty."""
        try:
            data = json.loads((self._folder / "chats.json").read_text(encoding="utf-8"))
            if data["version"] != VERSION:
                return
            files = [self._read_file(entry) for entry in data["files"]]
            users = [SandboxUser(**user) for user in data["users"]]
            self._world.restore_chats(users, data["chats"], data["group_id"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("The earlier chats in %s can't be read: %s", self._folder, error)
            return
        for file in files:
            if file:
                self._world.files.restore(file)
        self._world.updates.restore(data["updates"])

    def start(self) -> None:
        """Save after each change from now on."""
        self._world.events.listeners.append(lambda _: self._changed.set())
        self._saving = asyncio.create_task(self._save_changes())

    async def stop(self) -> None:
        """End the saving, and save the present state. Raises OSError."""
        if self._saving:
            self._saving.cancel()
            await asyncio.wait([self._saving])
        self._write(self._state(), self._new_files())

    async def _save_changes(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(SAVE_AFTER_S)
            self._changed.clear()
            try:
                await asyncio.to_thread(self._write, self._state(), self._new_files())
            except OSError as error:
                log.warning("The chats can't be saved in %s: %s", self._folder, error)

    def _state(self) -> dict[str, Any]:
        world = self._world
        return {
            "version": VERSION,
            "group_id": world.group_id,
            "users": [asdict(user) for user in world.users.values()],
            "chats": [
                {
                    **{name: getattr(chat, name) for name in CHAT_FIELDS},
                    "administrators": list(chat.administrators.items()),
                    "messages": list(chat.messages.values()),
                }
                for chat in world.chats.values()
            ],
            "updates": world.updates.pending(),
            "files": [{name: getattr(file, name) for name in FILE_FIELDS} for file in world.files.stored()],
        }

    def _new_files(self) -> list[StoredFile]:
        return [file for file in self._world.files.stored() if file.id not in self._saved_files]

    def _write(self, state: dict[str, Any], files: list[StoredFile]) -> None:
        (self._folder / "files").mkdir(parents=True, exist_ok=True)
        for file in files:
            write_atomically(self._picture(file.id), file.data or b"")
            self._saved_files.add(file.id)
        text = json.dumps(state, ensure_ascii=False, separators=(",", ":"))
        write_atomically(self._folder / "chats.json", text.encode())
        for gone in self._saved_files - {entry["id"] for entry in state["files"]}:
            self._picture(gone).unlink(missing_ok=True)
            self._saved_files.discard(gone)

    def _read_file(self, entry: dict[str, Any]) -> StoredFile | None:
        """A stored file with its bytes; None if they are gone."""
        with suppress(OSError):
            data = self._picture(entry["id"]).read_bytes()
            self._saved_files.add(entry["id"])
            return StoredFile(**entry, data=data)
        return None

    def _picture(self, file_id: str) -> Path:
        return self._folder / "files" / file_id


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises OSError."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_bytes(data)
    temporary.replace(path)
