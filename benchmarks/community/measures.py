"""The measures of one simulation."""

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.community.clock import START
from benchmarks.community.liking import LikingTable
from benchmarks.community.panel import PanelResult, measure_panel
from benchmarks.community.world import DAY_S, TableModel
from storage.learning import models, promotion, runs

if TYPE_CHECKING:
    from benchmarks.community.simulation import Simulation


@dataclass(frozen=True)
class PromotionRow:
    """A promotion or rollback: its day, and the new model's own liking minus the old one's, in points, judge off."""

    day: float
    kind: str
    gain: float


class Measures:
    """Collects the measures; `end_day` is called after each day."""

    def __init__(self, simulation: "Simulation", table: LikingTable, checkpoints: Collection[int]) -> None:
        self._simulation, self._table, self._checkpoints = simulation, table, checkpoints
        self._likings = {0: self._liking()}
        self._first = measure_panel(simulation)

    def _liking(self) -> float:
        """The exact liking of what is shown now: enumerated without a judge, else over the panel."""
        simulation = self._simulation
        if simulation.serving.candidates > 1:
            return measure_panel(simulation).liking
        router, tables = simulation.router, simulation.registry.tables
        share = router.share if router.canary else 0.0
        models = [(tables[router.champion.model.id], 1 - share)]
        if router.canary:
            models.append((tables[router.canary.model.id], share))
        return self._table.liking(models)

    def end_day(self, days: int) -> None:
        """Measure, if this is a checkpoint."""
        if days in self._checkpoints:
            self._likings[days] = self._liking()

    async def result(self) -> dict[str, Any]:
        """The row of this seed."""
        simulation = self._simulation
        changes = await self._changes()
        promoted = [change for change in changes if change.kind == "canary"]
        back = [change for change in changes if change.kind == "watch"]
        last = measure_panel(simulation)
        gains = {f"gain_{day}": points(liking - self._likings[0]) for day, liking in self._likings.items() if day}
        return {
            "seed": simulation.world.seed,
            "liking_0": points(self._likings[0]),
            **gains,
            "ratings": simulation.ratings,
            "promotions": [asdict(change) for change in changes],
            "candidates": await self._candidates(),
            "promoted_by_56": any(change.day <= 56 for change in promoted),
            "worst_promotion": min((change.gain for change in promoted), default=None),
            "false_rollbacks": sum(change.gain <= 0 for change in back),
            "runs": Counter(run.state for run in await runs.list_runs(simulation.database, 10_000) if run.finished),
            **self._variety(last),
        }

    def _variety(self, last: PanelResult) -> dict[str, float]:
        return {
            "entropy_of_base": round(last.entropy / self._first.entropy, 4),
            "commonest_text": round(last.commonest_text, 4),
            "length_of_base": round(last.length / self._first.length, 4),
        }

    async def _candidates(self) -> list[dict[str, float]]:
        """Each candidate's day, training rows, and own liking minus the base's, in points."""
        tables, rows = self._simulation.registry.tables, self._simulation.registry.rows
        base = self._table.liking([(TableModel.base(), 1.0)])
        return [
            {
                "day": round((model.created_at - START) / DAY_S, 1),
                "rows": rows[model.id],
                "gain": points(self._table.liking([(tables[model.id], 1.0)]) - base),
            }
            for model in await models.all_models(self._simulation.database)
            if model.id in rows
        ]

    async def _changes(self) -> list[PromotionRow]:
        """All promotions and rollbacks, oldest first. A false rollback gains nothing by going back."""
        own = {model: self._table.liking([(table, 1.0)]) for model, table in self._simulation.registry.tables.items()}
        return [
            PromotionRow(
                round((change.at - START) / DAY_S, 2),
                change.kind,
                points(own[change.model_id] - own[runs.require(change.replaced_id)]),
            )
            for change in reversed(await promotion.list_promotions(self._simulation.database, 10_000))
        ]


def points(share: float) -> float:
    """A share in points (hundredths)."""
    return round(100 * share, 2)
