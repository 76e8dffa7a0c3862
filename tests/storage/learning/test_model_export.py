"""A model is taken away as a directory that says what it is, and nothing about users or this host."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from configs.chat_templates import OLD_TEMPLATE
from configs.settings import ROOT
from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.location import CheckpointError
from storage.checkpoint.template import lmdeploy_template
from storage.learning.dataset_files import count_rows
from storage.learning.model_export import ExportError, ExportFacts, export_model
from storage.learning.models import Model
from tests.official_models import official_config, write_layout

DEMO = ROOT / "configs" / "demo-model" / "checkpoint"
FACTS = ExportFacts("InternVL2-2B", {"ratings": 131, "oogiri": 2000})
GATE = {"likelihood": {"difference": 0.0312, "photos": 40}, "self_overlap": {"candidate": 0.2}}


@pytest.fixture
def trained(tmp_path: Path) -> Model:
    """A model of a run, with the record that a merge writes."""
    folder = shutil.copytree(DEMO, tmp_path / "run-1")
    adapter = {"training": {"epochs": 6, "lora_rank": 128}, "dataset": {"directory": "/srv/jokebot/data"}}
    record = {"template": OLD_TEMPLATE, "base": {"directory": "/srv/models/base"}, "adapter": adapter}
    (folder / "model.json").write_text(json.dumps(record))
    (folder / "prompts.toml").write_text("[languages]\n")
    measures = json.dumps({"training": {"last_loss": 1.25}, "gate": GATE})
    return Model(7, "run-1", "champion", 1, 1, str(folder), None, measures, 0.0)


def test_the_directory_is_complete_and_keeps_its_template(trained, tmp_path):
    done = export_model(trained, tmp_path / "out", FACTS)
    assert done == replace(check_checkpoint(Path(trained.directory or "")), directory=tmp_path / "out")
    names = {file.name for file in done.directory.iterdir()}
    assert names == {file.name for file in DEMO.iterdir()} | {"README.md", "chat_template.json", "model.json"}
    assert (done.directory / "model.safetensors").read_bytes() == (DEMO / "model.safetensors").read_bytes()


def test_the_card_has_data_measures_and_licences_and_no_path(trained, tmp_path):
    folder = export_model(trained, tmp_path / "out", FACTS).directory
    card = (folder / "README.md").read_text(encoding="utf-8")
    for words in ("InternVL2-2B", "131 rows", "2,000 rows", "CLoT-Oogiri-GO", "MIT licence", "Apache License 2.0"):
        assert words in card
    for line in ("| epochs | 6 |", "| last_loss | 1.25 |", "| likelihood.difference | 0.0312 |"):
        assert line in card
    texts = card + (folder / "model.json").read_text() + (folder / "chat_template.json").read_text(encoding="utf-8")
    assert "/srv" not in texts and str(tmp_path) not in texts


def test_the_template_for_lmdeploy_suits_the_tokenizer(tmp_path):
    """OpenGVLab's tokenizer adds the BOS itself; the demo model's adds none."""
    official = write_layout(tmp_path / "2B", official_config("InternVL2-2B"))
    assert lmdeploy_template(official)["system"] == "<|im_start|>system\n"
    assert lmdeploy_template(DEMO)["system"] == "<s><|im_start|>system\n"


def test_nothing_is_overwritten_and_nothing_half_is_left(trained, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(ExportError, match="is there already"):
        export_model(trained, tmp_path / "there", FACTS)
    with pytest.raises(ExportError, match="can't be written"):
        export_model(trained, Path("/proc/out"), FACTS)
    (Path(trained.directory or "") / "model.safetensors").write_bytes(b"half")
    with pytest.raises(CheckpointError, match="cut off"):
        export_model(trained, tmp_path / "out", FACTS)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run-1", "there"]


def test_rows_are_counted_by_origin_without_those_that_were_forgotten(tmp_path):
    rows = [
        {"part": "train", "origin": "ratings"},
        {"part": "train", "origin": "ratings", "forgotten": True},
        {"part": "holdout", "origin": "ratings"},
        {"part": "train", "origin": "oogiri"},
    ]
    (tmp_path / "manifest.json").write_text(json.dumps({"rows": rows}))
    assert count_rows(tmp_path) == {"ratings": 1, "oogiri": 1} and count_rows(tmp_path / "gone") == {}
