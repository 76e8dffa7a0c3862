"""A tiny checkpoint for all tests of this folder."""

from pathlib import Path

import pytest
import torch

from configs.transformers_imports import import_torchvision
from trainer.demo_model.architectures import SHAPES
from trainer.demo_model.random_weights import write_random

torch.set_num_threads(1)
import_torchvision(torch)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_random(directory, SHAPES["tiny"], seed=7)
    return directory
