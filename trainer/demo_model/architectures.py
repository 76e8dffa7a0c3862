"""Sizes of the checkpoints that Jokebot writes, their config.json, and the names and sizes of their parameters.

Names and keys are those of InternVL2 as published by OpenGVLab; `2b` has exactly InternVL2-2B's sizes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from configs.tiling import TILE
from storage.checkpoint.architecture import expected_tensors

PATCH = 14
CONTEXT_TOKENS = (TILE // PATCH) ** 2 // 4
"""Picture tokens of one tile."""
ROWS = 64
"""Vocabulary sizes are multiples of this, which is efficient on GPUs; `2b` has InternVL2-2B's size."""


@dataclass(frozen=True)
class ArchitectureShape:
    """The sizes of an InternVL2. `max_tiles` is the checkpoint's max_dynamic_patch."""

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    key_heads: int
    intermediate: int
    vision_hidden: int
    vision_layers: int
    vision_heads: int
    vision_intermediate: int
    max_tiles: int

    def parameters(self) -> int:
        """The number of parameters; a bf16 checkpoint has two bytes for each."""
        return sum(math.prod(size) for _, size in parameters(self))


SHAPES = {
    "tiny": ArchitectureShape(
        vocabulary=96 * ROWS,
        hidden=128,
        layers=4,
        heads=2,
        key_heads=1,
        intermediate=384,
        vision_hidden=128,
        vision_layers=6,
        vision_heads=2,
        vision_intermediate=512,
        max_tiles=1,
    ),
    "demo": ArchitectureShape(
        vocabulary=96 * ROWS,
        hidden=192,
        layers=4,
        heads=3,
        key_heads=3,
        intermediate=384,
        vision_hidden=192,
        vision_layers=7,
        vision_heads=3,
        vision_intermediate=768,
        max_tiles=1,
    ),
    "2b": ArchitectureShape(
        vocabulary=92553,
        hidden=2048,
        layers=24,
        heads=16,
        key_heads=8,
        intermediate=8192,
        vision_hidden=1024,
        vision_layers=24,
        vision_heads=16,
        vision_intermediate=4096,
        max_tiles=12,
    ),
}


def parameters(shape: ArchitectureShape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every parameter's official name and size, in the order of writing."""
    return expected_tensors(config(shape))


def config(shape: ArchitectureShape) -> dict[str, Any]:
    """The checkpoint's config.json, with InternVL2-2B's keys."""
    return {
        "architectures": ["InternVLChatModel"],
        "auto_map": {
            "AutoConfig": "configuration_internvl_chat.InternVLChatConfig",
            "AutoModel": "modeling_internvl_chat.InternVLChatModel",
            "AutoModelForCausalLM": "modeling_internvl_chat.InternVLChatModel",
        },
        "downsample_ratio": 0.5,
        "dynamic_image_size": True,
        "force_image_size": TILE,
        "llm_config": llm_config(shape),
        "max_dynamic_patch": shape.max_tiles,
        "min_dynamic_patch": 1,
        "model_type": "internvl_chat",
        "pad_token_id": 2,
        "ps_version": "v2",
        "select_layer": -1,
        "template": "internlm2-chat",
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.48.0",
        "use_backbone_lora": 0,
        "use_llm_lora": 0,
        "use_thumbnail": True,
        "vision_config": vision_config(shape),
    }


def llm_config(shape: ArchitectureShape) -> dict[str, Any]:
    return {
        "architectures": ["InternLM2ForCausalLM"],
        "attn_implementation": "eager",
        "auto_map": {
            "AutoConfig": "configuration_internlm2.InternLM2Config",
            "AutoModel": "modeling_internlm2.InternLM2ForCausalLM",
            "AutoModelForCausalLM": "modeling_internlm2.InternLM2ForCausalLM",
        },
        "bias": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": 32768,
        "model_type": "internlm2",
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.key_heads,
        "pad_token_id": 2,
        "rms_norm_eps": 1e-05,
        "rope_scaling": {"factor": 2.0, "type": "dynamic"},
        "rope_theta": 1000000,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": shape.vocabulary,
    }


def vision_config(shape: ArchitectureShape) -> dict[str, Any]:
    return {
        "architectures": ["InternVisionModel"],
        "attention_dropout": 0.0,
        "drop_path_rate": 0.0,
        "dropout": 0.0,
        "hidden_act": "gelu",
        "hidden_size": shape.vision_hidden,
        "image_size": TILE,
        "initializer_factor": 1.0,
        "initializer_range": 0.02,
        "intermediate_size": shape.vision_intermediate,
        "layer_norm_eps": 1e-06,
        "model_type": "intern_vit_6b",
        "norm_type": "layer_norm",
        "num_attention_heads": shape.vision_heads,
        "num_channels": 3,
        "num_hidden_layers": shape.vision_layers,
        "patch_size": PATCH,
        "qk_normalization": False,
        "qkv_bias": True,
        "torch_dtype": "bfloat16",
        "use_flash_attn": False,
    }
