"""A process loads a copy of a model's folder that names no code outside it and is what was agreed to."""

import json

import pytest

from configs.model_code import (
    AGREED,
    ModelCodeError,
    check_references,
    code_digests,
    fingerprint,
    read_code_files,
    verified_copy,
    with_agreed,
)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "modeling.py").write_text("1")
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "modeling.Model"}}')
    (folder / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": ["modeling.Slow", null]}}')
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.mark.parametrize(
    "reference",
    [
        "/other/folder--modeling.Model",
        "somebody/repository--modeling.Model",
        "/other/modeling.Model",
        "../modeling.Model",
        "other\\modeling.Model",
        "modeling.Model.more",
        "missing.Model",
        "modeling",
        "",
        7,
    ],
)
@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "deep/processor_config.json"])
def test_code_outside_the_folder_is_refused_in_every_json_file(folder, file, reference):
    check_references(folder, read_code_files(folder))
    (folder / "deep").mkdir()
    (folder / file).write_text(json.dumps({"llm_config": [{"auto_map": {"AutoModel": [None, reference]}}]}))
    with pytest.raises(ModelCodeError, match="not in the model's folder"):
        verified_copy(folder)


@pytest.mark.parametrize("weights", ["../evil.safetensors", "/evil.safetensors", "evil.bin", None])
def test_weights_outside_the_folder_and_pickled_ones_are_refused(folder, weights):
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"layer": weights}}))
    with pytest.raises(ModelCodeError, match="weights"):
        verified_copy(folder)


def test_an_adapter_that_names_another_model_is_refused(folder):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/other"}')
    with pytest.raises(ModelCodeError, match="names another model"):
        verified_copy(folder)


def test_a_process_loads_a_copy_of_what_its_parent_checked_and_nothing_else(folder, monkeypatch):
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    monkeypatch.setenv(AGREED, with_agreed(folder, fingerprint(code_digests(folder)), {})[AGREED])
    monkeypatch.setenv("HF_MODULES_CACHE", "")
    copy = verified_copy(folder)
    changed = {name for name, sha256 in code_digests(folder).items() if code_digests(copy)[name] != sha256}
    assert changed == {"tokenizer_config.json"} and copy.name == folder.name
    assert (copy / "model.safetensors").read_bytes() == b"weights" and not (copy / "pytorch_model.bin").exists()
    (folder / "modeling.py").write_text("2")
    assert (copy / "modeling.py").read_text() == "1"
    with pytest.raises(ModelCodeError, match="has changed"):
        verified_copy(folder)


def test_the_copys_tokenizer_is_the_slow_one_and_adds_no_bos(folder):
    """InternLM2's fast tokenizer has other ids with transformers 5, and the chat templates contain the BOS."""
    classes = ["modeling.InternLM2Tokenizer", "modeling.InternLM2TokenizerFast"]
    settings = {"auto_map": {"AutoTokenizer": classes}, "tokenizer_class": "InternLM2TokenizerFast", "kept": 1}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    assert json.loads((verified_copy(folder) / "tokenizer_config.json").read_text()) == {
        "auto_map": {"AutoTokenizer": ["modeling.InternLM2Tokenizer", None]},
        "tokenizer_class": "InternLM2Tokenizer",
        "add_bos_token": False,
        "kept": 1,
    }
    for unchanged in ('{"tokenizer_class": "PreTrainedTokenizerFast"}', "{", "[]"):
        (folder / "tokenizer_config.json").write_text(unchanged)
        assert (verified_copy(folder) / "tokenizer_config.json").read_text() == unchanged


def test_a_folder_with_dots_is_loaded_under_a_plain_name(folder):
    dotted = folder.rename(folder.with_name("InternVL2.5-2B"))
    copy = verified_copy(dotted)
    assert copy.name == "InternVL2_5-2B" and (copy / "model.safetensors").read_bytes() == b"weights"
