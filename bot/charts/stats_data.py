"""What the picture of /stats shows, in a reader's language: the JSON that `bot/charts/stats_card.py` draws in its
own process.
"""

from datetime import date
from typing import Any

from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from storage.chat import daily_history, stats
from storage.chat.daily_history import DayStats, ModelLikes
from storage.chat.stats import UsageStats
from storage.database import Database
from storage.learning.models import champion

MODELS = 7
NAMED = (
    "ratings",
    "funny",
    "somewhat",
    "unfunny",
    "liking",
    "method",
    "photos",
    "latency",
    "median",
    "slowest",
    "seconds",
    "nothing",
    "weekly",
)


async def content(database: Database, words: Translator, language: str, *, dark: bool) -> dict[str, Any]:
    """The picture's content as JSON. Reads all ratings, through a connection of its own."""
    async with database.separate_reader() as beside:
        days, totals = await daily_history.days(beside), await stats.overall(beside)
        versions, serving = await daily_history.liked_by_model(beside, MODELS), await champion(beside)
    return StatsChartData(Localizer(words, language)).card(
        days, totals, versions, serving.id if serving else 0, dark=dark
    )


class StatsChartData:
    """Puts figures into words."""

    def __init__(self, localize: Localizer) -> None:
        self._localize = localize

    def card(
        self, days: list[DayStats], totals: UsageStats, versions: list[ModelLikes], serving: int, *, dark: bool
    ) -> dict[str, Any]:
        """The whole picture."""
        period = self._localize(
            "stats-period",
            first=self._day(days[0].day, year=True),
            last=self._day(days[-1].day, year=True),
            days=len(days),
        )
        liking = f"{100 * totals.liking:.0f}%" if totals.ratings else "–"
        tiles = [
            (self._localize("stats-number", number=number), self._localize(f"stats-tile-{name}", number=number))
            for name, number in (("photos", totals.photos), ("jokes", totals.jokes), ("ratings", totals.ratings))
        ]
        return {
            "title": self._localize("stats-title"),
            "subtitle": period,
            "words": {name: self._localize(f"stats-{name}") for name in NAMED},
            "dark": dark,
            "tiles": [*tiles, (liking, self._localize("stats-tile-liked"))],
            "days": [self._day(one.day) for one in days],
            **{name: [getattr(one, name) for one in days] for name in ("funny", "somewhat", "unfunny", "photos")},
            "seconds": [None if one.p50_s is None else (one.p50_s, one.p95_s) for one in days],
            "versions": [self._version(one, serving) for one in versions],
        }

    def _version(self, one: ModelLikes, serving: int) -> dict[str, Any]:
        low, high = daily_history.wilson(one.liked, one.ratings)
        star = "★ " if one.model_id == serving else ""
        return {
            "label": f"{star}{one.model_id} {one.name}",
            "share": one.liked / one.ratings,
            "low": low,
            "high": high,
            "note": self._localize("measure-ratings", ratings=one.ratings),
            "serves": one.model_id == serving,
        }

    def _day(self, day: date, *, year: bool = False) -> str:
        return self._localize("stats-date" if year else "stats-day", year=str(day.year), month=day.month, day=day.day)
