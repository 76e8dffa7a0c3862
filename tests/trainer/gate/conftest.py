"""A dataset of the demo model's pictures, and models that were damaged on purpose."""

import hashlib
import io
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file

from configs.learning import GateSettings
from configs.prompts import load_prompts
from configs.settings import ROOT
from configs.subjects import load_subjects
from trainer.demo_model.joke_templates import NEUTRAL, jokes, load_shapes
from trainer.demo_model.samples import SERIES
from trainer.gate.model_loading import load_model
from trainer.gate.model_scorer import ModelScorer

torch.set_num_threads(1)

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
SUBJECTS = SERIES[0]
LIKED = ("deadpan", "absurd")
"""The styles that the dataset's users like."""


def write_dataset(directory: Path, photos: int = 12, training: int = 60, disliked: bool = True, seed: int = 1) -> Path:
    """Held-out photos, the demo's samples varied, each with a liked joke in both languages and a disliked one; as many
    training rows as said, about other variants. The form is the exporter's.
    """
    draw = random.Random(seed)
    (directory / "images").mkdir(parents=True)
    rows = {"train": [], "holdout": []}
    entries = []
    for number in range(training + photos):
        part = "train" if number < training else "holdout"
        name, image = SUBJECTS[number % len(SUBJECTS)], picture(directory, number)
        told = [(language, 3) for language in ("en", "zh")] + ([("en", 1)] if disliked else [])
        for place, (language, value) in enumerate(
            told[:1] if part == "train" and number % 2 else told[1:2] if part == "train" else told
        ):
            styles = LIKED if value > 1 else ("pun", "naodong")
            row_id = f"joke-{number}-{place}"
            rows[part].append(
                {
                    "id": row_id,
                    "image": image,
                    "image_wh": [448, 448],
                    "length": 1,
                    "conversations": [
                        {"from": "human", "value": f"<image>\n{load_prompts().ask(language, NEUTRAL)}"},
                        {"from": "gpt", "value": joke(name, language, draw.choice(styles), draw)},
                    ],
                }
            )
            entries.append(
                {
                    "id": row_id,
                    "part": part,
                    "language": language,
                    "ratings": [{"rater": 0, "value": value, "weight": 1.0}],
                }
            )
    for part, written in rows.items():
        (directory / f"{part}.json").write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
    (directory / "manifest.json").write_text(
        json.dumps({"format": 1, "name": directory.name, "rows": entries}), encoding="utf-8"
    )
    return directory


def picture(directory: Path, number: int) -> str:
    """A sample, moved, mirrored and coloured by its number."""
    with Image.open(ROOT / "configs" / "demo-model" / "samples" / f"{SUBJECTS[number % len(SUBJECTS)]}.jpg") as sample:
        variant = number // len(SUBJECTS)
        moved = sample.convert("RGB").transform(
            (448, 448),
            Image.Transform.AFFINE,
            (1, 0, 7 * (variant % 5) - 14, 0, 1, 9 * (variant % 3) - 9),
            fillcolor=(240, 240, 240),
        )
    file = io.BytesIO()
    (ImageOps.mirror(moved) if variant % 2 else moved).save(file, "JPEG", quality=90 - variant % 7)
    name = f"images/{hashlib.sha256(file.getvalue()).hexdigest()}.jpg"
    (directory / name).write_bytes(file.getvalue())
    return name


def joke(name: str, language: str, style: str, draw: random.Random) -> str:
    subject = next(subject for subject in load_subjects() if subject.en == name)
    return draw.choice(jokes(load_shapes(), language, style)).fill(subject)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("datasets") / "dataset")


@pytest.fixture
def settings() -> GateSettings:
    return GateSettings(replies_per_language=24, max_tokens=60)


@pytest.fixture
def altered(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the demo checkpoint whose weights `change` was applied to (a dict of tensors, in place)."""

    def make(change: Callable[[dict[str, torch.Tensor]], None], name: str = "candidate") -> Path:
        directory = tmp_path / name
        shutil.copytree(CHECKPOINT, directory)
        weights = load_file(directory / "model.safetensors")
        change(weights)
        save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
        return directory

    return make


def teach(directory: Path, lessons: list[tuple[Path, str, str]], rounds: int, rate: float = 2e-3) -> Path:
    """The demo model after so many rounds over (photo, prompt, text), all at once, in a new directory."""
    asker = ModelScorer(load_model(CHECKPOINT, torch.device("cpu")), GateSettings(), lambda _: None)
    language, tokenizer = asker.model.language_model, asker.loaded.tokenizer
    questions = [asker.prompt(photo, prompt) for photo, prompt, _ in lessons]
    answers = [tokenizer.encode(text + asker.end, add_special_tokens=False) for _, _, text in lessons]
    features = torch.cat([asker.encode_photo(photo).clone() for photo, _, _ in lessons])
    longest = max(len(question) + len(answer) for question, answer in zip(questions, answers, strict=True))
    ids = torch.full((len(lessons), longest), tokenizer.eos_token_id)
    labels = torch.full((len(lessons), longest), -100)
    for row, (question, answer) in enumerate(zip(questions, answers, strict=True)):
        ids[row, : len(question) + len(answer)] = torch.tensor(question + answer)
        labels[row, len(question) : len(question) + len(answer)] = torch.tensor(answer)
    optimizer = torch.optim.AdamW(language.parameters(), rate)
    for _ in range(rounds):
        embeds = language.get_input_embeddings()(ids).masked_scatter((ids == asker.context)[..., None], features)
        hidden = language.model(inputs_embeds=embeds, use_cache=False)[0][:, :-1][labels[:, 1:] >= 0]
        torch.nn.functional.cross_entropy(language.output(hidden), labels[:, 1:][labels[:, 1:] >= 0]).backward()
        optimizer.step()
        optimizer.zero_grad()
    shutil.copytree(CHECKPOINT, directory)
    save_file(asker.model.state_dict(), directory / "model.safetensors", metadata={"format": "pt"})
    return directory
