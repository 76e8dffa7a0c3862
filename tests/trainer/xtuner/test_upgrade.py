"""A training of an older version resumes: its files contain no names of classes or settings that may change."""

import json
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from configs.chat_templates import OLD_TEMPLATE
from trainer.xtuner.plan import TrainingError, TrainingPlan

PLAN = """{
  "dataset": "/data/datasets/d",
  "base": "/models/b",
  "out": "/data/runs/1",
  "features": "/data/features",
  "max_tiles": 12,
  "training": {
    "batch_size": 4,
    "accumulation": 4,
    "epochs": 6,
    "learning_rate": 2e-05,
    "weight_decay": 0.05,
    "warmup": 0.03,
    "max_norm": 1.0,
    "lora_rank": 128,
    "lora_alpha": 256,
    "lora_dropout": 0.05,
    "nf4": true,
    "max_length": 8192,
    "seed": 1,
    "checkpoint_steps": 500,
    "keep_checkpoints": 2,
    "workers": 4,
    "gpus": 1,
    "deepspeed": "",
    "recompute": "always",
    "features_gb": 60.0
  }
}
"""
"""plan.json as commit e77f410 wrote it."""
STEPS = {"EPOCHS": 8, "BATCH_SIZE": 4, "LORA_DROPOUT": 0.05, "CHECKPOINT_STEPS": 4}
"""16 steps on eight rows."""


def test_a_plan_of_an_older_version_is_the_same_plan(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(PLAN.replace("/data/runs/1", str(tmp_path)))
    plan = TrainingPlan.load(tmp_path)
    assert (plan.base, plan.max_tiles, plan.training.lora_rank) == (Path("/models/b"), 12, 128)
    old, new = json.loads(PLAN.replace("/data/runs/1", str(tmp_path))), json.loads(plan.text())
    # Later versions name the template, weigh rows, choose GPUs and a launcher; an older dataset's rows have no weights.
    assert (new.pop("template"), new["training"].pop("row_weights")) == (OLD_TEMPLATE, True)
    assert (new["training"].pop("gpu_ids"), new["training"].pop("launcher")) == ([], "")
    assert new == old
    plan.save()
    with pytest.raises(TrainingError, match="another plan"):
        replace(plan, max_tiles=6).save()
    file.write_text("{}")
    with pytest.raises(TrainingError, match="another plan"):
        plan.save()


def test_a_training_whose_configuration_names_classes_that_are_gone_goes_on(
    start: Any, dataset: Path, tmp_path: Path
) -> None:
    whole = start(dataset, tmp_path / "whole", **STEPS)
    assert whole.wait() == 0, whole.log.read_text()[-3000:]
    run = start(dataset, tmp_path / "run", **STEPS)
    run.until(lambda: len(run.losses()) >= 6)
    run.process.send_signal(signal.SIGTERM)
    assert (run.wait(), run.said["state"]) == (143, "stopped"), run.log.read_text()[-3000:]
    stopped_at = run.said["step"]
    config = tmp_path / "run" / "xtuner" / "config.py"
    text, count = re.subn(r"trainer\.xtuner\.\w+\.\w+", "trainer.gone.Gone", config.read_text())
    assert count > 5
    config.write_text(text)
    run = start(dataset, tmp_path / "run", **STEPS)
    assert run.wait() == 0, run.log.read_text()[-3000:]
    assert run.losses() == whole.losses() and 0 < stopped_at < len(run.losses())
    assert "trainer.gone" not in config.read_text()
    assert f"iter_{stopped_at}" in (run.out / "train.log").read_text()
