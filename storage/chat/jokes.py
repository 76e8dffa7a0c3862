"""Jokes and their deliveries."""

import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Literal

from storage.chat.candidates import UnshownCandidate, insert_candidates
from storage.database import Database

ChosenBy = Literal["single", "random", "judge"]


@dataclass(frozen=True)
class NewJoke:
    """A joke before it has a row.

    `model_id` is None for a punchline, a joke that user `person_id` wrote; else `person_id` asked for it. A model's is
    one of `candidates` texts that could be shown, each with its own probability: `propensity` is this one's.
    `chosen_by` says whether it was the only one, or whether chance or the judge chose it; `score` is the judge's
    P(liked), `logprob` the mean log-probability of its tokens, None if unknown. `base_share` is the base's random share
    of the photos, None where the base isn't served beside the champion. `seen` is what the recogniser saw in the photo
    (configs/prompts.py).
    """

    photo_id: int
    model_id: int | None
    person_id: int
    language: str
    style: str
    caption: str | None
    prompt: str
    text: str
    temperature: float
    top_p: float
    max_tokens: int
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_s: float
    chosen_by: ChosenBy = "single"
    candidates: int = 1
    propensity: float = 1.0
    judge_id: int | None = None
    score: float | None = None
    logprob: float | None = None
    base_share: float | None = None
    seen: str | None = None


@dataclass(frozen=True, kw_only=True)
class Joke(NewJoke):
    """A stored joke."""

    id: int
    created_at: float

    @property
    def author_id(self) -> int | None:
        """The user who wrote it; None for a model's joke."""
        return self.person_id if self.model_id is None else None


@dataclass(frozen=True)
class Delivery:
    """A joke shown in one chat message; `update_id` is the update it answers."""

    id: int
    joke_id: int
    chat_id: int
    message_id: int
    update_id: int | None
    created_at: float


NEW_COLUMNS = tuple(NewJoke.__dataclass_fields__)
INSERT_JOKE = (
    f"INSERT INTO jokes ({', '.join(NEW_COLUMNS)}, created_at) VALUES ({', '.join('?' * len(NEW_COLUMNS))}, ?) "
    f"RETURNING id, created_at, {', '.join(NEW_COLUMNS)}"
)
"""Takes the fields of a NewJoke, in order, and the time."""


async def add_joke(
    database: Database, joke: NewJoke, update_id: int | None = None, not_shown: Sequence[UnshownCandidate] = ()
) -> Joke:
    """Store a joke with the candidates that are not shown, and return its row; with `update_id`, as its answer.

    Raises sqlite3.IntegrityError for an unknown photo or model, or an empty text.
    """
    async with database.write() as connection:
        async with connection.execute(INSERT_JOKE, (*astuple(joke), time.time())) as cursor:
            (row,) = await cursor.fetchall()
        stored = Joke(**dict(row))
        if update_id is not None:
            await connection.execute("UPDATE inbox SET joke_id = ? WHERE update_id = ?", (stored.id, update_id))
        if not_shown:
            await insert_candidates(connection, stored.id, not_shown)
    return stored


async def get_joke(database: Database, joke_id: int) -> Joke | None:
    """The joke, or None for an unknown id."""
    row = await database.row(f"SELECT id, created_at, {', '.join(NEW_COLUMNS)} FROM jokes WHERE id = ?", (joke_id,))
    return Joke(**dict(row)) if row else None


async def list_shown_styles(database: Database, photo_id: int, chat_id: int, language: str) -> list[str]:
    """The styles of models' jokes about a photo that a chat has seen, by the latest joke of each, oldest first."""
    rows = await database.rows(
        "SELECT style FROM jokes JOIN deliveries ON joke_id = jokes.id WHERE photo_id = ? AND chat_id = ? "
        "AND language = ? AND model_id IS NOT NULL GROUP BY style ORDER BY max(jokes.id)",
        (photo_id, chat_id, language),
    )
    return [row["style"] for row in rows]


async def add_delivery(
    database: Database,
    joke_id: int,
    chat_id: int,
    message_id: int,
    update_id: int | None = None,
    *,
    album_id: int | None = None,
) -> None:
    """Record that a message shows a joke; with `album_id`, also that it answers the album.

    Where the group has become a supergroup meanwhile, the delivery is the supergroup's. A repeated call for one message
    changes nothing, neither does one for a joke that was erased meanwhile.
    """
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO deliveries (joke_id, chat_id, message_id, update_id, created_at) "
            "SELECT ?1, coalesce((SELECT chat_id FROM former_chats WHERE former_id = ?2), ?2), ?3, ?4, ?5 "
            "WHERE EXISTS (SELECT 1 FROM jokes WHERE id = ?1) "
            "ON CONFLICT (chat_id, message_id) DO NOTHING",
            (joke_id, chat_id, message_id, update_id, time.time()),
        )
        if album_id is not None:
            await connection.execute("UPDATE albums SET message_id = ? WHERE id = ?", (message_id, album_id))


async def get_delivery(database: Database, chat_id: int, message_id: int) -> Delivery | None:
    """The delivery in that message, or None."""
    row = await database.row("SELECT * FROM deliveries WHERE chat_id = ? AND message_id = ?", (chat_id, message_id))
    return Delivery(**dict(row)) if row else None


async def get_delivery_of_update(database: Database, update_id: int) -> Delivery | None:
    """The delivery that answered an update, or None. After a restart it shows whether a photo was answered."""
    row = await database.row("SELECT * FROM deliveries WHERE update_id = ? LIMIT 1", (update_id,))
    return Delivery(**dict(row)) if row else None
