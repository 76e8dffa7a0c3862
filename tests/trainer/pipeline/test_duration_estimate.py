"""The first run's duration is estimated from measurements on other machines."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from configs.settings import ROOT, Settings
from trainer.pipeline import duration_estimate as module
from trainer.pipeline.duration_estimate import CPU, H100, estimate_duration

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"


@pytest.fixture
def card(monkeypatch):
    def be(name, cores=2):
        monkeypatch.setattr(module, "card_name", lambda: name)
        monkeypatch.setattr(module, "os", SimpleNamespace(cpu_count=lambda: cores))

    return be


def settings(**training):
    return Settings(training={"epochs": 1, **training}, telegram={"token": "1:a"})


@pytest.mark.parametrize(("rows", "seconds"), [(131, 29.8), (246, 37.9), (859, 126.1)])
def test_on_two_cores_the_demo_model_takes_as_long_as_was_measured(card, rows, seconds):
    card("")
    told = estimate_duration(rows, CHECKPOINT, settings())
    assert told.basis == "cpu" and told.seconds == pytest.approx(seconds, rel=0.2)


def test_more_rows_and_epochs_take_longer_and_more_cores_less_long(card):
    card("")
    one, more = estimate_duration(100, CHECKPOINT, settings()), estimate_duration(200, CHECKPOINT, settings())
    assert more.seconds - CPU.start_s == pytest.approx(2 * (one.seconds - CPU.start_s), rel=0.01)
    assert estimate_duration(100, CHECKPOINT, settings(epochs=2)).seconds == pytest.approx(more.seconds, rel=0.01)
    card("", cores=8)
    assert estimate_duration(100, CHECKPOINT, settings()).seconds - CPU.start_s == pytest.approx(
        (one.seconds - CPU.start_s) / 4, rel=0.01
    )


@pytest.mark.parametrize(
    ("name", "basis"), [("NVIDIA H100 80GB HBM3", "h100"), ("NVIDIA H200", "h100"), ("NVIDIA GeForce RTX 3090", "gpu")]
)
def test_a_card_is_measured_by_the_h100_and_another_one_is_said_to_be_another(card, name, basis):
    card(name)
    told = estimate_duration(1000, CHECKPOINT, settings(epochs=3))
    size = (CHECKPOINT / "model.safetensors").stat().st_size / H100.nbytes / H100.tiles
    assert told.basis == basis
    assert told.seconds == pytest.approx(H100.start_s + 1000 * (H100.first_s + 2 * H100.later_s) * size, abs=0.1)


def test_another_machine_is_taken_for_an_unknown_card(card):
    card("NVIDIA H100 80GB HBM3")
    here, there = (
        estimate_duration(99, CHECKPOINT, settings()),
        estimate_duration(99, CHECKPOINT, settings(launcher="x {run}")),
    )
    assert (here.basis, there.basis) == ("h100", "gpu") and here.seconds == there.seconds


def test_what_cannot_be_trained_has_no_time(card, tmp_path: Path):
    card("")
    assert estimate_duration(10, tmp_path, settings()) is None
