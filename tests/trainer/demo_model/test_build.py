"""A real, very short build: it learns, its checkpoint loads in the CPU engine, and another build can start from it."""

import json
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file

from bot.engine.cpu.model import load_model
from configs.errors import JokebotError
from trainer.demo_model import build as building
from trainer.demo_model import train as training
from trainer.demo_model.build import build
from trainer.demo_model.picture_pack import shrink
from trainer.demo_model.sources import HELD_OUT
from trainer.demo_model.train import CPU_PHASES, GPU_PHASES, GPU_RESUMED_PHASES, TrainingPhase, carry_positions, rate_at


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects of one set, and a drawing of the held-out set that no build may see."""
    folder = tmp_path_factory.mktemp("pack")
    with zipfile.ZipFile(folder / "pictures.zip", "w") as file:
        index = [["cat", "noto"], ["sun", "noto"], ["dog", HELD_OUT]]
        for number, colour in enumerate(("red", "yellow", "blue")):
            picture = Image.new("RGBA", (200, 200))
            ImageDraw.Draw(picture).ellipse((10, 10, 190, 190), fill=colour)
            picture.save(folder / "drawing.png")
            file.writestr(f"{number:05d}.webp", shrink(folder / "drawing.png"))
        file.writestr("index.json", json.dumps(index))
    return folder / "pictures.zip"


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory, pack: Path) -> tuple[Path, dict[str, float]]:
    out = tmp_path_factory.mktemp("builds") / "short"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "CPU_PHASES", (TrainingPhase(56, 16, 8, 0.5), TrainingPhase(112, 8, 8, 0.5)))
        return out, build(out, pack, "cpu", steps=24)


def test_a_build_learns(short):
    _, took = short
    assert took["steps"] == 24 and took["pictures"] == 12 * 16 + 12 * 8
    assert took["loss"] < 8.4, "an untrained model has a loss of 8.7"


def test_the_checkpoint_is_one_like_any_other(short):
    out, _ = short
    assert load_model(out).model.config.llm_config.hidden_size == building.SHAPE.hidden
    weights = load_file(out / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.bfloat16}
    assert not any(name.startswith("head") for name in weights), "the naming head is no part of the checkpoint"
    assert (out / "model.safetensors").stat().st_size < 15 * 2**20
    assert json.loads((out / "training.json").read_text())["sets"] == ["noto"]
    assert not list(out.glob("new"))


def test_a_build_goes_on_from_weights_alone(short, pack, tmp_path, monkeypatch):
    out, took = short
    monkeypatch.setattr(building, "CPU_PHASES", (TrainingPhase(56, 16, 8, 1.0),))
    monkeypatch.setattr(building, "fit_head", lambda *arguments: training.fit_head(*arguments, pictures=64))
    only = tmp_path / "weights"
    only.mkdir()
    (only / "model.safetensors").write_bytes((out / "model.safetensors").read_bytes())
    more = build(tmp_path / "more", pack, "cpu", seed=1, start=only, steps=8)
    assert more["loss"] < took["loss"] + 0.3, "it did not begin where the other build ended"


def test_weights_of_another_shape_are_refused(tiny, pack, tmp_path):
    with pytest.raises(JokebotError, match="demo shape"):
        build(tmp_path / "out", pack, "cpu", steps=1, start=tiny)


def test_minutes_end_a_build_too(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "CPU_PHASES", (TrainingPhase(56, 4, 2, 1.0),))
    took = build(tmp_path / "timed", pack, "cpu", minutes=0.05)
    assert took["seconds"] >= 3 and (tmp_path / "timed" / "model.safetensors").is_file()


def test_the_rate_rises_falls_and_the_phases_fill_the_time():
    assert rate_at(0.0) < 0.1 < rate_at(0.02) < rate_at(0.03) == 1.0
    assert rate_at(0.5) > rate_at(0.9) > 0
    for phases in (CPU_PHASES, GPU_PHASES, GPU_RESUMED_PHASES):
        assert sum(phase.share for phase in phases) == pytest.approx(1)
        assert all(phase.side % 28 == 0 for phase in phases)


def test_positions_learnt_on_small_pictures_spread_over_large_ones(short):
    model = building.load(short[0])
    embeddings = model.vision_model.embeddings
    with torch.no_grad():
        embeddings.position_embedding.normal_()
        before = embeddings.positions(8, 8).clone()
        carry_positions(model, 112)
        after = embeddings.positions(8, 8)
        whole = embeddings.position_embedding[0, 1:].reshape(32, 32, -1)
    assert torch.nn.functional.cosine_similarity(before[0, 1:], after[0, 1:]).min() > 0.8
    steps = (whole[1:] - whole[:-1]).abs().mean()
    assert steps < 0.5 * whole.abs().mean(), "neighbours differ as if nothing had been spread"
