"""A run trains on the GPUs of its setting, wherever it is started."""

import os
from pathlib import Path

import pytest

from configs.settings import TrainingSettings
from trainer.xtuner import entry
from trainer.xtuner.plan import TrainingError, TrainingPlan


@pytest.mark.parametrize(("gpu_ids", "started"), [(["3"], "worker"), (["1", "3"], "torchrun")])
def test_the_training_process_sees_its_gpus_alone(
    gpu_ids: list[str], started: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    seen: dict[str, str] = {}

    def start(name: str) -> int:
        seen[name] = os.environ["CUDA_VISIBLE_DEVICES"] + os.environ["CUDA_DEVICE_ORDER"]
        return 0

    monkeypatch.setattr(entry.worker, "run", lambda plan: start("worker"))
    monkeypatch.setattr(entry, "under_torchrun", lambda plan: start("torchrun"))
    plan = TrainingPlan(tmp_path, tmp_path, tmp_path / "out", tmp_path, 1, TrainingSettings(gpu_ids=gpu_ids))
    plan.save()
    assert entry.resume(TrainingPlan.load(tmp_path / "out")) == 0
    assert seen == {started: ",".join(gpu_ids) + "PCI_BUS_ID"}


def test_a_run_continues_on_another_gpu_but_not_on_more_of_them(tmp_path: Path) -> None:
    def plan(**gpus: object) -> TrainingPlan:
        return TrainingPlan(tmp_path, tmp_path, tmp_path / "out", tmp_path, 1, TrainingSettings(**gpus))

    plan().save()
    plan(gpu_ids=["1"]).save()
    assert TrainingPlan.load(tmp_path / "out").training.gpu_ids == ["1"]
    for more in ({"gpus": 2}, {"gpu_ids": ["0", "1"]}):
        with pytest.raises(TrainingError, match="another plan"):
            plan(**more).save()
