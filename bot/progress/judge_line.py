"""The line of /stats about the judge: how well it knows what users like, and what its choices gain."""

import time

from bot.i18n.translator import Translator
from storage.database import Database
from storage.judge.registry import get_serving_judge
from storage.judge.served_liking import DAYS, compare_chosen_with_random

DAY_S = 86400.0


class JudgeLine:
    """Makes the line in a language."""

    def __init__(self, database: Database, translator: Translator) -> None:
        self._database, self._translator = database, translator

    async def text(self, language: str) -> str:
        """The judge's accuracy, and the liking of jokes that it chose against random ones; "" before the first fit."""
        record = await get_serving_judge(self._database)
        if record is None:
            return ""
        measures = record.measured
        if not record.usable:
            return self._translator.format(language, "judge-learning", ratings=measures["ratings"])
        if measures["pair_accuracy_bound"] <= 0.5:
            return self._translator.format(language, "judge-unproven", ratings=measures["ratings"])
        accuracy = self._translator.format(
            language,
            "judge-accuracy",
            right=round(100 * measures["pair_accuracy"]),
            low=round(100 * measures["pair_accuracy_bound"]),
        )
        return f"{accuracy} {await self._gain(language)}"

    async def _gain(self, language: str) -> str:
        liking = await compare_chosen_with_random(self._database, time.time() - DAYS * DAY_S)
        if liking is None:
            return self._translator.format(language, "judge-gain-few")
        return self._translator.format(
            language,
            "judge-gain",
            chosen=round(100 * liking.chosen),
            random=round(100 * liking.random),
            low=round(100 * (liking.gain - liking.half_width)),
            high=round(100 * (liking.gain + liking.half_width)),
        )
