"""Statistics by day in this machine's time zone, for the charts of /stats.

These queries read all rows of the period; on a large database, use `Database.separate_reader`.
"""

import math
import time
from dataclasses import dataclass, replace
from datetime import date, timedelta

from storage.chat.metrics import BY_JOKE
from storage.database import Database

DAY = "date({}, 'unixepoch', 'localtime')"
MIN_DAYS = 7
"""Minimum number of days in the result."""


@dataclass(frozen=True)
class DayStats:
    """A day's ratings by current value (3, 2, 1), photos, jokes, and generation time of a joke.

    `p50_s` and `p95_s` are the median and 95th percentile (nearest rank) in seconds, None on a day without jokes.
    """

    day: date
    funny: int = 0
    somewhat: int = 0
    unfunny: int = 0
    photos: int = 0
    jokes: int = 0
    p50_s: float | None = None
    p95_s: float | None = None

    @property
    def ratings(self) -> int:
        return self.funny + self.somewhat + self.unfunny


@dataclass(frozen=True)
class ModelLikes:
    """The current ratings of a model's jokes; `liked` of them are 😂 or 🙂."""

    model_id: int
    name: str
    status: str
    liked: int
    ratings: int


async def list_days(database: Database, max_days: int = 365) -> list[DayStats]:
    """All days from the first with activity to today; at least MIN_DAYS and at most `max_days` of them."""
    today = date.fromtimestamp(time.time())
    by_day: dict[date, DayStats] = {}
    for sql in (RATINGS, PHOTOS, LATENCY):
        for row in await database.rows(sql, (time.time() - (max_days + 1) * 86400,)):
            values = dict(row)
            day = date.fromisoformat(values.pop("day"))
            by_day[day] = replace(by_day.get(day, DayStats(day)), **values)
    first = min((day for day in by_day if today - timedelta(max_days - 1) <= day <= today), default=today)
    first = min(first, today - timedelta(MIN_DAYS - 1))
    return [
        by_day.get(day, DayStats(day))
        for day in (first + timedelta(number) for number in range((today - first).days + 1))
    ]


RATINGS = (
    f"SELECT {DAY.format('created_at')} AS day, sum(value = 3) AS funny, sum(value = 2) AS somewhat, sum(value = 1) "
    "AS unfunny "
    "FROM ratings WHERE created_at >= ? GROUP BY day"
)
PHOTOS = f"SELECT {DAY.format('sent_at')} AS day, count(*) AS photos FROM photo_senders WHERE sent_at >= ? GROUP BY day"
LATENCY = f"""SELECT day, max(many) AS jokes, min(CASE WHEN place >= 0.5 * many THEN latency_s END) AS p50_s,
    min(CASE WHEN place >= 0.95 * many THEN latency_s END) AS p95_s FROM
    (SELECT day, latency_s, row_number() OVER (PARTITION BY day
    ORDER BY latency_s) AS place, count(*) OVER (PARTITION BY day) AS many
     FROM (SELECT {DAY.format("created_at")} AS day, latency_s FROM jokes
      WHERE model_id IS NOT NULL AND created_at >= ?)) GROUP BY day"""


async def list_model_likes(database: Database, limit: int) -> list[ModelLikes]:
    """The newest rated models, newest first, including the champion and the canary if they are rated."""
    rows = await database.rows(
        f"SELECT models.id AS model_id, models.name, models.status, sum(by_joke.funny + by_joke.somewhat) AS liked, "
        f"sum(by_joke.funny + by_joke.somewhat + by_joke.unfunny) AS ratings FROM ({BY_JOKE}) AS by_joke "
        "CROSS JOIN jokes ON jokes.id = by_joke.joke_id JOIN models ON models.id = jokes.model_id GROUP BY models.id "
        "ORDER BY models.status IN ('champion', 'canary') DESC, models.id DESC LIMIT ?",
        (limit,),
    )
    return sorted((ModelLikes(**dict(row)) for row in rows), key=lambda model: -model.model_id)


def wilson_interval(liked: int, ratings: int, z: float = 1.959964) -> tuple[float, float]:
    """The score interval of a share (E. B. Wilson, 1927), 95 % by default; valid for few ratings and near 0 and 1.

    It assumes independent ratings; those of one joke or one user are slightly correlated. (0, 1) without ratings.
    """
    if not ratings:
        return 0.0, 1.0
    share, spread = liked / ratings, z * z / ratings
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / ratings + spread / (4 * ratings))
    return max(0.0, middle - half), min(1.0, middle + half)
