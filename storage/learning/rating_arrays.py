"""The data that the selection reads: ratings as arrays, and the jokes and photos of selected rows."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.chat.consent import TRAINABLE
from storage.database import Database
from storage.media.photos import Photo

Ints = NDArray[np.int64]
NO_AUTHOR = 0
"""Stands for a model among authors. Users' ids are positive, those of chats negative."""


@dataclass(frozen=True)
class RatingArrays:
    """n ratings of J jokes by R users: `joke` and `rater` (n, indices), `value` (n, 1…3).

    `joke_ids`, `photo_ids` (J, ascending joke ids) and `user_ids` (R) map indices to ids. `at` (n) is the time of a
    rating's last change, `since` (R) the time of a user's first rating among these, both in seconds since 1970; None if
    unknown. `author_ids` (J) are the users who wrote a joke, NO_AUTHOR for a model's joke; None if all are models'.
    """

    joke: Ints
    rater: Ints
    value: Ints
    joke_ids: Ints
    photo_ids: Ints
    user_ids: Ints
    at: Ints | None = None
    since: Ints | None = None
    author_ids: Ints | None = None


@dataclass(frozen=True)
class DatasetSource:
    """A joke with its photo and its model's name, from which a dataset row is built.

    Id and name of the model are None for a user's punchline. `not_shown` are the other candidates of the joke, which no
    user has rated.
    """

    joke_id: int
    model_id: int | None
    model: str | None
    language: str
    style: str
    caption: str | None
    prompt: str
    text: str
    photo: Photo
    not_shown: tuple[str, ...] = ()
    seen: str | None = None


@dataclass(frozen=True)
class RatedText:
    """The text of a rated joke."""

    text: str
    language: str
    style: str


async def read_ratings_since(database: Database, since: float) -> RatingArrays:
    """All ratings given or changed since that time (seconds since 1970)."""
    columns = await database.integers(
        "SELECT joke_id, ratings.person_id, value, photo_id, CAST(updated_at AS INTEGER), CAST(ratings.created_at "
        f"AS INTEGER), iif(model_id IS NULL, jokes.person_id, {NO_AUTHOR}) "
        "FROM ratings JOIN jokes ON jokes.id = joke_id "
        f"WHERE updated_at >= ? AND {TRAINABLE}",
        (since,),
        columns=7,
    )
    joke_ids, first, joke = np.unique(columns[:, 0], return_index=True, return_inverse=True)
    people, rater = np.unique(columns[:, 1], return_inverse=True)
    began = np.full(len(people), np.iinfo(np.int64).max)
    np.minimum.at(began, rater, columns[:, 5])
    photo, author = columns[first, 3], columns[first, 6]
    return RatingArrays(joke, rater, columns[:, 2], joke_ids, photo, people, columns[:, 4], began, author)


async def read_ratings_of_photos(database: Database, photo_ids: Iterable[int]) -> Ints:
    """All ratings of the jokes of these photos, whatever their age: rows of (joke, user, value, photo)."""
    return await database.integers(
        "SELECT joke_id, ratings.person_id, value, photo_id FROM jokes JOIN ratings ON joke_id = jokes.id "
        f"WHERE photo_id IN (SELECT value FROM json_each(?)) AND {TRAINABLE} ORDER BY joke_id, ratings.person_id",
        (json.dumps(list(photo_ids)),),
        columns=4,
    )


async def get_texts(database: Database, joke_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Language and text by joke id."""
    rows = await database.rows(
        "SELECT id, language, text FROM jokes WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(joke_ids)),),
    )
    return {row["id"]: (row["language"], row["text"]) for row in rows}


async def list_rated_texts(database: Database, joke_ids: Iterable[int]) -> list[RatedText]:
    """The existing jokes of models among these."""
    rows = await database.rows(
        "SELECT text, language, style FROM jokes WHERE model_id IS NOT NULL AND id IN (SELECT value FROM json_each(?)) "
        "ORDER BY id",
        (json.dumps(list(joke_ids)),),
    )
    return [RatedText(**row) for row in rows]


async def list_base_texts(database: Database, joke_ids: Iterable[int], limit: int) -> list[str]:
    """What base models wrote for these jokes, shown or not, so that no judge has chosen; at most the newest `limit`."""
    rows = await database.rows(
        "WITH written AS (SELECT jokes.id, text FROM jokes JOIN models ON models.id = model_id WHERE base_id IS NULL "
        "AND jokes.id IN (SELECT value FROM json_each(?))) SELECT text FROM (SELECT id, text FROM written UNION ALL "
        "SELECT joke_id, joke_candidates.text FROM joke_candidates JOIN written ON written.id = joke_id) "
        "ORDER BY id DESC LIMIT ?",
        (json.dumps(list(joke_ids)), limit),
    )
    return [row["text"] for row in rows]


async def get_sources(database: Database, joke_ids: Iterable[int]) -> dict[int, DatasetSource]:
    """The existing jokes among these, each with its photo, by joke id."""
    rows = await database.rows(
        "SELECT jokes.id AS joke_id, model_id, models.name AS model, language, style, caption, prompt, text, seen, "
        "(SELECT json_group_array(text) FROM joke_candidates WHERE joke_id = jokes.id) AS not_shown, "
        "photos.id, sha256, phash, width, height, bytes, media_type, photos.created_at FROM jokes JOIN photos ON "
        "photos.id = photo_id "
        "LEFT JOIN models ON models.id = model_id WHERE jokes.id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(joke_ids)),),
    )
    sources_by_joke = {}
    for row in rows:
        values = dict(row)
        photo = Photo(**{name: values.pop(name) for name in Photo.__dataclass_fields__})
        values["not_shown"] = tuple(json.loads(values["not_shown"]))
        sources_by_joke[row["joke_id"]] = DatasetSource(**values, photo=photo)
    return sources_by_joke
