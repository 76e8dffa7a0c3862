"""Runs and models: the nightly run with the product's selection and registry; the table model learns in its place."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.community.variety_gate import VarietyGate
from benchmarks.community.world import Photo, TableModel
from configs.blocklist import BlockList
from configs.learning import SelectionSettings
from storage.database import Database
from storage.learning import datasets, models, promotion, runs
from storage.learning.retrain_preview import RetrainPreview
from storage.learning.runs import Run
from trainer.dataset.export import DatasetExporter, NothingToLearnError
from trainer.dataset.manifest import ScoredJoke
from trainer.dataset.preview import preview_retraining
from trainer.dataset.token_budget import TokenBudget
from trainer.judge.versions import load_serving_judge

NO_BLOCKS = BlockList()
JUDGES = "judges"
"""The folder of judges, beside the database."""
NO_BUDGET = TokenBudget(str.split, frozenset())


class UncheckedRows:
    """In place of the verifier of rows, which reads pictures and counts tokens: every row passes."""

    def add(self, jokes: Iterable[ScoredJoke]) -> dict[int, str]:
        """No joke fails."""
        return {}


class Registry:
    """The product's registry, and the table model of each registered model by id.

    `is_due`: whether the schedule starts a run with this training data. `gate`: None for no gate.
    """

    def __init__(
        self,
        database: Database,
        selection: SelectionSettings,
        min_pairs: int,
        is_due: Callable[[RetrainPreview], bool],
        *,
        row_weights: bool,
        gate: VarietyGate | None,
    ) -> None:
        self.database, self._selection, self._min_pairs, self._is_due = database, selection, min_pairs, is_due
        self._row_weights, self._gate = row_weights, gate
        self.tables: dict[int, TableModel] = {}
        self.rows: dict[int, int] = {}
        """Training rows by model id."""

    async def train(self, photos: dict[int, Photo]) -> Run | None:
        """What the schedule does at night: a run, if there is enough new to learn. Returns it in state canary.

        `photos` are the photos by id. None if there is no run, or the gate rejects its candidate.
        """
        if await runs.current_run(self.database):
            return None
        preview = await preview_retraining(self.database, self._selection, NO_BLOCKS)
        if not self._is_due(preview):
            return None
        champion = runs.require(await models.get_champion(self.database))
        start = await models.get_model(self.database, champion.base_id or champion.id)
        run = await runs.create_run(self.database, "schedule")
        run = await runs.advance(self.database, run, "exporting", model_name=f"run-{run.id}")
        rows = await self._export(run)
        if rows is None:
            return None
        name = dataset_name(rows)
        run = await runs.advance(
            self.database, run, "training", dataset=name, champion_id=champion.id, start_id=start.id
        )
        await datasets.mark_dataset(self.database, name, "trained")
        weights = row_weights(rows) if self._row_weights else [1.0] * len(rows)
        examples = [(row.source.text, photos[row.source.photo.id]) for row in rows]
        table = self.tables[start.id].train(examples, weights)
        run = await runs.advance(self.database, run, "merging")
        new = models.NewModel(
            f"run-{run.id}", champion.id, start.id, start.id, name, run.id, f"run-{run.id}", name, "{}"
        )
        run = await promotion.record_merge(self.database, run, new)
        self.tables[runs.require(run.candidate_id)] = table
        self.rows[runs.require(run.candidate_id)] = len(rows)
        verdict = self._gate.verdict(table, run.id) if self._gate else {"answer": "promote", "reasons": []}
        run = await promotion.record_verdict(self.database, run, champion.id, verdict)
        return run if run.state == "canary" else None

    async def _export(self, run: Run) -> list[ScoredJoke] | None:
        """The training rows of a new dataset, recorded; None if the run ends because there are too few."""
        exporter = DatasetExporter(
            self.database,
            Path(),
            Path(),
            self._selection,
            NO_BUDGET,
            self._min_pairs,
            replay_all=True,
            judge=await load_serving_judge(self.database, self.database.path.parent / JUDGES),
        )
        try:
            draft = await exporter._pick(UncheckedRows())
        except NothingToLearnError as error:
            await runs.advance(self.database, run, "undecided", reason=error)
            return None
        name = dataset_name(draft.train)
        if await runs.get_concluded_run(self.database, name):
            await runs.advance(self.database, run, "undecided", reason="Nothing has changed.")
            return None
        await datasets.register_dataset(self.database, name, "ratings", [row.record() for row in draft.train])
        return draft.train


def row_weights(rows: Sequence[ScoredJoke]) -> list[float]:
    """The weights of rows in the training loss, with mean 1, as `trainer/xtuner/rows.py` reads them."""
    weights = np.array([runs.require(row.weight) for row in rows])
    return (weights / weights.mean()).tolist()


def dataset_name(rows: Iterable[ScoredJoke]) -> str:
    """A name that follows from the rows."""
    return hashlib.sha256(json.dumps(sorted(row.row_id for row in rows)).encode()).hexdigest()
