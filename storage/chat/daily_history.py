"""How things went day by day, in this machine's time zone: what /stats draws.

These queries read all that happened in the time: on a large database, ask through `Database.separate_reader`.
"""

import math
import time
from dataclasses import dataclass, replace
from datetime import date, timedelta

from storage.chat.metrics import BY_JOKE
from storage.database import Database

DAY = "date({}, 'unixepoch', 'localtime')"
MIN_DAYS = 7
"""Days that are shown at least, so that a first day looks like one."""


@dataclass(frozen=True)
class DayStats:
    """A day's ratings given (by their value now: 3, 2, 1), photos sent, jokes told, and the engine's seconds for a
    joke: median and 95th percentile (nearest rank), None where no joke was told."""

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
    """A model version's ratings as they stand; `liked` of them are 😂 or 🙂."""

    model_id: int
    name: str
    status: str
    liked: int
    ratings: int


async def list_days(database: Database, max_days: int = 365) -> list[DayStats]:
    """Every day up to today, from the first on which anything happened, `max_days` and SHORTEST days at most and at
    least.
    """
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
     FROM (SELECT {DAY.format("created_at")} AS day, latency_s FROM jokes WHERE created_at >= ?)) GROUP BY day"""


async def list_model_likes(database: Database, limit: int) -> list[ModelLikes]:
    """The newest rated model versions, newest first; the one in service and the one on trial are among them where
    they are rated.
    """
    rows = await database.rows(
        f"SELECT models.id AS model_id, models.name, models.status, sum(by_joke.funny + by_joke.somewhat) AS liked, "
        f"sum(by_joke.funny + by_joke.somewhat + by_joke.unfunny) AS ratings FROM ({BY_JOKE}) AS by_joke "
        "CROSS JOIN jokes ON jokes.id = by_joke.joke_id JOIN models ON models.id = jokes.model_id GROUP BY models.id "
        "ORDER BY models.status IN ('champion', 'canary') DESC, models.id DESC LIMIT ?",
        (limit,),
    )
    return sorted((ModelLikes(**dict(row)) for row in rows), key=lambda model: -model.model_id)


def wilson_interval(liked: int, ratings: int, z: float = 1.959964) -> tuple[float, float]:
    """The score interval of a share (E. B. Wilson 1927), 95 % by default: right for few ratings and near 0 and 1 too.

    It takes ratings as independent, which those of one joke or one user are not quite. (0, 1) where there are none.
    """
    if not ratings:
        return 0.0, 1.0
    share, spread = liked / ratings, z * z / ratings
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / ratings + spread / (4 * ratings))
    return max(0.0, middle - half), min(1.0, middle + half)
