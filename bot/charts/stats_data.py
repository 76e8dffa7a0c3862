"""Makes the content of the picture of /stats in a user's language, as JSON for `bot/charts/stats_card.py`."""

from datetime import date
from typing import Any

from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from storage.chat import daily_history, stats
from storage.chat.daily_history import DayStats, ModelLikes
from storage.chat.stats import UsageStats
from storage.database import Database
from storage.learning.models import get_champion

MAX_MODELS = 7
LABELS = (
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


async def stats_content(database: Database, translator: Translator, language: str, *, dark: bool) -> dict[str, Any]:
    """The picture's content as JSON. Reads all ratings, through a separate connection."""
    async with database.separate_reader() as reader:
        days, totals = await daily_history.list_days(reader), await stats.get_overall_stats(reader)
        versions, serving = await daily_history.list_model_likes(reader, MAX_MODELS), await get_champion(reader)
    return StatsChartData(Localizer(translator, language)).content(
        days, totals, versions, serving.id if serving else 0, dark=dark
    )


class StatsChartData:
    """Formats the statistics in the language of `localize`."""

    def __init__(self, localize: Localizer) -> None:
        self._localize = localize

    def content(
        self, days: list[DayStats], totals: UsageStats, versions: list[ModelLikes], serving: int, *, dark: bool
    ) -> dict[str, Any]:
        """The content of the whole picture."""
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
            "words": {name: self._localize(f"stats-{name}") for name in LABELS},
            "dark": dark,
            "tiles": [*tiles, (liking, self._localize("stats-tile-liked"))],
            "days": [self._day(day.day) for day in days],
            **{name: [getattr(day, name) for day in days] for name in ("funny", "somewhat", "unfunny", "photos")},
            "seconds": [None if day.p50_s is None else (day.p50_s, day.p95_s) for day in days],
            "versions": [self._version(likes, serving) for likes in versions],
        }

    def _version(self, likes: ModelLikes, serving: int) -> dict[str, Any]:
        low, high = daily_history.wilson_interval(likes.liked, likes.ratings)
        star = "★ " if likes.model_id == serving else ""
        return {
            "label": f"{star}{likes.name} ({likes.model_id})",
            "share": likes.liked / likes.ratings,
            "low": low,
            "high": high,
            "note": self._localize("measure-ratings", ratings=likes.ratings),
            "serves": likes.model_id == serving,
        }

    def _day(self, day: date, *, year: bool = False) -> str:
        return self._localize("stats-date" if year else "stats-day", year=str(day.year), month=day.month, day=day.day)
