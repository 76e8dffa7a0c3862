# environment: train
"""`make bench-learning_graded`: how much of what is possible does the demo model learn from about 500 graded ratings?

For each seed the demo model writes a joke about each of 420 pictures, users with a graded taste (`graded_taste.py`)
give about 500 ratings, the product's selection makes rows with weights, `jokebot train` (XTuner, LoRA) and
`jokebot merge` make a new model, and the product's judge is fitted on the same ratings. Then both models write four
jokes about each of 200 fresh pictures. A joke's liking is its probability without what no judge can know (user,
photo, joke, noise). Means over pictures:

    before      the demo model's jokes
    ceiling     the best of four jokes of the demo model, by the true liking
    imitation   the new model's jokes
    judge       the demo model's joke that the product's choice picks among four (random share and variety included)
    both        the new model's joke that the choice picks

The last output line is one JSON object: `share_of_ceiling` = (both − before) ÷ (ceiling − before), `share_imitation`
and `share_judge`, each the mean over seeds; `variety_of_base`: the new model's effective number of joke kinds over the
demo model's; `seeds`: each seed's own values with rows, ratings and the judge's pair accuracy. The settings of the
training are those of a small model; seeds from 100 on are for development. Run it again whenever the demo model
changes.
"""

import argparse
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.graded_jokes import LANGUAGES, Shown, variety, write_jokes  # noqa: E402
from benchmarks.graded_taste import GradedTaste, Rating  # noqa: E402
from benchmarks.learning import CHECKPOINT, PACK, TRAINING, run_environment, timed  # noqa: E402
from benchmarks.machine import RESULTS, machine  # noqa: E402
from bot.jokes.candidate_choice import choose  # noqa: E402
from configs.prompts import load_prompts  # noqa: E402
from configs.serving import JokeSettings  # noqa: E402
from configs.settings import SelectionSettings  # noqa: E402
from storage.judge.artifact import JudgeError  # noqa: E402
from storage.judge.observations import JokeColumns, Observations  # noqa: E402
from storage.judge.scorer import Candidate, Judge, JudgeContext  # noqa: E402
from storage.learning.rating_arrays import RatingArrays  # noqa: E402
from storage.learning.splits import SIDES  # noqa: E402
from trainer.demo_model.build import load  # noqa: E402
from trainer.demo_model.joke_templates import NEUTRAL  # noqa: E402
from trainer.demo_model.picture_pack import PictureEntry, load_pack  # noqa: E402
from trainer.judge.fit import fit_judge  # noqa: E402
from trainer.selection.composition import select_jokes  # noqa: E402
from trainer.selection.empirical_bayes import row_weight  # noqa: E402
from trainer.selection.holdout_split import HoldoutSplit  # noqa: E402
from trainer.selection.scoring import score_jokes  # noqa: E402

CANDIDATES = 4
RATERS = 1.5
"""Mean number of raters a joke, of whom the lukewarm are half as likely to press: about 500 ratings of 420 jokes."""


@dataclass(frozen=True)
class SeedResult:
    """The values of the module's docstring for one seed."""

    seed: int
    before: float
    ceiling: float
    imitation: float
    judge: float
    both: float
    variety_of_base: float
    ratings: int
    rows: int
    pair_accuracy: float | None
    judge_usable: bool
    train_s: float

    def share(self, value: float) -> float:
        return (value - self.before) / (self.ceiling - self.before)


class Bench:
    """One seed's pictures, taste and folders."""

    def __init__(self, seed: int, drawings: list[PictureEntry], work: Path, photos: int, fresh: int) -> None:
        self.seed, self.drawings, self.work, self.photos, self.fresh = seed, drawings, work, photos, fresh
        self.taste = GradedTaste(seed)

    def run(self, train: bool) -> SeedResult:
        base = on_device(CHECKPOINT)
        learnt = write_jokes(base, self.drawings, 10 * self.seed, self.photos, 1, self.work / "pictures")
        ratings = self.taste.rate([(shown.texts[0], shown.subject) for shown in learnt], RATERS)
        rows = self.select(learnt, ratings)
        judge = self.fit(learnt, ratings)
        before = write_jokes(base, self.drawings, 10 * self.seed + 1, self.fresh, CANDIDATES)
        train_s, after = 0.0, before
        if train:
            train_s = self.train(learnt, rows)
            merged = on_device(self.work / "merged")
            after = write_jokes(merged, self.drawings, 10 * self.seed + 1, self.fresh, CANDIDATES)
        usable = judge is not None and judge.usable
        accuracy = judge.measures.get("pair_accuracy") if judge else None
        return SeedResult(
            self.seed,
            self.mean(before),
            fmean(max(self.taste.liking(text, shown.subject) for text in shown.texts) for shown in before),
            self.mean(after),
            self.served(before, judge),
            self.served(after, judge),
            variety(after) / variety(before),
            len(ratings),
            len(rows),
            accuracy,
            usable,
            train_s,
        )

    def select(self, learnt: Sequence[Shown], ratings: Sequence[Rating]) -> list[tuple[int, float]]:
        """The product's selection: index and weight of each joke to train on."""
        jokes = sorted({rating.joke for rating in ratings})
        place = {joke: index for index, joke in enumerate(jokes)}
        users = sorted({rating.user for rating in ratings})
        evidence = RatingArrays(
            np.array([place[rating.joke] for rating in ratings]),
            np.array([users.index(rating.user) for rating in ratings]),
            np.array([rating.value for rating in ratings]),
            np.array(jokes),
            np.array(jokes),
            np.array(users),
        )
        ids = np.array(jokes)
        split = HoldoutSplit(ids, ids, ids, np.full(len(ids), SIDES.index("train")))
        settings = SelectionSettings()
        scores = score_jokes(evidence, settings)
        texts = {joke: learnt[joke].texts[0] for joke in jokes}
        chosen = select_jokes(scores, split, (), settings, texts=texts)
        return [(jokes[index], row_weight(float(scores.posterior[index]))) for index in chosen.new]

    def fit(self, learnt: Sequence[Shown], ratings: Sequence[Rating]) -> Judge | None:
        """The product's judge, fitted on the ratings; None if they don't suffice."""
        texts = [shown.texts[0] for shown in learnt]
        columns = JokeColumns.of(texts, list(range(len(texts))), style=NEUTRAL)
        columns = replace(columns, languages=tuple(shown.language for shown in learnt))
        try:
            return fit_judge(
                Observations.of_ratings(
                    columns,
                    [rating.joke for rating in ratings],
                    [rating.user for rating in ratings],
                    [(rating.value - 1) / 2 for rating in ratings],
                )
            )
        except JudgeError:
            return None

    def train(self, learnt: Sequence[Shown], rows: Sequence[tuple[int, float]]) -> float:
        """Write the dataset, train and merge; returns the seconds of the training."""
        dataset, prompts = self.work / "dataset", load_prompts()
        (dataset / "images").mkdir(parents=True)
        data = []
        for joke, weight in rows:
            image = f"images/{joke:04d}.jpg"
            (self.work / "pictures" / f"{joke:04d}.jpg").rename(dataset / image)
            shown = learnt[joke]
            question = {"from": "human", "value": f"<image>\n{prompts.ask(shown.language, NEUTRAL)}"}
            answer = {"from": "gpt", "value": shown.texts[0]}
            row = {"id": f"joke-{joke}", "image": image, "image_wh": [448, 448], "weight": weight}
            data.append({**row, "conversations": [question, answer]})
        (dataset / "train.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        environment = run_environment(self.work / "data")
        base, run = str(CHECKPOINT.resolve()), str(self.work / "run")
        train_s = timed(["train", str(dataset), "--base", base, "--out", run], environment)
        timed(["merge", run, "--base", base, "--out", str(self.work / "merged")], environment)
        return train_s

    def mean(self, jokes: Sequence[Shown]) -> float:
        return fmean(self.taste.liking(text, shown.subject) for shown in jokes for text in shown.texts)

    def served(self, jokes: Sequence[Shown], judge: Judge | None) -> float:
        """Mean liking of the jokes that the product's choice shows, one chat a language; without a judge the first."""
        draw, share = random.Random(self.seed), JokeSettings().random_share
        liking, recent = [], {language: list[str]() for language in LANGUAGES}
        for shown in jokes:
            text = shown.texts[0]
            if judge is not None and judge.usable:
                context = JudgeContext(0, 0, shown.language, NEUTRAL)
                scores = judge.score([Candidate(text) for text in shown.texts], context)
                text = shown.texts[choose(scores.tolist(), shown.texts, recent[shown.language], draw, share).index]
            recent[shown.language] = [text, *recent[shown.language][:19]]
            liking.append(self.taste.liking(text, shown.subject))
        return fmean(liking)


def on_device(checkpoint: Path) -> Any:
    """The checkpoint on the GPU, or else on the CPU."""
    return load(checkpoint).eval().to("cuda" if torch.cuda.is_available() else "cpu")


def run_seed(seed: int, options: argparse.Namespace, threads: int) -> SeedResult:
    """One seed's values. Its training uses that many threads."""
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(seed, load_pack(options.pack), Path(work), options.photos, options.fresh)
        result = bench.run(not options.no_training)
    print(json.dumps(asdict(result)), file=sys.stderr, flush=True)
    return result


def run_seeds(options: argparse.Namespace) -> list[SeedResult]:
    """All seeds, `--at-once` of them side by side."""
    cores = len(os.sched_getaffinity(0))
    at_once = options.at_once or min(cores, options.seeds)
    with ProcessPoolExecutor(at_once, multiprocessing.get_context("spawn")) as pool:
        seeds = range(options.first, options.first + options.seeds)
        return list(pool.map(partial(run_seed, options=options, threads=max(1, cores // at_once)), seeds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--at-once", type=int, default=0, help="seeds side by side (default: as many as cores)")
    parser.add_argument("--photos", type=int, default=420)
    parser.add_argument("--fresh", type=int, default=240, help="fresh pictures")
    parser.add_argument("--no-training", action="store_true", help="only the judge, in a minute a seed")
    parser.add_argument("--pack", type=Path, default=PACK)
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/learning_graded.json")
    arguments = parser.parse_args()
    if arguments.pack == PACK and not PACK.is_file():
        subprocess.run([sys.executable, "-m", "bot", "demo-model", "pack"], check=True, cwd=ROOT)
    start, results = time.monotonic(), run_seeds(arguments)
    shares = {
        name: round(fmean(result.share(getattr(result, part)) for result in results), 3)
        for name, part in (("share_of_ceiling", "both"), ("share_imitation", "imitation"), ("share_judge", "judge"))
    }
    result = {
        **shares,
        "variety_of_base": round(fmean(result.variety_of_base for result in results), 3),
        "seeds": [
            {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(result).items()}
            for result in results
        ],
        "photos": arguments.photos,
        "fresh": arguments.fresh,
        "training": TRAINING,
        "seconds": round(time.monotonic() - start),
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
    }
    if arguments.keep:
        (RESULTS / "learning_graded.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
