"""The files that `jokebot demo-model random` writes."""

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from configs.errors import JokebotError
from trainer.demo_model.architectures import SHAPES, config, parameters
from trainer.demo_model.random_weights import write_random
from trainer.demo_model.weight_writer import to_bf16, write_checkpoint

INTERNVL2_2B_PARAMETERS = 2_205_754_368
"""OpenGVLab's model card: 2.21 B; its model.safetensors holds twice that many bytes."""
SMALL = dataclasses.replace(SHAPES["tiny"], layers=2, vision_layers=1)


def official_names(layers: int, vision_layers: int) -> set[str]:
    """InternVL2's parameter names for that depth, written down independently of the code under test."""

    def weight_and_bias(*names: str) -> list[str]:
        return [f"{name}.{kind}" for name in names for kind in ("weight", "bias")]

    names = {
        "vision_model.embeddings.class_embedding",
        "vision_model.embeddings.position_embedding",
        *weight_and_bias("vision_model.embeddings.patch_embedding", "mlp1.0", "mlp1.1", "mlp1.3"),
        "language_model.model.tok_embeddings.weight",
        "language_model.model.norm.weight",
        "language_model.output.weight",
    }
    for number in range(vision_layers):
        parts = [*weight_and_bias("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2", "norm1", "norm2"), "ls1", "ls2"]
        names |= {f"vision_model.encoder.layers.{number}.{part}" for part in parts}
    for number in range(layers):
        parts = [
            "attention.wqkv",
            "attention.wo",
            "feed_forward.w1",
            "feed_forward.w2",
            "feed_forward.w3",
            "attention_norm",
            "ffn_norm",
        ]
        names |= {f"language_model.model.layers.{number}.{part}.weight" for part in parts}
    return names


def test_a_checkpoint_has_internvl2s_parameter_names_in_bfloat16(tiny: Path) -> None:
    tensors = load_file(tiny / "model.safetensors")
    assert set(tensors) == official_names(SHAPES["tiny"].layers, SHAPES["tiny"].vision_layers)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == dict(parameters(SHAPES["tiny"]))
    with safe_open(tiny / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_the_2b_shape_is_internvl2_2bs_to_the_last_parameter() -> None:
    shape = SHAPES["2b"]
    sizes = dict(parameters(shape))
    assert set(sizes) == official_names(24, 24)
    assert sum(math.prod(size) for size in sizes.values()) == shape.parameters() == INTERNVL2_2B_PARAMETERS
    assert sizes["language_model.model.layers.0.attention.wqkv.weight"] == (4096, 2048)
    assert sizes["language_model.output.weight"] == (92553, 2048)
    assert sizes["vision_model.embeddings.position_embedding"] == (1, 1025, 1024)
    assert sizes["mlp1.1.weight"] == (2048, 4096)


def test_config_has_the_keys_that_internvl2s_readers_ask_for(tiny: Path) -> None:
    written = json.loads((tiny / "config.json").read_text(encoding="utf-8"))
    assert written == config(SHAPES["tiny"])
    assert written["auto_map"]["AutoModel"] == "modeling_internvl_chat.InternVLChatModel"
    assert (written["ps_version"], written["select_layer"], written["downsample_ratio"]) == ("v2", -1, 0.5)
    assert (written["template"], written["force_image_size"], written["use_thumbnail"]) == ("internlm2-chat", 448, True)
    assert written["llm_config"]["architectures"] == ["InternLM2ForCausalLM"]
    assert written["llm_config"]["rope_scaling"] == {"factor": 2.0, "type": "dynamic"}
    assert written["vision_config"]["model_type"] == "intern_vit_6b"
    for entry in written["auto_map"].values():
        assert (tiny / f"{entry.split('.')[0]}.py").is_file()


def test_the_tiny_shape_is_small_with_heads_of_64() -> None:
    shape = SHAPES["tiny"]
    assert 2 * shape.parameters() < 15 * 2**20
    assert shape.hidden == 64 * shape.heads and shape.vision_hidden == 64 * shape.vision_heads
    assert shape.vocabulary % 64 == 0


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path: Path, tiny: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "bot",
            "demo-model",
            "random",
            "--shape",
            "tiny",
            "--seed",
            "7",
            "--out",
            tmp_path / "again",
        ],
        check=True,
        capture_output=True,
        timeout=200,
    )
    names = sorted(path.name for path in tiny.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in names:
        assert (tiny / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_random(tmp_path / f"seed{seed}", SMALL, seed)
    one, two = (load_file(tmp_path / f"seed{seed}" / "model.safetensors") for seed in (1, 2))
    name = "language_model.model.layers.1.attention.wo.weight"
    assert not torch.equal(one[name], two[name])
    assert not torch.equal(one[name], one[name.replace("layers.1", "layers.0")])
    assert one[name].float().std().item() == pytest.approx(0.02, rel=0.05)
    assert torch.equal(one["mlp1.0.weight"], torch.ones_like(one["mlp1.0.weight"]))
    assert torch.equal(one["mlp1.0.bias"], torch.zeros_like(one["mlp1.0.bias"]))


def test_a_large_checkpoint_is_sharded_with_an_index(tmp_path: Path) -> None:
    rows = np.arange(24, dtype=np.float32)
    tensors = [("a", (4, 2)), ("b", (8,)), ("c", (1, 8))]
    starts = {"a": 0, "b": 8, "c": 16}

    total = write_checkpoint(
        tmp_path,
        tensors,
        lambda name, size: iter([rows[starts[name] : starts[name] + 3], rows[starts[name] + 3 : starts[name] + 8]]),
        32,
    )
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text(encoding="utf-8"))
    assert total == index["metadata"]["total_size"] == 48
    assert set(index["weight_map"].values()) == {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}
    for name, size in tensors:
        found = load_file(tmp_path / index["weight_map"][name])[name]
        assert torch.equal(found, torch.from_numpy(rows[starts[name] : starts[name] + 8]).reshape(size).bfloat16())


def test_bfloat16_rounds_as_torch_does() -> None:
    values = np.random.default_rng(0).standard_normal(100_000, dtype=np.float32)
    values = np.concatenate([values, np.array([0, 1, -1, 1.00390625, 1.01171875, 3e38, 1e-40], dtype=np.float32)])
    expected = torch.from_numpy(values).bfloat16().view(torch.uint16).numpy()
    assert np.array_equal(to_bf16(values), expected)


def test_a_directory_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(JokebotError, match="is in use"):
        write_random(tmp_path / "mine", SMALL, 1)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_call_that_was_cut_off_does_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "model-unfinished").mkdir()
    (tmp_path / "model-unfinished" / "model.safetensors").write_bytes(b"half")
    write_random(tmp_path / "model", SMALL, 1)
    assert load_file(tmp_path / "model" / "model.safetensors")
    assert not (tmp_path / "model-unfinished").exists()
