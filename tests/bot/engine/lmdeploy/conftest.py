"""LMDeploy's Python code (.venv/lmdeploy-cpu) beside the train environment: its parts that need no GPU."""

import importlib
import sys
from pathlib import Path

import pytest
import torch
from PIL import ImageFile

from configs.settings import ROOT
from configs.transformers_imports import import_torchvision
from trainer.demo_model.architectures import SHAPES
from trainer.demo_model.random_weights import write_random

PARTS = ROOT / ".venv" / "lmdeploy-cpu"
if not (PARTS / "jokebot-stamp").exists():
    raise pytest.UsageError(f"{PARTS} is not there. Run `make env-lmdeploy-cpu`.")
torch.set_num_threads(1)
import_torchvision(torch)
# At the end, so that the train environment's own packages stay the ones that are imported.
sys.path.append(str(PARTS))
importlib.import_module("lmdeploy.vl.media.image")
# With that import LMDeploy tells Pillow, for the whole process, to take pictures that are cut off. Other tests expect a
# refusal.
ImageFile.LOAD_TRUNCATED_IMAGES = False


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random InternVL2 checkpoint."""
    directory = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_random(directory, SHAPES["tiny"], seed=7)
    return directory
