"""A directory of XTuner's conversion is completed from the model that it was trained from."""

import json
import shutil
from pathlib import Path

import pytest

from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.completion import complete
from storage.checkpoint.identity import fingerprint_content
from storage.checkpoint.location import CheckpointError, locate_checkpoint, model_name
from tests.official_models import official_config, write_json, write_layout


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_layout(tmp_path / "InternVL2-2B", official_config("InternVL2-2B"))


@pytest.fixture
def converted(base: Path, tmp_path: Path) -> Path:
    """Weights and configuration, as `convert_to_official` leaves them where it saves no code."""
    folder = tmp_path / "converted"
    folder.mkdir()
    config = official_config("InternVL2-2B")
    del config["auto_map"], config["template"]
    write_json(folder / "config.json", config)
    for file in base.glob("model[-.]*"):
        (folder / file.name).symlink_to(file)
    return folder


def test_code_tokenizer_and_settings_are_copied(converted, base):
    with pytest.raises(CheckpointError):
        check_checkpoint(converted)
    written = complete(converted, base)
    assert {"modeling_internvl_chat.py", "tokenizer.model", "generation_config.json", "config.json"} <= set(written)
    assert check_checkpoint(converted).template == "internlm2-chat"
    assert complete(converted, base) == []


def test_what_is_there_stays_as_it_is(converted, base):
    (converted / "generation_config.json").write_text('{"mine": 1}')
    weights = {file.name: file.stat().st_mtime_ns for file in converted.glob("model-*")}
    complete(converted, base)
    assert json.loads((converted / "generation_config.json").read_text()) == {"mine": 1}
    assert {file.name: file.stat().st_mtime_ns for file in converted.glob("model-*")} == weights


def test_another_size_or_a_damaged_model_is_no_base(converted, base, tmp_path):
    before = sorted(file.name for file in converted.iterdir())
    other = write_layout(tmp_path / "InternVL2-8B", official_config("InternVL2-8B"))
    with pytest.raises(CheckpointError, match="is not the base of .*llm_config differ"):
        complete(converted, other)
    (base / "tokenizer.model").unlink()
    with pytest.raises(CheckpointError, match="tokenizer.model is missing"):
        complete(converted, base)
    assert sorted(file.name for file in converted.iterdir()) == before


def test_content_tells_models_apart_and_knows_a_copy(base, tmp_path):
    copy = shutil.copytree(base, tmp_path / "copy", copy_function=link)
    assert fingerprint_content(copy) == fingerprint_content(base)
    shard = copy / "model-00001-of-00002.safetensors"
    data = shard.open("rb").read(100_000)
    shard.unlink()
    with shard.open("wb") as file:
        file.write(data[:-1] + b"\1")
        file.truncate((base / shard.name).stat().st_size - 1)
        file.seek(0, 2)
        file.write(b"\1")
    assert fingerprint_content(copy) != fingerprint_content(base)


def link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def test_a_models_name_comes_from_the_path_that_the_user_gave(base, tmp_path):
    cache = tmp_path / "models--OpenGVLab--InternVL2_5-2B" / "snapshots" / "b1946d"
    shutil.copytree(base, cache, copy_function=link)
    assert model_name(cache.parents[1]) == model_name(cache) == "InternVL2_5-2B"
    assert model_name(base) == "InternVL2-2B" and locate_checkpoint(cache.parents[1]) == cache
