"""The side of the split of each photo, decided once for a photo and its near-duplicates and never changed."""

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from storage.database import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDES = ("train", "holdout", "neither")


async def all_placed_photos(database: Database) -> "NDArray[np.int64]":
    """All photos with a side: rows of (photo id, signed perceptual hash, group id, index into SIDES), by photo id."""
    cases = " ".join(f"WHEN '{side}' THEN {index}" for index, side in enumerate(SIDES))
    return await database.integers(
        f"SELECT photo_id, phash, group_id, CASE side {cases} END FROM grouped_photos "
        "JOIN photos ON photos.id = photo_id JOIN photo_groups ON photo_groups.id = group_id "
        "ORDER BY photo_id",
        columns=4,
    )


async def list_unplaced_photos(database: Database) -> list[tuple[int, int, str]]:
    """(id, signed perceptual hash, sha256) of the photos without a side, by id."""
    rows = await database.rows(
        "SELECT id, phash, sha256 FROM photos WHERE NOT EXISTS "
        "(SELECT 1 FROM grouped_photos WHERE photo_id = photos.id) ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def place_photos(
    database: Database, groups: Iterable[tuple[str, Sequence[int]]], joining: Iterable[tuple[int, int]]
) -> None:
    """Record new groups (side, photo ids) and photos that join an old group (group id, photo id) in one transaction.

    A deleted photo is skipped; a photo that has a side keeps it.
    """
    now, members = time.time(), list(joining)
    async with database.write() as connection:
        async with connection.execute("SELECT coalesce(max(id), 0) FROM photo_groups") as cursor:
            ((last,),) = await cursor.fetchall()
        numbered = list(enumerate(groups, last + 1))
        await connection.executemany(
            "INSERT INTO photo_groups (id, side, decided_at) VALUES (?, ?, ?)",
            [(number, side, now) for number, (side, _) in numbered],
        )
        members += [(number, photo) for number, (_, photos) in numbered for photo in photos]
        await connection.executemany(
            "INSERT INTO grouped_photos (group_id, photo_id) SELECT ?, id FROM photos WHERE id = ? "
            "ON CONFLICT DO NOTHING",
            members,
        )
