"""XTuner's `--deepspeed`, on processes without a GPU: the losses, stop and resume, memory, and the merge."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainer.xtuner.deepspeed import write_deepspeed_config
from trainer.xtuner.plan import TrainingError

ROOT = Path(__file__).parents[3]
installed = pytest.mark.skipif(
    importlib.util.find_spec("deepspeed") is None, reason="DeepSpeed is not installed (make env-deepspeed)"
)
WITHOUT = """
import importlib.util

find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "deepspeed" else find(name, package)
"""
"""A sitecustomize.py: DeepSpeed is not installed."""


@installed
def test_losses_are_those_without_deepspeed_also_after_a_stop(
    start: Any, many: Path, whole: Any, steps: dict[str, Any], base: Path, tmp_path: Path
) -> None:
    run = start(many, tmp_path / "deep", DEEPSPEED="deepspeed_zero1", **steps)
    run.until(lambda: len(run.losses()) >= 13)
    run.process.send_signal(signal.SIGTERM)
    assert (run.wait(), run.said["state"]) == (143, "stopped"), run.log.read_text()[-3000:]
    # A whole number of updates is on disk, and so is the place to go on from.
    assert run.said["step"] % 2 == 0 and (tmp_path / "deep" / "xtuner" / f"iter_{run.said['step']}.pth").is_dir()
    run = start(many, tmp_path / "deep", DEEPSPEED="deepspeed_zero1", **steps)
    assert run.wait() == 0, run.log.read_text()[-3000:]
    # The projector is trained in float32 instead of bf16. A dropped or repeated update would change them by far more.
    assert run.losses() == pytest.approx(whole.losses(), rel=2e-3)
    merged = subprocess.run(
        [sys.executable, "-m", "bot", "merge", tmp_path / "deep", "--base", base, "--out", tmp_path / "new"], cwd=ROOT
    )
    assert merged.returncode == 0 and (tmp_path / "new" / "model.json").exists()


@installed
def test_a_process_that_runs_out_of_memory_halves_its_batch(
    start: Any, many: Path, tmp_path: Path, short_of_memory: Callable[[int], None]
) -> None:
    short_of_memory(0)
    run = start(many, tmp_path / "deep", DEEPSPEED="deepspeed_zero2", BATCH_SIZE=2, EPOCHS=1)
    assert (run.wait(), run.said["state"], run.said["parts"]) == (0, "done", 2), run.log.read_text()[-3000:]
    assert list(run.losses()) == list(range(1, 17))


def test_deepspeed_that_is_not_there_is_refused_in_one_line(
    start: Any, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    run = start(dataset, tmp_path / "deep", DEEPSPEED="deepspeed_zero1")
    assert (run.wait(), (tmp_path / "deep").exists()) == (2, False)
    assert run.log.read_text().count("\n") == 1 and "DeepSpeed is not installed" in run.log.read_text()


def test_a_stage_that_nf4_does_not_allow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="deepspeed_zero1 or deepspeed_zero2"):
        write_deepspeed_config("deepspeed_zero3", tmp_path)


@installed
def test_the_configuration_is_xtuners_without_deepspeeds_precision(tmp_path: Path) -> None:
    write_deepspeed_config("deepspeed_zero1", tmp_path)
    config = json.loads((tmp_path / "deepspeed.json").read_text())
    assert config["zero_optimization"]["stage"] == 1 and config["gradient_clipping"] == "auto"
    assert (config["bf16"], config["fp16"]) == ({"enabled": False}, {"enabled": False})
