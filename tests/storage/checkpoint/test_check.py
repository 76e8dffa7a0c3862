"""One checker names the fault of a model directory in one line that says what to do."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from configs.settings import ROOT
from storage.checkpoint.architecture import WORKING, expected_tensors
from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.location import CheckpointError
from tests.official_models import FAMILIES, official_config, write_json, write_layout, write_sparse_weights

DEMO = ROOT / "configs" / "demo-model" / "checkpoint"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 63 + "1\nsize 4411571040\n"
PARAMETERS = {"2B": 2_205_754_368, "8B": 8_075_365_376}
"""As on OpenGVLab's model cards: 2.21 B and 8.08 B."""


@pytest.mark.parametrize("family", FAMILIES)
def test_every_accepted_family_is_recognised_by_its_official_configuration(family, tmp_path):
    checkpoint = check_checkpoint(write_layout(tmp_path / family, official_config(family)), for_training=True)
    size, template = FAMILIES[family]
    assert (checkpoint.template, checkpoint.max_tiles) == (template, 12)
    assert checkpoint.parameters == PARAMETERS[size]
    assert checkpoint.weight_bytes > 2 * checkpoint.parameters
    assert len(checkpoint.weight_files) == {"2B": 2, "8B": 5}[size]


def test_the_demo_model_passes(tmp_path):
    assert check_checkpoint(DEMO, for_training=True).parameters == 7_448_640


def change_config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        for key, value in changes.items():
            part = config
            *parents, last = key.split("__")
            for parent in parents:
                part = part[parent]
            part[last] = value
        write_json(folder / "config.json", config)

    return change


def remove(*names: str) -> Callable[[Path], None]:
    return lambda folder: [(folder / name).unlink() for name in names] and None


def write(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None


def cut_off(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, size)


def rewrite_weights(change: Callable[[list], list], dtype: str = "BF16") -> Callable[[Path], None]:
    def rewrite(folder: Path) -> None:
        for file in folder.glob("model*.safetensors*"):
            file.unlink()
        config = json.loads((folder / "config.json").read_text())
        write_sparse_weights(folder, change(list(expected_tensors(config))), dtype)

    return rewrite


def other_auto_map(folder: Path) -> None:
    change_config(auto_map={"AutoModel": "OpenGVLab/InternVL2-2B--modeling_internvl_chat.InternVLChatModel"})(folder)


SHARD = "model-00001-of-00002.safetensors"
CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "1B": (change_config(llm_config__architectures=["Qwen2ForCausalLM"]), "Qwen2ForCausalLM"),
    "4B": (change_config(llm_config__architectures=["Phi3ForCausalLM"]), "Phi3ForCausalLM"),
    "26B": (change_config(vision_config__qk_normalization=True, vision_config__norm_type="rms_norm"), "InternViT-6B"),
    "-hf": (change_config(architectures=["InternVLForConditionalGeneration"]), "-hf"),
    "AWQ": (change_config(quantization_config={"quant_method": "awq"}), "quantised"),
    "AWQ inside": (change_config(llm_config__quantization_config={"quant_method": "awq"}), "quantised"),
    "another model": (change_config(architectures=["LlamaForCausalLM"]), "LlamaForCausalLM"),
    "unknown template": (change_config(template="Hermes-2"), "'Hermes-2'"),
    "no template": (change_config(template=None), "None"),
    "no layers in the config": (change_config(llm_config__num_hidden_layers=None), "is incomplete"),
    "no tiles in the config": (change_config(max_dynamic_patch=None), "max_dynamic_patch"),
    "half a config": (write("config.json", "{"), "can't be read"),
    "a list as config": (write("config.json", "[]"), "holds no JSON object"),
    "config pointer": (write("config.json", POINTER), "git-lfs pointer"),
    "weights pointer": (write(SHARD, POINTER), "git-lfs pointer"),
    "empty weights": (write(SHARD, " "), "is cut off"),
    "weights cut off": (cut_off(SHARD, 3_000_000_000), "is cut off"),
    "weights cut in the header": (cut_off(SHARD, 5_000), "is cut off"),
    "no shard": (remove(SHARD), f"lacks {SHARD}"),
    "index pointer": (write("model.safetensors.index.json", POINTER), "git-lfs pointer"),
    "index without names": (write("model.safetensors.index.json", "{}"), "names no weight files"),
    "index with other folders": (
        write("model.safetensors.index.json", '{"weight_map": {"a": "../a.safetensors"}}'),
        "weights that are not in the model's folder",
    ),
    "no weights": (remove("model.safetensors.index.json"), "has no safetensors weights"),
    "one weight missing": (rewrite_weights(lambda tensors: tensors[:-1]), "language_model.output.weight"),
    "another shape": (
        rewrite_weights(lambda tensors: [*tensors[:-1], (tensors[-1][0], (92553, 4096))]),
        "92553 × 4096, and its config.json says 92553 × 2048",
    ),
    "another size's config": (change_config(llm_config__num_hidden_layers=32), "lacks 56 of"),
    "integer weights": (rewrite_weights(lambda tensors: tensors, "I16"), "is I16"),
    "no code": (remove("modeling_internvl_chat.py"), "code that is not in the model's folder"),
    "code of a hub": (other_auto_map, "code that is not in the model's folder"),
    "no auto_map": (change_config(auto_map=None), "names no modelling code"),
    "no tokenizer": (remove("tokenizer_config.json"), "has no tokenizer"),
    "half a tokenizer": (write("tokenizer_config.json", "{"), "can't be read"),
    "no vocabulary": (remove("tokenizer.model"), "tokenizer.model is missing"),
    "vocabulary pointer": (write("tokenizer.model", POINTER), "git-lfs pointer"),
    "vocabulary cut off": (cut_off("tokenizer.model", 65_536), "is cut off"),
    "no tokenizer code": (remove("tokenization_internlm2.py"), "code that is not in the model's folder"),
    "generation_config pointer": (write("generation_config.json", POINTER), "git-lfs pointer"),
    "added_tokens cut off": (write("added_tokens.json", '{"<img>"'), "can't be read"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_one_line_with_the_path(case, tmp_path):
    folder = write_layout(tmp_path / "InternVL2-2B", official_config("InternVL2-2B"))
    damage, words = CASES[case]
    damage(folder)
    with pytest.raises(CheckpointError) as caught:
        check_checkpoint(folder)
    line = str(caught.value)
    assert words in line and "\n" not in line and str(folder) in line and line.endswith(".")


@pytest.mark.parametrize("case", ["1B", "4B", "26B", "-hf", "AWQ"])
def test_a_refusal_of_another_model_names_what_works(case, tmp_path):
    folder = write_layout(tmp_path / case, official_config("InternVL2-2B"))
    CASES[case][0](folder)
    with pytest.raises(CheckpointError, match=WORKING):
        check_checkpoint(folder)


def test_a_tokenizer_of_another_model_is_named(tmp_path):
    folder = shutil.copytree(DEMO, tmp_path / "demo")
    file = folder / "tokenizer.json"
    file.write_text(file.read_text(encoding="utf-8").replace("<IMG_CONTEXT>", "<NO_CONTEXT>"), encoding="utf-8")
    with pytest.raises(CheckpointError, match="does not know <IMG_CONTEXT>"):
        check_checkpoint(folder)
    file.write_text(POINTER)
    with pytest.raises(CheckpointError, match="git-lfs pointer"):
        check_checkpoint(folder)


def test_runs_start_from_bf16_weights(tmp_path):
    folder = write_layout(tmp_path / "half", official_config("InternVL2-2B"))
    rewrite_weights(lambda tensors: tensors, "F16")(folder)
    assert check_checkpoint(folder).template == "internlm2-chat"
    with pytest.raises(CheckpointError, match="F16; runs start from bf16"):
        check_checkpoint(folder, for_training=True)


def test_a_folder_of_hugging_faces_cache_leads_to_its_snapshot(tmp_path):
    cache = tmp_path / "models--OpenGVLab--InternVL2-2B"
    whole = write_layout(cache / "snapshots" / "b1946d", official_config("InternVL2-2B"))
    (cache / "blobs").mkdir()
    for file in whole.iterdir():
        file.rename(cache / "blobs" / file.name)
        file.symlink_to(Path("../../blobs") / file.name)
    assert check_checkpoint(cache).directory == whole
    (cache / "snapshots" / "old").mkdir()
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("b1946d\n")
    assert check_checkpoint(cache).directory == whole
    with pytest.raises(CheckpointError, match="Did you mean .*models--OpenGVLab--InternVL2-2B"):
        check_checkpoint(tmp_path)
    shutil.rmtree(whole)
    with pytest.raises(CheckpointError, match="without a complete snapshot"):
        check_checkpoint(cache)


def test_a_wrong_path_is_told_with_what_is_near(tmp_path):
    write_layout(tmp_path / "models" / "InternVL2-2B", official_config("InternVL2-2B"))
    for path, words in (
        (tmp_path / "models" / "InternVL2_2B", "There is no directory .*models has InternVL2-2B"),
        (tmp_path / "nowhere" / "at" / "all", "There is no directory"),
        (tmp_path / "models", "has no config.json. Did you mean .*InternVL2-2B"),
        (tmp_path / "models" / "InternVL2-2B" / "config.json", "is a file"),
    ):
        with pytest.raises(CheckpointError, match=words):
            check_checkpoint(path)


def test_a_relative_path_becomes_absolute_and_dots_do_no_harm(tmp_path, monkeypatch):
    write_layout(tmp_path / "InternVL2.5-2B", official_config("InternVL2_5-2B"))
    monkeypatch.chdir(tmp_path)
    assert check_checkpoint(Path("InternVL2.5-2B")).directory == tmp_path / "InternVL2.5-2B"
