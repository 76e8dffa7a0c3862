"""The picture of /stats: from no data to a year of days, in light and dark, in every language."""

import io
import math
from datetime import date, timedelta

import numpy as np
import pytest
from PIL import Image

from bot.charts.canvas import COLOURS, LIGHT
from bot.charts.fonts import families
from bot.charts.forest_plot import span
from bot.charts.stats_card import StatsCard, draw, weekly
from bot.charts.stats_data import StatsChartData
from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from storage.chat.daily_history import DayStats, ModelLikes
from storage.chat.stats import UsageStats

WORDS = Translator()
LANGUAGES = [language for language in WORDS.languages if language == "en" or len(families()) > 1]
MODELS = [ModelLikes(number, f"run-{number}", "retired", 60 + number, 100) for number in range(9, 2, -1)]


def made(number, *, language="en", dark=False, busy=True, models=()):
    """The picture of `number` days."""
    days = [
        DayStats(date(2026, 11, 24) - timedelta(number - 1 - place), *((3, 2, 1, 9, 9, 1.0, 3.0) if busy else ()))
        for place in range(number)
    ]
    totals = UsageStats(number, number, number, number // 2) if busy else UsageStats(0, 0, 0, 0)
    content = StatsChartData(Localizer(WORDS, language)).content(days, totals, list(models), 7, dark=dark)
    return np.asarray(Image.open(io.BytesIO(draw(StatsCard.from_json(content)))).convert("RGB"))


def inked(picture, colour):
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
    return int((np.abs(picture.astype(int) - wanted).max(axis=2) < 8).sum())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("number", [7, 365])
def test_few_days_and_a_year_fit_the_same_page_in_every_language(number, language, recwarn):
    picture = made(number, language=language, models=MODELS)
    assert picture.shape[1] == 1080 and picture.shape[0] <= 2160
    for colour in (LIGHT.accent, LIGHT.after, LIGHT.before, LIGHT.cool, LIGHT.deep):
        assert inked(picture, colour) > 300, colour
    assert not [str(one.message) for one in recwarn if "missing" in str(one.message)]


def test_with_nothing_it_says_so_and_draws_no_bars():
    picture = made(7, busy=False)
    assert inked(picture, LIGHT.cool) == inked(picture, LIGHT.deep) == 0
    assert picture.shape[0] < made(7).shape[0]


def test_dark_is_dark_and_light_is_light():
    dark, light = made(7, dark=True), made(7)
    assert dark.shape == light.shape
    assert inked(dark, COLOURS.page) > 100_000 > inked(light, COLOURS.page)
    assert inked(light, LIGHT.card) > 100_000 > inked(dark, LIGHT.card)


def test_one_day_alone_is_a_dot_in_the_latency():
    days = [DayStats(date(2026, 11, 18) + timedelta(number)) for number in range(6)] + [
        DayStats(date(2026, 11, 24), jokes=1, p50_s=1.0, p95_s=1.0)
    ]
    content = StatsChartData(Localizer(WORDS, "en")).content(days, UsageStats(0, 1, 0, 0), [], 0, dark=False)
    picture = np.asarray(Image.open(io.BytesIO(draw(StatsCard.from_json(content)))).convert("RGB"))
    assert inked(picture, LIGHT.deep) > 300


def test_intervals_are_shown_whole():
    content = StatsChartData(Localizer(WORDS, "en")).content(
        [DayStats(date(2026, 11, 24))],
        UsageStats(0, 0, 0, 0),
        [ModelLikes(1, "base", "champion", 1, 1), *MODELS],
        1,
        dark=False,
    )
    card = StatsCard.from_json(content)
    low, high = span(card.versions)
    assert low <= min(one.low for one in card.versions) and high >= max(one.high for one in card.versions)
    assert card.versions[0].label == "★ base (1)" and card.versions[0].serves and not card.versions[1].serves


def test_the_mean_of_a_week_passes_over_days_without_a_number():
    assert weekly(np.array([7.0, 1.0, 1.0])).tolist() == [7.0, 4.0, 3.0]
    assert weekly(np.ones(20)).tolist() == [1.0] * 20
    found = weekly(np.array([math.nan, 2.0, math.nan, 4.0]))
    assert math.isnan(found[0]) and found[1:].tolist() == [2.0, 2.0, 3.0]
