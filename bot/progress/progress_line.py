"""The line about what learning has gained, for /stats, the weekly digest and the admins' weekly message."""

from bot.engine.router import Router
from bot.i18n.translator import Translator
from bot.progress.gain import estimate_gain
from storage.database import Database
from storage.learning.base_comparison import compare_with_base


class ProgressLine:
    """Makes the line in a language."""

    def __init__(self, database: Database, router: Router, translator: Translator) -> None:
        self._database, self._router, self._translator = database, router, translator

    @property
    def has_learnt(self) -> bool:
        """Whether a model is in service that was trained."""
        return self._router.champion.model.base_id is not None

    async def text(self, language: str) -> str:
        """How much more the present model is liked than the base; or why that can't be told."""
        present = self._router.champion.model
        if present.base_id is None:
            return self._translator.format(language, "progress-first")
        comparison = await compare_with_base(self._database, present.base_id, present.id)
        gain = estimate_gain(comparison)
        if gain is None:
            unknown = self._router.base is None and not comparison.base
            key = "progress-unknown" if unknown else "progress-few"
            return self._translator.format(language, key, photos=len(comparison.base))
        key = "progress-more" if gain.low > 0 else "progress-less" if gain.high < 0 else "progress-even"
        numbers = {"now": gain.present, "before": gain.base, "low": gain.low, "high": gain.high}
        points = {name: round(100 * value) for name, value in numbers.items()}
        return self._translator.format(language, key, points=abs(round(100 * gain.difference)), **points)
