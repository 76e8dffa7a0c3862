"""The gate loads float32 weights on a CPU where they fit into half of the memory that it may take, else bfloat16."""

import pytest
import torch

from configs.settings import ROOT
from tests.containers import enter_container
from trainer.gate.model_loading import load_model

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"


@pytest.mark.parametrize("version", [1, 2])
def test_in_a_container_the_limit_decides(tmp_path, monkeypatch, version):
    cpu = torch.device("cpu")
    wide = 4 * sum(parameter.numel() for parameter in load_model(CHECKPOINT, cpu).model.parameters())
    for free, chosen in ((2 * wide, torch.float32), (2 * wide - 1, torch.bfloat16)):
        enter_container(monkeypatch, tmp_path, free, version=version)
        assert load_model(CHECKPOINT, cpu).model.dtype == chosen
