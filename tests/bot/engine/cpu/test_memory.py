"""A CPU engine loads float32 weights if they fit into half of the available memory, else bfloat16."""

import pytest
import torch

from bot.engine.cpu.model import load_model
from tests.containers import enter_container


@pytest.mark.parametrize("version", [1, 2])
def test_in_a_container_the_limit_decides(checkpoint, model, tmp_path, monkeypatch, version):
    wide = 4 * sum(parameter.numel() for parameter in model.model.parameters())
    for free, chosen in ((2 * wide, torch.float32), (2 * wide - 1, torch.bfloat16)):
        enter_container(monkeypatch, tmp_path, free, version=version)
        assert load_model(checkpoint).model.dtype == chosen
    assert load_model(checkpoint, "float32").model.dtype == torch.float32, "what was asked for is not changed"
