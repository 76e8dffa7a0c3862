"""Albums that are answered with one joke. Photos may arrive in any order, late, and again after a restart."""

import time
from dataclasses import dataclass

from storage.database import Database


@dataclass(frozen=True)
class AlbumRecord:
    """An album.

    `update_id` is the update that must be answered; `message_id` the message with the joke, None before it is sent.
    """

    id: int
    chat_id: int
    update_id: int
    message_id: int | None


@dataclass(frozen=True)
class AlbumPhoto:
    """A photo of an album: its number (from 1), the message that contained it, and its own caption."""

    id: int
    album_id: int
    number: int
    message_id: int
    photo_id: int
    caption: str | None


FIELDS = "id, chat_id, update_id, message_id"
NUMBERED = """SELECT id, album_id, row_number() OVER (PARTITION BY album_id
              ORDER BY message_id) AS number, message_id, photo_id, caption
    FROM album_photos WHERE album_id = ?"""


async def join_album(
    database: Database,
    chat_id: int,
    media_group_id: str,
    update_id: int,
    user_id: int,
    *,
    message_id: int,
    photo_id: int,
    caption: str | None,
) -> AlbumRecord:
    """Add a photo to its album. A repeated call changes nothing.

    The first update of an album must be answered. If it ended without an answer, the next update of the album must be.
    Raises sqlite3.IntegrityError for an unknown photo.
    """
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO albums (chat_id, media_group_id, person_id, update_id, created_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (chat_id, media_group_id) DO UPDATE SET update_id = excluded.update_id WHERE message_id IS "
            "NULL "
            "AND NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.update_id = albums.update_id AND state = 'pending')",
            (chat_id, media_group_id, user_id, update_id, time.time()),
        )
        async with connection.execute(
            f"SELECT {FIELDS} FROM albums WHERE chat_id = ? AND media_group_id = ?", (chat_id, media_group_id)
        ) as cursor:
            (row,) = await cursor.fetchall()
        album = AlbumRecord(**dict(row))
        await connection.execute(
            "INSERT INTO album_photos (album_id, message_id, photo_id, caption) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (album_id, message_id) DO UPDATE SET photo_id = excluded.photo_id, caption = excluded.caption",
            (album.id, message_id, photo_id, caption),
        )
    return album


async def get_album(database: Database, album_id: int) -> AlbumRecord | None:
    """The album, or None if all its photos were deleted."""
    row = await database.row(f"SELECT {FIELDS} FROM albums WHERE id = ?", (album_id,))
    return AlbumRecord(**dict(row)) if row else None


async def list_album_photos(database: Database, album_id: int) -> list[AlbumPhoto]:
    """An album's photos in the order of their messages."""
    return [AlbumPhoto(**dict(row)) for row in await database.rows(f"{NUMBERED} ORDER BY number", (album_id,))]


async def list_photos_under_message(database: Database, chat_id: int, message_id: int) -> list[AlbumPhoto]:
    """The photos of the album whose joke is in that message; empty for other messages."""
    album_id = await database.value("SELECT id FROM albums WHERE chat_id = ? AND message_id = ?", (chat_id, message_id))
    return await list_album_photos(database, album_id) if album_id else []


async def get_album_of_photo(database: Database, album_photo_id: int) -> tuple[AlbumRecord, list[AlbumPhoto]] | None:
    """The album that contains this album photo, and all its photos; None for an unknown id."""
    album_id = await database.value("SELECT album_id FROM album_photos WHERE id = ?", (album_photo_id,))
    album = await get_album(database, album_id) if album_id else None
    return (album, await list_album_photos(database, album.id)) if album else None
