"""Every command that takes a model directory names its fault in the same one line, and nothing starts."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from configs.settings import ROOT, Settings
from storage.checkpoint.architecture import WORKING
from tests.bot.cli.command import jokebot

DEMO = ROOT / "configs" / "demo-model" / "checkpoint"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 4411571040\n"
IN_TRAIN = pytest.mark.skipif(
    not Settings().environments.train_python.exists(), reason="there is no train environment: run `make env-train`"
)
"""`serve`, `train` and `merge` run there."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGB", (64, 48), "red").save(tmp_path / "photo.jpg")
    (tmp_path / "dataset").mkdir()
    return tmp_path


def commands(folder: Path, model: Path) -> dict[str, list[object]]:
    """The commands by name; `run` and `doctor` take the directory from the settings."""
    return {
        "run": ["run"],
        "doctor": ["doctor"],
        "joke": ["joke", folder / "photo.jpg", "--model", model],
        "compare": ["compare", model, DEMO, folder / "photo.jpg", "--out", folder / "page.html"],
        "models add": ["models", "add", model, "--yes"],
        "serve": ["serve", model, "--port", "0"],
        "train": ["train", folder / "dataset", "--base", model, "--out", folder / "run"],
        "merge": ["merge", folder / "adapter", "--base", model, "--out", folder / "merged"],
    }


def pointer(model: Path) -> str:
    (model / "model.safetensors").write_text(POINTER)
    return f"{model / 'model.safetensors'} is a git-lfs pointer"


def other_kind(model: Path) -> str:
    config = json.loads((model / "config.json").read_text())
    config["llm_config"]["architectures"] = ["Qwen2ForCausalLM"]
    (model / "config.json").write_text(json.dumps(config))
    return WORKING


@IN_TRAIN
@pytest.mark.parametrize("damage", [pointer, other_kind])
async def test_a_fault_is_the_same_line_in_every_command(folder, damage):
    model = shutil.copytree(DEMO, folder / "model")
    line = damage(model)
    variables = {
        "JOKEBOT_ENGINE_KIND": "cpu",
        "JOKEBOT_MODEL_DIRECTORY": str(model),
        "JOKEBOT_STORAGE_DIRECTORY": str(folder / "data"),
        "JOKEBOT_TELEGRAM_TOKEN": "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0",
        "JOKEBOT_TELEGRAM_BASE_URL": "http://127.0.0.1:9",
    }
    for name, words in commands(folder, model).items():
        code, out, err = await jokebot(*words, **variables)
        told = [text for text in (out + err).splitlines() if line in text]
        assert code in (1, 2) and len(told) == 1, (name, out, err)
        assert "Traceback" not in err and "defect" not in err, (name, err)
        assert name == "doctor" or len(err.splitlines()) == 1, (name, err)
    assert not (folder / "run").exists() and not (folder / "merged").exists() and not (folder / "page.html").exists()


async def test_a_run_with_a_wrong_directory_ends_at_once_and_the_corrected_one_is_registered(folder):
    """Kind cpu without an environment: the model is registered, and the run ends for the environment."""
    variables = {
        "JOKEBOT_ENGINE_KIND": "cpu",
        "JOKEBOT_STORAGE_DIRECTORY": str(folder / "data"),
        "JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON": str(folder / "no-python"),
        "JOKEBOT_TELEGRAM_TOKEN": "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0",
        "JOKEBOT_TELEGRAM_BASE_URL": "http://127.0.0.1:9",
    }
    model = shutil.copytree(DEMO, folder / "model")
    async with asyncio.timeout(120):
        wrong = await jokebot("run", **variables, JOKEBOT_MODEL_DIRECTORY=str(folder / "modle"))
        right = await jokebot("run", **variables, JOKEBOT_MODEL_DIRECTORY=str(model))
    assert wrong[0] == right[0] == 2
    assert wrong[2].splitlines() == [f"jokebot: There is no directory {folder / 'modle'}."]
    assert right[2].splitlines()[-1].endswith("run `make env-train`.") and "Traceback" not in right[2]
    code, out, _ = await jokebot("models", **variables)
    assert code == 0 and "champion" in out
