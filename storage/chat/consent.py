"""Whose photos, jokes and ratings may be trained on, counted or shown: SQL conditions, each for a query that has the
tables it names.

Private users (`/private`) and banned users are left out; so are jokes that an admin dropped in `/review`.
"""

import time

from storage.database import Database

BANNED = "(SELECT person_id FROM banned_people)"
PRIVATE_OR_BANNED = "(SELECT person_id FROM private_people UNION SELECT person_id FROM banned_people)"

NOT_DROPPED = "jokes.id NOT IN (SELECT joke_id FROM reviews WHERE NOT kept)"
"""On jokes: no joke that an admin dropped."""

LEARNT_FROM = f"""ratings.person_id NOT IN {PRIVATE_OR_BANNED} AND jokes.person_id NOT IN {PRIVATE_OR_BANNED}
    AND photo_id NOT IN (SELECT photo_id FROM private_people JOIN photo_senders USING (person_id))"""
"""On ratings joined with jokes: nothing that a private user sent, asked for or rated, nothing that a banned user
asked for or rated.
"""

TRAINABLE = f"{LEARNT_FROM} AND {NOT_DROPPED}"
"""On ratings joined with jokes: what a dataset is made from."""

SHOWABLE = f"""photo_id NOT IN (SELECT photo_id FROM photo_senders WHERE person_id IN {PRIVATE_OR_BANNED})
    AND jokes.person_id NOT IN {PRIVATE_OR_BANNED} AND {NOT_DROPPED}"""
"""On jokes: what may be posted in the weekly digest; nothing that a private or banned user sent or asked for,
nothing dropped.
"""


async def set_private(database: Database, user_id: int, private: bool) -> None:
    """Exclude a user's data from training from now on, or include it again."""
    async with database.write() as connection:
        if private:
            await connection.execute(
                "INSERT INTO private_people VALUES (?, ?) ON CONFLICT DO NOTHING", (user_id, time.time())
            )
        else:
            await connection.execute("DELETE FROM private_people WHERE person_id = ?", (user_id,))


async def is_private(database: Database, user_id: int) -> bool:
    """Whether the user's data is excluded from training."""
    return bool(await database.value("SELECT 1 FROM private_people WHERE person_id = ?", (user_id,)))
