"""Retention: deletes photos, jokes and ratings that are older than the settings allow.

Unlike a model trained on rows of a forgotten user, a model trained on aged rows may serve. The dataset rows are marked
as aged and keep their user, so that a later `/forget` finds such a model.
"""

import logging
import time
from pathlib import Path

import aiosqlite

from configs.safety import RetentionSettings
from storage.database import Database
from storage.learning import dataset_files, runs
from storage.maintenance.erasure import finish_erasure
from storage.maintenance.forget_person import REMOVE_GALLERY_ITEMS, ErasureResult, count_rows

log = logging.getLogger(__name__)

SECONDS_A_DAY = 86400.0
OLD_PHOTOS = (
    "photos.created_at < :photos AND NOT EXISTS (SELECT 1 FROM photo_senders WHERE photo_id = photos.id "
    "AND sent_at >= :photos)"
)
"""Condition on photos: not sent since the limit. An old photo that is sent again counts as new."""
OLD_JOKES = f"(jokes.created_at < :jokes OR photo_id IN (SELECT id FROM photos WHERE {OLD_PHOTOS}))"

STEPS = (
    "CREATE TEMP TABLE old_jokes AS SELECT id, person_id, photo_id FROM jokes WHERE " + OLD_JOKES,
    "INSERT INTO aged_people SELECT dataset_id, row_id, person_id FROM dataset_rows JOIN old_jokes ON old_jokes.id "
    "= joke_id "
    "WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO aged_people SELECT dataset_id, row_id, photo_senders.person_id FROM dataset_rows JOIN old_jokes ON "
    "old_jokes.id = joke_id "
    "JOIN photo_senders USING (photo_id) WHERE true ON CONFLICT DO NOTHING",
    "UPDATE dataset_rows SET aged = 1 WHERE joke_id IN (SELECT id FROM old_jokes)",
    f"INSERT INTO abandoned_files SELECT sha256 FROM photos WHERE {OLD_PHOTOS} ON CONFLICT DO NOTHING",
    f"DELETE FROM photos WHERE {OLD_PHOTOS}",
    "DELETE FROM jokes WHERE id IN (SELECT id FROM old_jokes)",
    # The captions of an album are as old as its joke.
    "DELETE FROM albums WHERE created_at < :jokes",
    "DELETE FROM ratings WHERE updated_at < :ratings",
    # A manifest names raters by number; a user without ratings is removed from the list of raters.
    "DELETE FROM dataset_raters WHERE person_id NOT IN (SELECT person_id FROM ratings)",
    REMOVE_GALLERY_ITEMS,
    "DROP TABLE old_jokes",
)


async def delete_aged_data(
    database: Database, photos: Path, datasets: Path, retention: RetentionSettings
) -> ErasureResult | None:
    """Delete aged rows from the database, then their files. Returns None if a run is being executed.

    A run may still read aged rows, so it must end first. A photo is deleted with its jokes, a joke with its ratings.
    Raises DatasetError if another process holds the lock of the datasets, or a file can't be changed.
    """
    if not (retention.photos_days or retention.jokes_days or retention.ratings_days):
        return None
    async with dataset_files.lock(datasets, wait_s=0.0):
        run = await runs.current_run(database)
        if run and run.state not in ("queued", "canary"):
            return None
        gone = await delete_aged_rows(database, retention)
        if gone.photos or gone.jokes or gone.ratings:
            log.info(
                "deleted by the retention settings: %d photos, %d jokes, %d ratings",
                gone.photos,
                gone.jokes,
                gone.ratings,
            )
            await finish_erasure(database, photos, datasets)
    return gone


async def delete_aged_rows(database: Database, retention: RetentionSettings) -> ErasureResult:
    """Delete aged rows in one transaction."""
    now = time.time()
    before = {
        f"{kind}": now - days * SECONDS_A_DAY if days else float("-inf")
        for kind, days in (
            ("photos", retention.photos_days),
            ("jokes", retention.jokes_days),
            ("ratings", retention.ratings_days),
        )
    }
    async with database.write() as connection:
        first = await count_rows(connection)
        for step in STEPS:
            await _execute(connection, step, before)
        last = await count_rows(connection)
    photos, jokes, ratings = (old - new for old, new in zip(first, last, strict=True))
    return ErasureResult(photos, jokes, ratings)


async def _execute(connection: aiosqlite.Connection, step: str, before: dict[str, float]) -> None:
    await connection.execute(step, {kind: at for kind, at in before.items() if f":{kind}" in step})
