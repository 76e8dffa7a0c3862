# environment: train
"""`make bench-learning`: effect of a fine-tune of the demo model on 200 jokes of one style.

The pairs are pictures with a deadpan joke under the neutral prompt, half English, half Chinese, in the export's format;
`jokebot train` (XTuner, LoRA) and `jokebot merge` make the new model. Before and after, the neutral prompt is used on
the same 200 unseen pictures, at temperature 1 with a fixed seed. A joke's style is that of its template in shapes.toml.
The last output line is one JSON object:

    style_before, style_after        share of replies in the trained style
    subject_before, subject_after    share of replies that name only the picture's main subject
    train_s                          seconds of `jokebot train`, including its start
    merge_s                          seconds of `jokebot merge`
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from configs.prompts import load_prompts
from configs.settings import ROOT
from configs.subjects import load_subjects
from trainer.demo_model.augmentation import PicturePainter, to_picture
from trainer.demo_model.build import load
from trainer.demo_model.evaluate import SEED, collect_replies, encoder_of, painters, share_of, style_of
from trainer.demo_model.joke_templates import NEUTRAL, jokes, load_shapes
from trainer.demo_model.picture_pack import PictureEntry, load_pack

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
PACK = ROOT / "build" / "demo-model" / "pictures.zip"
STYLE = "deadpan"
PAIRS = TEST_PICTURES = 200
TRAINING = {
    "LEARNING_RATE": "1e-3",
    "LORA_RANK": "16",
    "LORA_ALPHA": "32",
    "LORA_DROPOUT": "0",
    "EPOCHS": "4",
    "BATCH_SIZE": "8",
    "ACCUMULATION": "1",
    "WORKERS": "0",
}
"""Settings of the run; the bot's defaults are for a model 300 times as large."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=CHECKPOINT, help="the checkpoint to begin with")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep dataset, run and merged model in this new directory"
    )
    arguments = parser.parse_args()
    if not PACK.is_file():
        subprocess.run([sys.executable, "-m", "bot", "demo-model", "pack"], check=True, cwd=ROOT)
    torch.set_num_threads(1)
    drawings = load_pack(PACK)
    with tempfile.TemporaryDirectory() as temporary:
        work = (arguments.keep or Path(temporary) / "learning").absolute()
        painter, _ = painters(drawings, arguments.model, torch.device("cpu"))
        painter.random.manual_seed(SEED + 100)
        dataset = write_dataset(work / "dataset", painter)
        environment = run_environment(work / "data")
        train_s = timed(
            ["train", str(dataset), "--base", str(arguments.model.resolve()), "--out", str(work / "run")], environment
        )
        merge_s = timed(
            ["merge", str(work / "run"), "--base", str(arguments.model.resolve()), "--out", str(work / "merged")],
            environment,
        )
        before, after = (
            measure(arguments.model, arguments.model, drawings),
            measure(work / "merged", arguments.model, drawings),
        )
    print(
        json.dumps(
            {
                "style_before": before[0],
                "style_after": after[0],
                "subject_before": before[1],
                "subject_after": after[1],
                "train_s": train_s,
                "merge_s": merge_s,
            }
        )
    )


def write_dataset(directory: Path, painter: PicturePainter) -> Path:
    """Write PAIRS rows in XTuner's format with the neutral prompts, and their pictures as JPEG."""
    draw, shapes, subjects, prompts = random.Random(SEED), load_shapes(), load_subjects(), load_prompts()
    (directory / "images").mkdir(parents=True)
    rows = []
    for number in range(PAIRS):
        language = list(prompts.languages)[number % len(prompts.languages)]
        scene = painter.paint(1, 448)
        image = f"images/{number:03d}.jpg"
        to_picture(scene.pictures[0]).save(directory / image, quality=90)
        answer = draw.choice(jokes(shapes, language, STYLE)).fill(subjects[int(scene.subjects[0])])
        rows.append(
            {
                "id": f"pair-{number}",
                "image": image,
                "image_wh": [448, 448],
                "conversations": [
                    {"from": "human", "value": f"<image>\n{prompts.ask(language, NEUTRAL)}"},
                    {"from": "gpt", "value": answer},
                ],
            }
        )
    (directory / "train.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return directory


def run_environment(data: Path) -> dict[str, str]:
    """The environment of `jokebot train` and `jokebot merge`, with TRAINING as settings."""
    return {
        # On a shared machine, spinning threads slow down the threads that they wait for.
        "OMP_WAIT_POLICY": "passive",
        **os.environ,
        **{f"JOKEBOT_TRAINING_{name}": value for name, value in TRAINING.items()},
        "JOKEBOT_STORAGE_DIRECTORY": str(data),
    }


def timed(command: list[str], environment: dict[str, str]) -> float:
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "bot", *command], check=True, cwd=ROOT, env=environment, stdout=sys.stderr)
    return round(time.monotonic() - start, 1)


def measure(directory: Path, sets_of: Path, drawings: list[PictureEntry]) -> tuple[float, float]:
    """Shares of the trained style and of named subjects, on TEST_PICTURES pictures of `sets_of`'s training sets."""
    painter, _ = painters(drawings, sets_of, torch.device("cpu"))
    model, encoder = load(directory).eval(), encoder_of(directory)
    languages = list(load_prompts().languages)
    replies = [
        reply
        for language in languages
        for reply in collect_replies(
            model, encoder, painter, TEST_PICTURES // len(languages), language, NEUTRAL, 1.0, SEED
        )
    ]
    return share_of(style_of(reply) == STYLE for reply in replies), share_of(reply.names_subject() for reply in replies)


if __name__ == "__main__":
    main()
