"""Kept features: whose they are, how much room they take, and what goes first."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from storage.maintenance.erasure import remove_features
from trainer.xtuner.feature_cache import FeatureStore, store_for
from trainer.xtuner.rows import TrainingRow

TOKENS, SIZE = 4, 8
ONE = 2 * TOKENS * SIZE
"""Bytes of one tile's features."""


def row(sha256: str, tiles: int = 1) -> TrainingRow:
    return TrainingRow(sha256, f"{sha256}.jpg", sha256, tiles, "?", "!")


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "digest", TOKENS, SIZE)


HERE = Path(__file__)
"""A picture's file that is there."""


def keep(store: FeatureStore, sha256: str, age: int, tiles: int = 1) -> Path:
    store.folder.mkdir(exist_ok=True)
    store.save(sha256, torch.ones(tiles * TOKENS, SIZE), HERE)
    path = store.path(sha256, tiles)
    os.utime(path, (1_000_000 - age, 1_000_000 - age))
    return path


def test_features_come_back_as_they_went(store: FeatureStore) -> None:
    store.folder.mkdir()
    features = torch.randn(3 * TOKENS, SIZE).bfloat16()
    store.save("a", features, HERE)
    found = store.find("a", 3)
    assert found and torch.equal(found.load(), features)
    assert store.find("a", 2) is None and store.find("b", 3) is None


def test_a_file_that_is_cut_off_is_not_found(store: FeatureStore) -> None:
    path = keep(store, "a", 0)
    path.write_bytes(path.read_bytes()[:-2])
    assert store.find("a", 1) is None


def test_a_disk_that_takes_nothing_only_means_to_look_again(store: FeatureStore) -> None:
    store.save("a", torch.ones(TOKENS, SIZE), HERE)  # the folder is not there
    assert store.find("a", 1) is None


def test_of_a_picture_that_was_forgotten_meanwhile_nothing_is_kept(store: FeatureStore, tmp_path: Path) -> None:
    store.folder.mkdir()
    store.save("a", torch.ones(TOKENS, SIZE), tmp_path / "images" / "a.jpg")
    assert list(store.folder.iterdir()) == []


def test_a_forgotten_photos_features_are_found_by_its_name(store: FeatureStore) -> None:
    gone, stays = keep(store, "a" * 64, 0, tiles=3), keep(store, "b" * 64, 0)
    remove_features(store.folder.parent, {"a" * 64})
    assert (gone.exists(), stays.exists()) == (False, True)


def test_the_longest_unused_go_first_and_wanted_ones_stay(store: FeatureStore) -> None:
    old, young, wanted = keep(store, "old", 300), keep(store, "young", 100), keep(store, "wanted", 500)
    allowed = store.make_room([row("wanted"), row("new")], 3 * ONE)
    assert allowed == {"wanted", "new"}
    assert (old.exists(), young.exists(), wanted.exists()) == (False, True, True)


def test_what_has_no_room_is_not_kept(store: FeatureStore) -> None:
    assert store.make_room([row("a", 2), row("b", 2), row("c", 1)], 3 * ONE) == {"a", "c"}
    assert store.make_room([row("a", 2)], 0) == set()


def test_the_store_belongs_to_the_vision_weights_and_to_nothing_else(base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    def changed(name: str, part: str) -> Path:
        shutil.copytree(base, tmp_path / name)
        tensors = load_file(base / "model.safetensors")
        tensors[part].view(-1)[0] += 1
        save_file(tensors, tmp_path / name / "model.safetensors")
        return tmp_path / name

    def folder(model: Path) -> Path:
        return store_for(model, tmp_path).folder

    assert folder(base) == folder(changed("talker", "language_model.output.weight"))
    assert folder(base) != folder(changed("seer", "vision_model.embeddings.class_embedding"))
    config = json.loads((base / "config.json").read_text())
    shutil.copytree(base, tmp_path / "other")
    (tmp_path / "other" / "config.json").write_text(json.dumps({**config, "select_layer": -2}))
    assert folder(base) != folder(tmp_path / "other")
