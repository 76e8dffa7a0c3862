"""Numbers, times and ratings as text."""

import time

from bot.i18n.translator import Translator
from storage.chat.ratings import RatingCounts

EMOJI = {3: "😂", 2: "🙂", 1: "😐"}
"""The emoji of each rating value."""
BAR_CELLS = 12
FULL, EMPTY = "▰", "▱"
MINUTE_S, HOUR_S = 60, 3600


def bar(share: float) -> str:
    """A share (0 to 1) as a bar of BAR_CELLS cells."""
    full = round(BAR_CELLS * share)
    return FULL * full + EMPTY * (BAR_CELLS - full)


def duration(translator: Translator, language: str, seconds: float) -> str:
    """A time span: minutes below 90 minutes, hours and minutes below two days, then days and hours."""
    minutes = max(1, round(seconds / MINUTE_S))
    if minutes < 90:
        return translator.format(language, "duration-minutes", minutes=minutes)
    if minutes >= 48 * 60:
        return translator.format(language, "duration-days", days=minutes // 1440, hours=minutes % 1440 // 60)
    return translator.format(language, "duration-hours", hours=minutes // 60, minutes=minutes % 60)


def elapsed(translator: Translator, language: str, seconds: float) -> str:
    """A time so far, so coarse that a message that shows it is seldom edited; "" below ten seconds."""
    if seconds >= 120:
        return duration(translator, language, seconds)
    tens = 10 * int(seconds // 10)
    return translator.format(language, "duration-seconds", seconds=tens) if tens else ""


def day_and_time(at: float) -> str:
    """A time (seconds since 1970) in this machine's time zone, as YYYY-MM-DD HH:MM in every language."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def size(count: int) -> str:
    """A number of bytes in MB or GB."""
    return (
        f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB" if count < 1e11 else f"{count / 1e9:.0f} GB"
    )


def format_rating_counts(counts: RatingCounts) -> str:
    """ "😂 2 · 😐 1": the count of each rating; "" for an unrated joke."""
    pairs = zip(EMOJI.values(), (counts.funny, counts.somewhat, counts.unfunny), strict=True)
    return " · ".join(f"{emoji} {count}" for emoji, count in pairs if count)
