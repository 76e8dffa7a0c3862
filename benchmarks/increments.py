# environment: train
"""`make bench-increments`: compares runs that start from the base with runs from the last model, over five increments.

An increment has pictures of new subjects, all with one sentence that the demo model knows, under the neutral English
prompt. `base` trains a new adapter on the original base with all pairs so far; `last` continues from the last merged
model with the new pairs and as many old ones (`selection.replay_per_new = 1`). XTuner and the merge are the real ones.
Measured after each increment on unseen pictures, in nats per token (less is better):

    newest   sentences of this increment
    older    sentences of earlier increments (forgetting)
    drift    untrained texts (the base's Chinese jokes and its explanations), minus the base's own value

The last output line is one JSON object: `base` and `last` with these values, `rows` and `train_s` per increment; and
`older_base`, `older_last`, `drift_base`, `drift_last` after the last increment.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import RESULTS, machine
from configs.learning import GateSettings
from configs.prompts import load_prompts
from configs.settings import ROOT
from configs.subjects import load_subjects
from trainer.demo_model.augmentation import PicturePainter, to_picture
from trainer.demo_model.evaluate import SEED, painters
from trainer.demo_model.joke_templates import EXPLAIN, NEUTRAL, JokeShape, jokes, load_shapes
from trainer.demo_model.picture_pack import load_pack
from trainer.gate.model_loading import load_model
from trainer.gate.model_scorer import ModelScorer

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
PACK = ROOT / "build" / "demo-model" / "pictures.zip"
INCREMENTS, HELD_OUT = 5, 12
TRAINING = {
    "LEARNING_RATE": "2e-3",
    "LORA_RANK": "16",
    "LORA_ALPHA": "32",
    "LORA_DROPOUT": "0",
    "BATCH_SIZE": "4",
    "ACCUMULATION": "1",
    "WORKERS": "0",
}


@dataclass(frozen=True)
class Pair:
    """A picture's file, a prompt and its answer."""

    picture: Path
    prompt: str
    answer: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=16, help="new pairs an increment (default: 16)")
    parser.add_argument("--epochs", type=int, default=6, help="times that each row is seen (default: 6)")
    parser.add_argument("--work", type=Path, help="keep everything in this new directory")
    parser.add_argument("--keep", action="store_true", help="keep the result in benchmarks/results/increments.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        work = (arguments.work or Path(temporary) / "increments").absolute()
        (work / "pictures").mkdir(parents=True)
        painter, _ = painters(load_pack(PACK), CHECKPOINT, torch.device("cpu"))
        new = [
            taught(painter, work / "pictures", number, arguments.pairs, SEED + number) for number in range(INCREMENTS)
        ]
        held_out = [
            taught(painter, work / "pictures", number, HELD_OUT, SEED + 50 + number) for number in range(INCREMENTS)
        ]
        others = never_taught(painter, work / "pictures")
        start = mean_nats(CHECKPOINT, others)
        ways = {
            way: follow(way, new, held_out, others, start, work / way, arguments.epochs) for way in ("base", "last")
        }
    ends = {f"{name}_{way}": results[-1][name] for way, results in ways.items() for name in ("older", "drift")}
    result = {**ends, **ways, "pairs": arguments.pairs, "epochs": arguments.epochs}
    if arguments.keep:
        versions = {name: version(name) for name in ("torch", "transformers", "xtuner")}
        report = {
            **result,
            "training": TRAINING,
            "versions": versions,
            "machine": machine(),
            "date": time.strftime("%Y-%m-%d"),
        }
        (RESULTS / "increments.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result))


def painted(painter: PicturePainter, folder: Path, subjects: Sequence[int], seed: int) -> list[Path]:
    painter.random.manual_seed(seed)
    scene, files = painter.paint(len(subjects), 448, torch.tensor(subjects)), []
    for number, pixels in enumerate(scene.pictures):
        files.append(folder / f"{seed}-{number}.jpg")
        to_picture(pixels).save(files[-1], quality=90)
    return files


def taught(painter: PicturePainter, folder: Path, increment: int, count: int, seed: int) -> list[Pair]:
    """The pairs of an increment: every fifth subject, and one sentence for training and test."""
    english, subjects = jokes(load_shapes(), "en"), load_subjects()
    shape = english[increment * len(english) // INCREMENTS]
    own = [number for number in range(len(subjects)) if number % INCREMENTS == increment]
    chosen = random.Random(seed).sample(own, count)
    prompt = load_prompts().ask("en", NEUTRAL)
    return [
        Pair(file, prompt, shape.fill(subjects[number]))
        for file, number in zip(painted(painter, folder, chosen, seed), chosen, strict=True)
    ]


def never_taught(painter: PicturePainter, folder: Path) -> list[Pair]:
    """Pairs that the base model knows and no increment trains: Chinese jokes and English explanations."""
    draw, subjects, prompts = random.Random(SEED), load_subjects(), load_prompts()
    wanted = [("zh", style) for style in prompts.languages["zh"].styles] + [("en", EXPLAIN)]
    chosen = draw.sample(range(len(subjects)), HELD_OUT * len(wanted) // 2)
    pairs = []
    for index, (file, number) in enumerate(zip(painted(painter, folder, chosen, SEED + 99), chosen, strict=True)):
        language, style = wanted[index % len(wanted)]
        known: list[JokeShape] = jokes(load_shapes(), language, style)
        pairs.append(Pair(file, prompts.ask(language, style), draw.choice(known).fill(subjects[number])))
    return pairs


def follow(
    way: str,
    new: list[list[Pair]],
    held_out: list[list[Pair]],
    others: list[Pair],
    start: float,
    work: Path,
    epochs: int,
) -> list[dict]:
    """Run all increments one way; returns the results of each."""
    model, results = CHECKPOINT, []
    for number in range(len(new)):
        older = [pair for part in new[:number] for pair in part]
        repeated = older if way == "base" else random.Random(number).sample(older, min(len(older), len(new[number])))
        rows, started = [*new[number], *repeated], time.monotonic()
        model = made(work / f"increment-{number}", rows, CHECKPOINT if way == "base" else model, epochs)
        seconds = round(time.monotonic() - started, 1)
        before = [pair for part in held_out[:number] for pair in part]
        results.append(
            {
                "newest": mean_nats(model, held_out[number]),
                "older": mean_nats(model, before) if before else None,
                "drift": round(mean_nats(model, others) - start, 4),
                "rows": len(rows),
                "train_s": seconds,
            }
        )
        print(way, number, results[-1], file=sys.stderr)
    return results


def made(work: Path, pairs: list[Pair], base: Path, epochs: int) -> Path:
    """Train on the pairs and merge; returns the new model's directory."""
    dataset = work / "dataset"
    (dataset / "images").mkdir(parents=True)
    rows = []
    for number, pair in enumerate(pairs):
        os.link(pair.picture, dataset / "images" / pair.picture.name)
        rows.append(
            {
                "id": f"pair-{number}",
                "image": f"images/{pair.picture.name}",
                "image_wh": [448, 448],
                "conversations": [
                    {"from": "human", "value": f"<image>\n{pair.prompt}"},
                    {"from": "gpt", "value": pair.answer},
                ],
            }
        )
    (dataset / "train.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    environment = {
        **os.environ,
        **{f"JOKEBOT_TRAINING_{name}": value for name, value in TRAINING.items()},
        "JOKEBOT_TRAINING_EPOCHS": str(epochs),
        "OMP_NUM_THREADS": "1",
        "JOKEBOT_STORAGE_DIRECTORY": str(work.parent.parent / "data"),
    }
    for command in (
        ["train", str(dataset), "--base", str(base), "--out", str(work / "run")],
        ["merge", str(work / "run"), "--base", str(base), "--out", str(work / "model")],
    ):
        subprocess.run(
            [sys.executable, "-m", "bot", *command],
            check=True,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=(work / "log").open("a"),
        )
    return work / "model"


def mean_nats(directory: Path, pairs: list[Pair]) -> float:
    """Mean negative log-likelihood of the answers, in nats per token."""
    asker = ModelScorer(load_model(directory, torch.device("cpu")), GateSettings(), lambda count: None)
    nats = asker.score([(pair.picture, pair.prompt, pair.answer) for pair in pairs])
    return round(sum(nats) / len(nats), 4)


if __name__ == "__main__":
    main()
