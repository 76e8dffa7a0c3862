"""Exports a dataset from the ratings: split, select, verify, write, record."""

import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from configs.blocklist import BlockList
from configs.errors import JokebotError
from configs.settings import SelectionSettings
from storage.database import Database
from storage.judge.scorer import Judge
from storage.learning import dataset_files, datasets, rating_arrays
from storage.learning.dataset_files import DatasetContents
from storage.maintenance.erasure import finish_erasure
from storage.media.photo_credits import get_credits
from storage.media.photos import photo_path
from trainer.dataset.evidence import read_good_texts, read_scores
from trainer.dataset.holdout import select_holdout
from trainer.dataset.imported import ImportedDataset, sample_imported_rows
from trainer.dataset.manifest import AnonymousRaters, ScoredJoke, build_contents, selection_facts, sorted_counts
from trainer.dataset.rows import picture_name
from trainer.dataset.token_budget import TokenBudget
from trainer.dataset.verify import RowVerifier, find_repeats
from trainer.selection.composition import SelectedJokes, select_jokes
from trainer.selection.empirical_bayes import Indices
from trainer.selection.holdout_split import HoldoutSplit, update_split
from trainer.selection.row_weights import judged_advantage, weigh_rows
from trainer.selection.scoring import JokeScores

MAX_ATTEMPTS = 3
MAX_REFERENCE = 2000
"""Newest rated jokes with which the judge compares the selected ones."""


class NothingToLearnError(JokebotError):
    """The ratings don't suffice for a dataset; the message has the cause."""


@dataclass(frozen=True)
class ExportResult:
    """A finished dataset: its directory, its manifest, and whether the same content existed before."""

    directory: Path
    manifest: dict[str, Any]
    known: bool


@dataclass(frozen=True)
class DatasetDraft:
    """The contents of a dataset before it is written: jokes by part, in order, and reasons why others are excluded."""

    scores: JokeScores
    chosen: SelectedJokes
    train: list[ScoredJoke]
    held_out: list[ScoredJoke]
    imported: ImportedDataset
    problems: Counter[str]


@dataclass(frozen=True)
class DatasetExporter:
    """Makes datasets from a database: `photos` is the photo store, `folder` the folder of all datasets.

    `minimum` is the minimum number of new jokes of a dataset. With `replay_all`, all earlier jokes that fit are
    replayed, which a run needs if it starts from a model that wasn't trained on them. Jokes on the list `blocked` are
    excluded. `judge` adds to the rows' weights.
    """

    database: Database
    photos: Path
    folder: Path
    settings: SelectionSettings
    budget: TokenBudget
    minimum: int = 1
    replay_all: bool = False
    blocked: BlockList = BlockList()
    judge: Judge | None = None

    async def export(self) -> ExportResult:
        """Export jokes that the champion was not trained on, a replay sample, and the held-out photos.

        Raises NothingToLearnError if there are too few new jokes, DatasetError if the dataset can't be written.
        """
        async with dataset_files.lock(self.folder):
            await finish_erasure(self.database, self.photos, self.folder)
            try:
                return await self._export()
            finally:
                # A user may have been forgotten while this process held the lock.
                await finish_erasure(self.database, self.photos, self.folder)

    async def _export(self) -> ExportResult:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            verified = RowVerifier(self.photos, self.budget, self.blocked)
            picked = await self._pick(verified)
            try:
                return await self._write(picked, verified)
            except datasets.DatasetOutdated:
                # Data of a forgotten user must not be written: select again from the remaining data.
                if attempt == MAX_ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    async def _pick(self, verified: RowVerifier) -> DatasetDraft:
        settings = self.settings
        split = await update_split(
            self.database,
            share=settings.holdout_share,
            near_bits=settings.near_duplicate_bits,
            enough=settings.holdout_enough,
        )
        scores = await read_scores(self.database, settings)
        learnt = await datasets.list_learnt_jokes(self.database)
        texts = await read_good_texts(self.database, scores)
        chosen, train, problems = await self._choose(scores, split, learnt, texts, verified)
        if len(chosen.new) < self.minimum:
            raise (
                too_few_new_error(len(chosen.new), self.minimum)
                if chosen.new
                else nothing_new_error(scores, chosen, problems)
            )
        known = await datasets.all_datasets(self.database)
        imported = sample_imported_rows(
            known,
            self.folder,
            split,
            settings.near_duplicate_bits,
            min(round(settings.imported_per_new * len(chosen.new)), max(settings.max_rows - len(train), 0)),
            self.blocked,
        )
        kept_apart = await select_holdout(self.database, scores, split, settings.holdout_photos)
        verified.add(kept_apart)
        return DatasetDraft(scores, chosen, train, kept_apart, imported, problems)

    async def _choose(
        self,
        scores: JokeScores,
        split: HoldoutSplit,
        learnt: Collection[int],
        texts: Mapping[int, str],
        verified: RowVerifier,
    ) -> tuple[SelectedJokes, list[ScoredJoke], Counter[str]]:
        """Select jokes until all their rows pass the checks; a row that fails is replaced by the next best."""
        problems: Counter[str] = Counter()
        excluded: set[int] = set()
        while True:
            chosen = select_jokes(
                scores, split, learnt, self.settings, excluded, texts=texts, replay_all=self.replay_all
            )
            jokes = await self._judged(scores, chosen)
            failed = {**find_repeats(jokes, split), **verified.add(jokes)}
            gone = set(scores.evidence.joke_ids[[*chosen.new, *chosen.replayed]].tolist()) - {
                item.source.joke_id for item in jokes
            }
            if not failed and not gone:
                return chosen, jokes, problems
            excluded |= set(failed) | gone
            problems.update(failed.values())

    async def _judged(self, scores: JokeScores, chosen: SelectedJokes) -> list[ScoredJoke]:
        """The selected jokes that still exist, in order, with the data for their manifest entries."""
        rated, indices = scores.evidence, np.array([*chosen.new, *chosen.replayed], np.int64)
        joke_ids = rated.joke_ids[indices]
        sources = await rating_arrays.get_sources(self.database, joke_ids.tolist())
        verdicts, ballots = scores.verdicts(joke_ids), scores.ballots(joke_ids)
        people = rated.user_ids.tolist()
        jokes = []
        for position, (index, joke) in enumerate(zip(indices.tolist(), joke_ids.tolist(), strict=True)):
            if joke in sources:
                jokes.append(
                    ScoredJoke(
                        sources[joke],
                        "train",
                        "new" if position < len(chosen.new) else "replayed",
                        [(person, *verdict) for person, verdict in verdicts[joke].items()],
                        float(scores.posterior[index]),
                        float(scores.mean[index]),
                        [people[rater] for rater in scores.pivotal_raters.get(index, ())],
                        votes=[(person, *vote) for person, vote in ballots[joke].items()],
                    )
                )
        return await self._weighed(jokes, rated.joke_ids)

    async def _weighed(self, jokes: list[ScoredJoke], rated: Indices) -> list[ScoredJoke]:
        """The jokes with their weights; `rated` are the ids of all rated jokes."""
        newest = rated[-MAX_REFERENCE:].tolist()
        known = await rating_arrays.list_rated_texts(self.database, newest)
        sources = [joke.source for joke in jokes]
        weights = weigh_rows(
            np.array([joke.posterior for joke in jokes], float),
            judged_advantage(self.judge, sources, known),
            [source.text for source in sources],
            await rating_arrays.list_base_texts(self.database, newest, MAX_REFERENCE),
        )
        return [replace(joke, weight=weight) for joke, weight in zip(jokes, weights.tolist(), strict=True)]

    async def _write(self, picked: DatasetDraft, verified: RowVerifier) -> ExportResult:
        raters = AnonymousRaters()
        contents = self._contents(picked, verified, raters, await self._licences(picked))
        written = {row["id"] for row in contents.rows()}
        jokes = [item for item in (*picked.train, *picked.held_out) if item.row_id in written]
        pictures = {
            picture_name(item.source.photo.sha256): photo_path(self.photos, item.source.photo) for item in jokes
        }
        prepared = dataset_files.prepare_dataset(self.folder, contents, pictures | picked.imported.pictures)
        known = (self.folder / prepared.name).is_dir()
        try:
            await datasets.register_dataset(
                self.database,
                prepared.name,
                "ratings",
                [item.record() for item in jokes],
                raters.users(),
                [(item.source.joke_id, person) for item in jokes for person, _, _ in item.ratings],
                [(item.source.joke_id, person) for item in jokes for person, _, _ in item.votes],
            )
            return ExportResult(prepared.publish(), {"name": prepared.name, **contents.manifest}, known)
        except BaseException:
            prepared.discard()
            raise

    async def _licences(self, picked: DatasetDraft) -> dict[str, dict[str, str]]:
        """Title, author, licence and source of the photos that are from a pack of pictures, by SHA-256."""
        photos = {item.source.photo.id: item.source.photo for item in (*picked.train, *picked.held_out)}
        found = await get_credits(self.database, list(photos))
        return {photos[number].sha256: asdict(credit) for number, credit in sorted(found.items())}

    def _contents(
        self,
        picked: DatasetDraft,
        verified: RowVerifier,
        raters: AnonymousRaters,
        licences: dict[str, dict[str, str]],
    ) -> DatasetContents:
        scores, chosen = picked.scores, picked.chosen
        held_out_rows = verified.entries(picked.held_out, raters)
        return build_contents(
            "ratings",
            [*verified.entries(picked.train, raters), *picked.imported.rows],
            held_out_rows,
            **selection_facts(
                self.settings,
                scores.pool,
                len(scores.evidence.user_ids),
                len(scores.evidence.value),
                chosen.person_share_lifted,
            ),
            origins={"new": len(chosen.new), "replayed": len(chosen.replayed), "imported": len(picked.imported.rows)},
            not_chosen=sorted_counts(scores.rejected, chosen.excluded),
            not_written=sorted_counts(picked.problems),
            not_written_held_out=sorted_counts(
                Counter(
                    verified.failed[item.source.joke_id]
                    for item in picked.held_out
                    if item.source.joke_id in verified.failed
                )
            ),
            created_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            counted_with=str(self.budget.directory or ""),
            **({"licences": licences} if licences else {}),
        )


def nothing_new_error(scores: JokeScores, chosen: SelectedJokes, problems: Counter[str]) -> NothingToLearnError:
    """The error for ratings without new jokes."""
    if not len(scores.evidence.joke_ids):
        return NothingToLearnError(
            "Nothing to learn from yet: nobody has rated a joke. Rate some in the chat and try again.",
            code="nothing-rated",
        )
    reasons = sorted_counts(scores.rejected, chosen.excluded, problems)
    details = "; ".join(f"{count} {reason}" for reason, count in reasons.items())
    return NothingToLearnError(
        f"Nothing new to learn: of {len(scores.evidence.joke_ids)} rated jokes none can be used that was not learnt "
        "before"
        f"{f' ({details})' if details else ''}. More ratings, of more photos and by more people, will help.",
        code="nothing-new",
        jokes=len(scores.evidence.joke_ids),
    )


def too_few_new_error(new: int, minimum: int) -> NothingToLearnError:
    """The error for too few new pairs."""
    return NothingToLearnError(
        f"Too little new: {new} good {'pair' if new == 1 else 'pairs'} that {'was' if new == 1 else 'were'} not "
        "learnt before, and a run "
        f"wants {minimum} (setting retrain.min_pairs). More ratings, of more photos and by more people, will help.",
        code="too-little",
        new=new,
        wanted=minimum,
    )
