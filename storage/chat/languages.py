"""The language that each user chose, and the one that each admin used last."""

from storage.database import Database


async def set_language(database: Database, user_id: int, language: str | None) -> None:
    """Store a user's language; None deletes it."""
    async with database.write() as connection:
        if language is None:
            await connection.execute("DELETE FROM chosen_languages WHERE person_id = ?", (user_id,))
        else:
            await connection.execute(
                "INSERT INTO chosen_languages VALUES (?, ?) ON CONFLICT DO UPDATE SET language = excluded.language",
                (user_id, language),
            )


async def all_languages(database: Database) -> dict[int, str]:
    """Chosen languages by user."""
    return {
        row["person_id"]: row["language"]
        for row in await database.rows("SELECT person_id, language FROM chosen_languages")
    }


async def record_spoken_language(database: Database, user_id: int, language: str) -> None:
    """Record the language that an admin used last."""
    if await get_language(database, user_id) == language:
        return
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO admin_languages VALUES (?, ?) ON CONFLICT DO UPDATE SET language = excluded.language",
            (user_id, language),
        )


async def get_language(database: Database, user_id: int) -> str | None:
    """The language that a user chose, else the one that they used last as an admin, else None."""
    return await database.value(
        "SELECT coalesce((SELECT language FROM chosen_languages WHERE person_id = ?1), "
        "(SELECT language FROM admin_languages WHERE person_id = ?1))",
        (user_id,),
    )
