"""The lines about rounds of Oogiri: how often the bot's entries win against users' entries."""

import time

from bot.i18n.translator import Translator
from storage.chat.round_wins import MIN_ROUNDS, WinRate, WinRates, read_win_rates
from storage.database import Database

WEEK_S = 7 * 86400.0
MAX_MODELS = 4
"""Model versions that are named, the newest ones."""


class RoundLine:
    """Makes the lines in a language."""

    def __init__(self, database: Database, translator: Translator) -> None:
        self._database, self._translator = database, translator

    async def text(self, language: str) -> str:
        """The win rate in all chats with its interval, and by model version; "" before the first round."""
        rates = await read_win_rates(self._database)
        if not rates.rounds:
            return ""
        lines = [self._line(language, rates, "stats-rounds")]
        if len(rates.models) > 1:
            named = [
                self._translator.format(language, "stats-rounds-model", model=model.name, **numbers(model.rate))
                if model.rate
                else self._translator.format(language, "stats-rounds-model-few", model=model.name, rounds=model.rounds)
                for model in rates.models[:MAX_MODELS]
            ]
            lines.append(self._translator.format(language, "stats-rounds-models", models=" · ".join(named)))
        return "\n".join(lines)

    async def weekly(self, chat_id: int, language: str, now: float | None = None) -> str:
        """A chat's rounds of the week before `now` (seconds since 1970); "" without one."""
        since = (time.time() if now is None else now) - WEEK_S
        rates = await read_win_rates(self._database, chat_id=chat_id, since=since)
        return self._line(language, rates, "weekly-rounds") if rates.rounds else ""

    def _line(self, language: str, rates: WinRates, key: str) -> str:
        if rates.overall is None:
            return self._translator.format(language, f"{key}-few", rounds=rates.rounds, needed=MIN_ROUNDS)
        return self._translator.format(language, key, rounds=rates.rounds, **numbers(rates.overall))


def numbers(rate: WinRate) -> dict[str, int]:
    """Share and interval as whole percentages."""
    return {name: round(100 * getattr(rate, name)) for name in ("share", "low", "high")}
