"""Training of the language part alone: packed turns are the same as single ones, and only this part changes."""

import json
import random
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file

from configs.prompts import load_prompts
from configs.subjects import load_subjects, load_vocabulary
from trainer.demo_model import build as building
from trainer.demo_model import language_tuning as tuning
from trainer.demo_model.build import load
from trainer.demo_model.evaluate import encoder_of
from trainer.demo_model.joke_templates import TemplateWriter, load_shapes
from trainer.demo_model.language_tuning import estrange, pack_turns, packed_logits, tune
from trainer.demo_model.picture_pack import shrink
from trainer.demo_model.random_weights import write_random
from trainer.demo_model.train import answer_logits


@pytest.fixture
def writer():
    return TemplateWriter(load_prompts(), load_shapes(), load_subjects(), load_vocabulary())


def test_a_turn_among_others_has_the_logits_of_a_turn_alone(tiny, writer):
    model, encoder, draw = load(tiny).eval(), encoder_of(tiny), random.Random(4)
    rows = [[writer.turn(load_subjects()[number], draw) for _ in range(3)] for number in range(2)]
    features = torch.randn(2, 16, model.config.llm_config.hidden_size, generator=torch.manual_seed(5))
    packed = pack_turns(encoder, rows)
    with torch.inference_mode():
        together = packed_logits(model, features, packed)
        for place in range(3):
            single = encoder.batch([0, 1], [row[place] for row in rows])
            mine = packed.turn.flatten()[packed.places] == place
            assert torch.equal(packed.labels[mine], single.labels)
            assert torch.allclose(together[mine], answer_logits(model, features, single), atol=1e-4)


def test_strange_pictures_are_changed_and_the_others_are_not():
    features, strange = torch.randn(3, 8, 4), torch.tensor([True, False, True])
    changed = estrange(features, strange, torch.Generator().manual_seed(1))
    assert torch.equal(changed[1], features[1])
    assert not torch.equal(changed[0], features[0]) and not torch.equal(changed[2], features[2])


def test_tuning_learns_and_changes_the_language_part_alone(tmp_path, monkeypatch):
    start, pack = tmp_path / "start", picture_pack(tmp_path)
    write_random(start, building.SHAPE, seed=3)
    monkeypatch.setattr(tuning, "SIDE", 112)
    monkeypatch.setattr(tuning, "PAINTED", 4)
    took = tune(tmp_path / "out", pack, start, pictures=8, seed=2, steps=6)
    assert took["steps"] == 6 and took["turns"] == 6 * tuning.ROWS * tuning.TURNS and took["pictures"] == 8
    assert took["loss"] < 8.6, "an untrained model has a loss of 8.7"
    before, after = (load_file(folder / "model.safetensors") for folder in (start, tmp_path / "out"))
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"language_model"}
    record = json.loads((tmp_path / "out" / "training.json").read_text(encoding="utf-8"))
    assert record["sets"] == ["noto"] and record["seed"] == 2 and record["cpu_seconds"] > 0


def picture_pack(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "pictures.zip", "w") as file:
        for number, colour in enumerate(("red", "yellow")):
            picture = Image.new("RGBA", (200, 200))
            ImageDraw.Draw(picture).ellipse((10, 10, 190, 190), fill=colour)
            picture.save(folder / "drawing.png")
            file.writestr(f"{number:05d}.webp", shrink(folder / "drawing.png"))
        file.writestr("index.json", json.dumps([["cat", "noto"], ["sun", "noto"]]))
    return folder / "pictures.zip"
