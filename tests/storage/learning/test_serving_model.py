"""The model to serve: a wrong directory is never registered, and a moved folder is recognised by its content."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from configs.model_code import code_digests
from configs.settings import ROOT, Settings
from storage.checkpoint.identity import fingerprint_content
from storage.checkpoint.location import CheckpointError
from storage.learning import models
from storage.learning.models import NewModel, RegistryError, all_models, get_model
from storage.learning.serving_model import plan_serving, read_registry, register_serving

DEMO = ROOT / "configs" / "demo-model" / "checkpoint"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return shutil.copytree(DEMO, tmp_path / "InternVL2-2B")


def settings_for(folder: Path, directory: Path | None, kind: str = "cpu", **model: str) -> Settings:
    return Settings(storage={"directory": folder}, engine={"kind": kind}, model={"directory": directory, **model})


async def test_a_typo_is_not_registered_and_corrected_by_the_next_start(database, tmp_path, model):
    for wrong in (tmp_path / "InternVL2-2b", tmp_path):
        with pytest.raises(CheckpointError):
            await register_serving(settings_for(tmp_path, wrong), database)
        assert await all_models(database) == []
    served = await register_serving(settings_for(tmp_path, model), database)
    assert (served.directory, served.status, served.template) == (str(model), "champion", "internlm2-chat")
    assert served.content == fingerprint_content(model) and "modeling_internvl_chat.py" in (served.code or "")


async def test_a_typo_that_an_earlier_version_registered_is_corrected(database, tmp_path, model):
    (tmp_path / "typo").mkdir()
    (tmp_path / "typo" / "notes.json").write_text("{}")
    await models.register_base(database, "base", str(tmp_path / "typo"), code='{"notes.json": "ab"}')
    served = await register_serving(settings_for(tmp_path, model), database)
    assert (served.id, served.directory) == (1, str(model))
    assert json.loads(served.code or "") == code_digests(model)


async def test_a_relative_directory_is_stored_absolute(database, tmp_path, model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    served = await register_serving(settings_for(tmp_path, Path("InternVL2-2B")), database)
    assert served.directory == str(model)


async def test_a_folder_of_hugging_faces_cache_is_registered_with_its_snapshot(database, tmp_path, model):
    snapshot = tmp_path / "models--OpenGVLab--InternVL2-2B" / "snapshots" / "b1946d"
    snapshot.parent.mkdir(parents=True)
    model.rename(snapshot)
    served = await register_serving(settings_for(tmp_path, snapshot.parents[1]), database)
    assert served.directory == str(snapshot)


async def test_a_base_that_moved_is_found_by_the_settings_and_keeps_its_consent(database, tmp_path, model):
    before = await register_serving(settings_for(tmp_path, model), database)
    moved = model.rename(tmp_path / "elsewhere.v2")
    after = await register_serving(settings_for(tmp_path, moved), database)
    assert after == replace(before, directory=str(moved))


async def test_another_model_under_the_same_name_is_refused_with_what_to_do(database, tmp_path, model):
    await register_serving(settings_for(tmp_path, model), database)
    other = shutil.copytree(model, tmp_path / "other")
    change_weights(other)
    for present in (True, False):
        if not present:
            shutil.rmtree(model)
        with pytest.raises(RegistryError, match="holds another model .*`jokebot models add .*other"):
            await register_serving(settings_for(tmp_path, other), database)
    assert (await get_model(database, 1)).directory == str(model)


async def test_a_trained_model_is_found_where_the_data_folder_is_now(database, tmp_path, model):
    await register_serving(settings_for(tmp_path / "old", model), database)
    trained = await add_champion(database, shutil.copytree(model, tmp_path / "old" / "models" / "run-1"))
    (tmp_path / "old").rename(tmp_path / "new")
    settings = settings_for(tmp_path / "new", model)
    served = await register_serving(settings, database)
    assert (served.id, served.directory) == (trained.id, str(tmp_path / "new" / "models" / "run-1"))
    change_weights(Path(served.directory or ""))
    (tmp_path / "new").rename(tmp_path / "newest")
    with pytest.raises(CheckpointError, match=r"Model 2 \(run-1\) is in service.*models rollback"):
        await register_serving(settings_for(tmp_path / "newest", model), database)


async def test_a_base_that_was_removed_stops_no_trained_model(database, tmp_path, model, caplog):
    await register_serving(settings_for(tmp_path, model), database)
    trained = await add_champion(database, shutil.copytree(model, tmp_path / "models" / "run-1"))
    shutil.rmtree(model)
    assert (await register_serving(settings_for(tmp_path, model), database)).id == trained.id
    assert "Runs that start from it will fail" in caplog.text
    with pytest.raises(CheckpointError):
        await register_serving(settings_for(tmp_path, tmp_path / "typo"), database)


async def test_an_external_server_needs_no_files_of_the_champion(database, tmp_path):
    served = await register_serving(settings_for(tmp_path, None, "url"), database)
    assert (served.directory, served.template) == (None, None)
    await models.record_found(database, replace(served, directory=str(tmp_path / "gone")))
    assert (await register_serving(settings_for(tmp_path, None, "url"), database)).id == served.id
    with pytest.raises(CheckpointError, match="Correct model.directory"):
        await register_serving(settings_for(tmp_path, None), database)


async def test_models_of_earlier_versions_get_their_template_from_their_files(database, tmp_path, model):
    await models.register_base(database, "base", str(model))
    second = shutil.copytree(model, tmp_path / "second")
    config = json.loads((second / "config.json").read_text())
    (second / "config.json").write_text(json.dumps({**config, "template": "internvl2_5"}))
    await models.register_base(database, "second", str(second))
    await register_serving(settings_for(tmp_path, None), database)
    assert [(one.template, one.content is not None) for one in await all_models(database)] == [
        ("internlm2-chat", True),
        ("internvl2_5", True),
    ]


async def test_the_doctors_reading_changes_nothing_and_decides_as_the_run_does(database, tmp_path, model):
    assert read_registry(tmp_path / "none.sqlite3") == []
    settings = settings_for(tmp_path, model)
    assert plan_serving(settings, read_registry(database.path)).champion is None
    await register_serving(settings, database)
    moved = model.rename(tmp_path / "elsewhere")
    plan = plan_serving(settings_for(tmp_path, moved), read_registry(database.path))
    assert plan.champion and plan.champion.directory == str(moved)
    assert (await get_model(database, 1)).directory == str(model)


def change_weights(directory: Path) -> None:
    file = directory / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    file.unlink()
    file.write_bytes(data)


async def add_champion(database, directory: Path) -> models.Model:
    """A trained model in service."""
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO runs (id, state, started_by, created_at) VALUES (1, 'merging', 'admin', 0)"
        )
        new = NewModel(
            "run-1", 1, 1, 1, "", 1, str(directory), "sha", "{}", "internlm2-chat", fingerprint_content(directory)
        )
        made = await models.add_candidate(connection, new)
        await connection.execute("UPDATE models SET status = 'base' WHERE id = 1")
        await connection.execute("UPDATE models SET status = 'champion' WHERE id = ?", (made.id,))
    return await get_model(database, made.id)
