"""Private users (`/private`), and the SQL conditions on data that may be trained on, counted or shown.

The conditions exclude data of private and banned users, jokes that an admin dropped in `/review`, and jokes that are
hidden after a flag (🚩). Each is for a query that has the tables it names.
"""

import time

from storage.database import Database

BANNED = "(SELECT person_id FROM banned_people)"
PRIVATE_OR_BANNED = "(SELECT person_id FROM private_people UNION SELECT person_id FROM banned_people)"

NOT_HIDDEN = "jokes.id NOT IN (SELECT joke_id FROM hidden_jokes)"
"""Condition on jokes: not hidden after a flag."""

NOT_DROPPED = f"jokes.id NOT IN (SELECT joke_id FROM reviews WHERE NOT kept) AND {NOT_HIDDEN}"
"""Condition on jokes: neither dropped by an admin nor hidden."""

JOKE_NOT_PRIVATE = f"""jokes.person_id NOT IN {PRIVATE_OR_BANNED}
    AND jokes.photo_id NOT IN (SELECT photo_id FROM private_people JOIN photo_senders USING (person_id))
    AND {NOT_DROPPED}"""
"""Condition on jokes: neither the photo nor the joke is of a private or banned user, and no admin dropped it."""

LEARNT_FROM = f"""ratings.person_id NOT IN {PRIVATE_OR_BANNED} AND jokes.person_id NOT IN {PRIVATE_OR_BANNED}
    AND photo_id NOT IN (SELECT photo_id FROM private_people JOIN photo_senders USING (person_id))"""
"""Condition on ratings joined with jokes: no data of private or banned users.

Excluded are photos sent by private users, and jokes requested and ratings given by private or banned users.
"""

TRAINABLE = f"{LEARNT_FROM} AND {NOT_DROPPED}"
"""Condition on ratings joined with jokes: allowed in a dataset."""

SHOWABLE = f"""photo_id NOT IN (SELECT photo_id FROM photo_senders WHERE person_id IN {PRIVATE_OR_BANNED})
    AND jokes.person_id NOT IN {PRIVATE_OR_BANNED} AND {NOT_DROPPED}"""
"""Condition on jokes: allowed in the weekly digest.

Excluded are photos and jokes of private or banned users, and dropped or hidden jokes.
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
