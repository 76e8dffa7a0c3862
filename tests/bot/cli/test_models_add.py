"""`jokebot models add` registers what the checker accepts, finds moved folders, and completes conversions."""

import json
import shutil
from pathlib import Path

import pytest

from configs.settings import ROOT
from storage.database import Database
from storage.learning.models import Model, all_models
from tests.bot.cli.command import jokebot

DEMO = ROOT / "configs" / "demo-model" / "checkpoint"


@pytest.fixture
def add(tmp_path: Path):
    async def run(*arguments: object, cwd: Path | None = None) -> tuple[int, str, str]:
        return await jokebot("models", "add", *arguments, "--yes", JOKEBOT_STORAGE_DIRECTORY=str(tmp_path / "data"))

    return run


async def registry(folder: Path) -> list[Model]:
    database = await Database.open(folder / "data" / "jokebot.sqlite3")
    try:
        return await all_models(database)
    finally:
        await database.close()


async def test_a_folder_of_the_hubs_cache_is_registered_under_the_models_name(add, tmp_path):
    cache = tmp_path / "models--OpenGVLab--InternVL2-2B"
    shutil.copytree(DEMO, cache / "snapshots" / "b1946d")
    code, out, err = await add(cache)
    assert (code, err) == (0, "") and "Model 1 (InternVL2-2B) is registered and in service" in out
    (model,) = await registry(tmp_path)
    assert model.directory == str(cache / "snapshots" / "b1946d") and model.template == "internlm2-chat"


async def test_a_moved_model_is_registered_at_its_new_place(add, tmp_path):
    old = shutil.copytree(DEMO, tmp_path / "old")
    assert (await add(old, "--name", "mine"))[0] == 0
    (before,) = await registry(tmp_path)
    new = old.rename(tmp_path / "new.place")
    code, out, _ = await add(new)
    assert code == 0 and f"Model 1 (mine) was at {old}; it is registered at {new} now." in out
    (after,) = await registry(tmp_path)
    assert (after.directory, after.digest, after.code) == (str(new), before.digest, before.code)
    code, out, _ = await add(shutil.copytree(new, tmp_path / "copy"))
    assert code == 0 and "Model 2 (copy) is registered" in out


async def test_a_conversion_is_completed_from_its_base(add, tmp_path):
    converted = shutil.copytree(DEMO, tmp_path / "converted")
    for name in ("modeling_internvl_chat.py", "modeling_internlm2.py", "tokenizer_config.json"):
        (converted / name).unlink()
    code, _, err = await add(converted)
    assert code == 2 and "--base BASE" in err and len(err.splitlines()) == 1
    code, out, err = await add(converted, "--base", DEMO)
    assert (code, err) == (0, "") and "modeling_internlm2.py" in out.splitlines()[0]
    (model,) = await registry(tmp_path)
    assert "tokenizer_config.json" in json.loads(model.code or "{}")


async def test_a_model_is_exported_and_registered_elsewhere(add, tmp_path):
    assert (await add(shutil.copytree(DEMO, tmp_path / "mine")))[0] == 0
    data = {"JOKEBOT_STORAGE_DIRECTORY": str(tmp_path / "data")}
    code, out, err = await jokebot("models", "export", "mine", tmp_path / "taken", **data)
    assert (code, err) == (0, "") and "README.md" in out
    code, _, err = await jokebot("models", "export", "mine", tmp_path / "taken", **data)
    assert code == 2 and "is there already" in err
    code, out, _ = await jokebot("models", "chat-template", tmp_path / "taken")
    assert code == 0 and json.loads(out) == json.loads((tmp_path / "taken" / "chat_template.json").read_text())
    code, out, _ = await add(tmp_path / "taken")
    assert code == 0 and "Model 2 (taken) is registered" in out
