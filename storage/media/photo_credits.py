"""Photos from a pack of pictures: they have no sender, but a licence (`photo_credits`)."""

import json
import time
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from storage.database import Database
from storage.media.photos import CheckedPhoto, Photo, photo_values, write_file
from storage.media.picture_pack import PictureCredit

FIELDS = "name, title, author, licence, source"


async def add_pack_photo(database: Database, folder: Path, checked: CheckedPhoto, credit: PictureCredit) -> Photo:
    """Store a checked picture of a pack with its licence; returns the existing row of a known photo.

    Raises PhotoFolderError if its file can't be written.
    """
    await write_file(folder, checked)
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO photos (sha256, phash, width, height, bytes, media_type, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
            (*photo_values(checked), time.time()),
        )
        async with connection.execute("SELECT * FROM photos WHERE sha256 = ?", (checked.sha256,)) as cursor:
            (row,) = await cursor.fetchall()
        await connection.execute(
            f"INSERT OR REPLACE INTO photo_credits (photo_id, {FIELDS}) VALUES (?, ?, ?, ?, ?, ?)",
            (row["id"], *astuple(credit)),
        )
    await write_file(folder, checked)  # A /forget may have removed the file meanwhile; now the row protects it.
    return Photo(**dict(row))


async def get_credit(database: Database, photo_id: int) -> PictureCredit | None:
    """The licence of a photo from a pack; None for a photo that a user sent."""
    row = await database.row(f"SELECT {FIELDS} FROM photo_credits WHERE photo_id = ?", (photo_id,))
    return PictureCredit(**dict(row)) if row else None


async def get_credits(database: Database, photo_ids: Sequence[int]) -> dict[int, PictureCredit]:
    """The licences of those of the photos that are from a pack, by photo id."""
    rows = await database.rows(
        f"SELECT photo_id, {FIELDS} FROM photo_credits WHERE photo_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(photo_ids)),),
    )
    return {number: PictureCredit(*fields) for number, *fields in rows}


async def list_used_names(database: Database, chat_id: int) -> dict[str, float]:
    """The pictures of packs that a chat's rounds were about, by name, with the time of the latest of those rounds."""
    rows = await database.rows(
        "SELECT name, max(rounds.created_at) AS used_at FROM rounds JOIN photo_credits USING (photo_id) "
        "WHERE chat_id = ? GROUP BY name",
        (chat_id,),
    )
    return {row["name"]: row["used_at"] for row in rows}
