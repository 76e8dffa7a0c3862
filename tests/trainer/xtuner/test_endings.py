"""How a run ends: stopped and continued, on several processes, and in each of the ways that can go wrong."""

import json
import os
import pty
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from configs.settings import ROOT, TrainingSettings
from tests.trainer.xtuner.conftest import FAST
from trainer.xtuner.plan import TrainingPlan
from trainer.xtuner.torchrun import halve

STEPS = {"EPOCHS": 2, "BATCH_SIZE": 2, "ACCUMULATION": 2, "LORA_DROPOUT": 0.05, "CHECKPOINT_STEPS": 10}
"""32 steps on 32 rows, two of them to an update."""


@pytest.fixture(scope="module")
def many(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The eight rows four times over, so that a gradient is gathered from two batches."""
    folder = tmp_path_factory.mktemp("datasets") / "many"
    shutil.copytree(dataset, folder)
    rows = json.loads((folder / "train.json").read_text(encoding="utf-8"))
    (folder / "train.json").write_text(json.dumps(rows * 4, ensure_ascii=False), encoding="utf-8")
    return folder


@pytest.mark.parametrize("moment", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_continues_to_the_same_losses(
    moment: signal.Signals, start: Any, many: Path, whole: Any, tmp_path: Path
) -> None:
    run = start(many, tmp_path / "stopped", **STEPS)
    run.until(lambda: len(run.losses()) >= 13)
    run.process.send_signal(moment)
    code = run.wait()
    if moment == signal.SIGTERM:
        assert (code, run.said["state"]) == (143, "stopped")
        # A whole number of updates is on disk, and so is the place to go on from.
        assert run.said["step"] % 2 == 0 and (tmp_path / "stopped" / "xtuner" / f"iter_{run.said['step']}.pth").exists()
    run = start(many, tmp_path / "stopped", **STEPS)
    assert run.wait() == 0, run.log.read_text()[-3000:]
    assert run.losses() == whole.losses()


@pytest.fixture(scope="module")
def whole(start: Any, many: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    run = start(many, tmp_path_factory.mktemp("runs") / "whole", **STEPS)
    assert run.wait() == 0, run.log.read_text()[-3000:]
    assert len(run.losses()) == 32
    return run


def test_two_processes_train_one_model_and_stop_together(start: Any, many: Path, tmp_path: Path) -> None:
    run = start(many, tmp_path / "two", GPUS=2, BATCH_SIZE=2, EPOCHS=200)
    run.until(lambda: len(run.losses()) >= 3)
    run.process.send_signal(signal.SIGTERM)
    assert (run.wait(), run.said["state"]) == (143, "stopped"), run.log.read_text()[-3000:]
    # 32 rows, two of them on each of two processes.
    assert run.said["steps"] == 8 * 200
    assert list((tmp_path / "two" / "xtuner").glob("iter_*.pth"))


SHORT_OF_MEMORY = """
import importlib.abc, importlib.util, os, sys

class Short(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "trainer.xtuner.model":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (execute(module), limit(module.JokeModel))
        return spec

def limit(model):
    import torch
    whole = model.loss
    def loss(self, rows, seed):
        if len(rows) > 1 and os.environ.get("RANK") == "1":
            raise torch.OutOfMemoryError("no room")
        return whole(self, rows, seed)
    model.loss = loss

sys.meta_path.insert(0, Short())
"""
"""A sitecustomize.py: the second process's memory holds one row."""


def test_several_processes_that_run_out_of_memory_halve_their_batch(
    start: Any, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHORT_OF_MEMORY)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    run = start(many, tmp_path / "two", GPUS=2, BATCH_SIZE=2, EPOCHS=1)
    assert (run.wait(), run.said["state"], run.said["parts"]) == (0, "done", 2), run.log.read_text()[-3000:]
    assert list(run.losses()) == list(range(1, 9))


def test_a_batch_of_single_rows_is_not_halved(tmp_path: Path) -> None:
    plan = TrainingPlan(tmp_path, tmp_path, tmp_path, tmp_path, 1, TrainingSettings(batch_size=3))
    plan.work.mkdir()
    halved = []
    while plan.out_of_memory.touch() or halve(plan):
        halved.append(plan.parts())
    assert halved == [2, 4]


def test_a_loss_that_is_no_number_ends_the_run(start: Any, dataset: Path, tmp_path: Path) -> None:
    run = start(dataset, tmp_path / "wild", LEARNING_RATE=1e30, EPOCHS=30)
    assert (run.wait(), run.said["state"], run.said["reason"]) == (1, "failed", "nan")
    assert "learning_rate" in run.said["message"] and run.log.read_text().splitlines()[-1].startswith("jokebot: ")
    assert not (tmp_path / "wild" / "adapter.safetensors").exists()


def test_a_full_disk_ends_the_run(start: Any, dataset: Path, tmp_path: Path) -> None:
    run = start(dataset, tmp_path / "full", EPOCHS=50, CHECKPOINT_STEPS=4)
    # No file of this process can grow past 300 kB from now on, which a checkpoint must.
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (300_000, 300_000))
    assert (run.wait(), run.said["state"], run.said["reason"]) == (1, "failed", "disk"), run.log.read_text()[-3000:]
    assert not (tmp_path / "full" / "xtuner" / "last_checkpoint").exists()


@pytest.mark.parametrize(("count", "steps"), [(1, [1]), (10, [1, 2, 3])])
def test_few_rows_make_a_whole_run(count: int, steps: list[int], start: Any, dataset: Path, tmp_path: Path) -> None:
    rows = json.loads((dataset / "train.json").read_text(encoding="utf-8"))
    few = tmp_path / "few_rows"
    shutil.copytree(dataset, few)
    (few / "train.json").write_text(json.dumps((2 * rows)[:count]), encoding="utf-8")
    run = start(few, tmp_path / "few", BATCH_SIZE=4, ACCUMULATION=4, EPOCHS=1)
    assert run.wait() == 0 and list(run.losses()) == steps


def test_deepspeed_that_is_not_there_is_refused_in_one_line(start: Any, dataset: Path, tmp_path: Path) -> None:
    run = start(dataset, tmp_path / "deep", DEEPSPEED="deepspeed_zero1")
    assert (run.wait(), (tmp_path / "deep").exists()) == (2, False)
    assert run.log.read_text().count("\n") == 1 and "DeepSpeed is not installed" in run.log.read_text()


def test_no_rows_end_the_run_at_once(start: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "train.json").write_text("[]")
    run = start(tmp_path / "empty", tmp_path / "run")
    assert run.wait() == 2 and not (tmp_path / "run").exists()
    said = run.log.read_text()
    assert said.startswith("jokebot: ") and "has no rows" in said and said.count("\n") == 1


def test_a_call_that_failed_does_not_block_the_corrected_one(start: Any, dataset: Path, tmp_path: Path) -> None:
    """And what it prints is a few lines; the libraries' output is in the log file that it names."""
    assert start(tmp_path, tmp_path / "run").wait() == 2
    spoilt = tmp_path / "spoilt"
    shutil.copytree(dataset, spoilt)
    (spoilt / "images" / "3.jpg").write_bytes(b"no picture")
    assert start(spoilt, tmp_path / "run").wait() == 2
    run = start(dataset, tmp_path / "run", EPOCHS=1)
    assert run.wait() == 0, run.log.read_text()[-3000:]
    wrong, _, said = run.log.read_text().rpartition("8 rows of ")
    assert "is no dataset" in wrong and "Row joke-3 of" in wrong and wrong.count("\n") == 2
    lines = said.splitlines()
    assert lines[1].endswith(f"libraries goes to {tmp_path / 'run' / 'train.log'}.") and len(lines) < 8, said
    assert lines[-2].startswith("step 2 of 2, loss ") and " s a step, " in lines[-2]
    assert lines[-1].startswith(f"Next: jokebot merge {tmp_path / 'run'} --base ")
    assert len((tmp_path / "run" / "train.log").read_text().splitlines()) > 50


def test_a_terminal_shows_one_line_that_grows(base: Path, dataset: Path, features: Path, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    settings = {f"JOKEBOT_TRAINING_{name}": str(value) for name, value in {**FAST, "EPOCHS": 1}.items()}
    environment = {**os.environ, **settings, "JOKEBOT_STORAGE_DIRECTORY": str(features), "TERM": "xterm"}
    command = [sys.executable, "-m", "bot", "train", str(dataset), "--base", str(base), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=follower, stderr=follower, env=environment, cwd=ROOT)
    os.close(follower)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while part := os.read(leader, 65536):
            shown += part
    os.close(leader)
    text = shown.decode()
    assert process.wait(600) == 0 and "2/2" in text and "s a step" in text, text
    assert "mmengine" not in text and text.count("\n") < 8, text
