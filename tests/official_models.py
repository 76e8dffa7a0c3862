"""OpenGVLab's model families: their published configurations and the layout of their directories, without weights.

`write_layout` writes a directory as it comes from a download; the weight files are sparse, so that even an 8B model
takes no disk space. `official_prompt` is the prompt as OpenGVLab's own code makes it.
"""

import json
from pathlib import Path
from typing import Any

from storage.checkpoint.architecture import expected_tensors

SIZES = {
    "2B": {"hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 8192},
    "8B": {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 14336},
}
FAMILIES = {
    "InternVL2-2B": ("2B", "internlm2-chat"),
    "InternVL2-8B": ("8B", "internlm2-chat"),
    "InternVL2_5-2B": ("2B", "internvl2_5"),
    "InternVL2_5-8B": ("8B", "internvl2_5"),
}
SPECIAL = {
    "<|plugin|>": 92538,
    "<|interpreter|>": 92539,
    "<|action_end|>": 92540,
    "<|action_start|>": 92541,
    "<|im_end|>": 92542,
    "<|im_start|>": 92543,
    "<img>": 92544,
    "</img>": 92545,
    "<IMG_CONTEXT>": 92546,
    "<quad>": 92547,
    "</quad>": 92548,
    "<ref>": 92549,
    "</ref>": 92550,
    "<box>": 92551,
    "</box>": 92552,
}
TOKENIZER_BYTES = 1_477_754
SHARD_BYTES = 4_000_000_000
CONVERSATIONS = {
    "internlm2-chat": (
        "你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，英文名叫InternVL, 是一个有用无害的人工智能助手。",
        "<|im_end|>",
    ),
    "internvl2_5": (
        "你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。",
        "<|im_end|>\n",
    ),
}
"""System message and separator of the families' `Conversation` (style MPT)."""


def official_prompt(template: str, question: str, context_tokens: int) -> str:
    """The query of `InternVLChatModel.chat` for one picture; its tokenizer adds the BOS.

    `Conversation.get_prompt` in style MPT: the system prompt, then each role with its message, each followed by the
    separator; the last role has no message.
    """
    system_message, sep = CONVERSATIONS[template]
    question = "<image>\n" + question
    messages = [("<|im_start|>user\n", question), ("<|im_start|>assistant\n", None)]
    query = f"<|im_start|>system\n{system_message}" + sep
    for role, message in messages:
        query += role + message + sep if message else role
    return query.replace("<image>", f"<img>{'<IMG_CONTEXT>' * context_tokens}</img>", 1)


def official_config(family: str, **changes: Any) -> dict[str, Any]:
    """config.json of a family, with the keys that programs read."""
    size, template = FAMILIES[family]
    return {
        "architectures": ["InternVLChatModel"],
        "auto_map": {
            "AutoConfig": "configuration_internvl_chat.InternVLChatConfig",
            "AutoModel": "modeling_internvl_chat.InternVLChatModel",
            "AutoModelForCausalLM": "modeling_internvl_chat.InternVLChatModel",
        },
        "downsample_ratio": 0.5,
        "dynamic_image_size": True,
        "force_image_size": 448,
        "llm_config": {
            "architectures": ["InternLM2ForCausalLM"],
            "attn_implementation": "flash_attention_2",
            "bias": False,
            **SIZES[size],
            "num_key_value_heads": 8,
            "vocab_size": 92553,
            "max_position_embeddings": 32768,
            "rope_theta": 1000000,
            "rope_scaling": {"factor": 2.0, "type": "dynamic"},
            "torch_dtype": "bfloat16",
        },
        "max_dynamic_patch": 12,
        "min_dynamic_patch": 1,
        "model_type": "internvl_chat",
        "ps_version": "v2",
        "select_layer": -1,
        "template": template,
        "torch_dtype": "bfloat16",
        "use_thumbnail": True,
        "vision_config": {
            "architectures": ["InternVisionModel"],
            "hidden_size": 1024,
            "image_size": 448,
            "intermediate_size": 4096,
            "norm_type": "layer_norm",
            "num_attention_heads": 16,
            "num_hidden_layers": 24,
            "patch_size": 14,
            "qk_normalization": False,
            "qkv_bias": True,
            "use_flash_attn": True,
        },
    } | changes


def write_layout(directory: Path, config: dict[str, Any]) -> Path:
    """Write a model directory with this config.json, as OpenGVLab's repositories are laid out."""
    directory.mkdir(parents=True)
    write_json(directory / "config.json", config)
    for name in ("configuration_internvl_chat", "modeling_internvl_chat", "tokenization_internlm2", "conversation"):
        (directory / f"{name}.py").write_text(f"# {name}\n")
    write_json(
        directory / "tokenizer_config.json",
        {
            "auto_map": {"AutoTokenizer": ["tokenization_internlm2.InternLM2Tokenizer", None]},
            "added_tokens_decoder": {str(number): {"content": token} for token, number in specials().items()},
            "tokenizer_class": "InternLM2Tokenizer",
        },
    )
    write_json(directory / "added_tokens.json", SPECIAL)
    write_json(directory / "special_tokens_map.json", {"bos_token": "<s>", "eos_token": "</s>"})
    write_json(directory / "generation_config.json", {"eos_token_id": [92542, 92543]})
    (directory / "tokenizer.model").write_bytes(b"\0" * TOKENIZER_BYTES)
    write_sparse_weights(directory, list(expected_tensors(config)))
    return directory


def specials() -> dict[str, int]:
    return {"<unk>": 0, "<s>": 1, "</s>": 2, **SPECIAL}


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def write_sparse_weights(
    directory: Path, tensors: list[tuple[str, tuple[int, ...]]], dtype: str = "BF16", shard_bytes: int = SHARD_BYTES
) -> None:
    """Write safetensors files whose numbers are holes, in shards with an index where they are large."""
    shards: list[dict[str, Any]] = [{}]
    end, weight_map = 0, {}
    for name, shape in tensors:
        nbytes = 2
        for side in shape:
            nbytes *= side
        if shards[-1] and end + nbytes > shard_bytes:
            shards.append({})
            end = 0
        shards[-1][name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + nbytes]}
        weight_map[name] = len(shards)
        end += nbytes
    names = [
        "model.safetensors" if len(shards) == 1 else f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        for number in range(1, len(shards) + 1)
    ]
    for name, shard in zip(names, shards, strict=True):
        header = json.dumps(shard).encode()
        with (directory / name).open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            file.truncate(8 + len(header) + max(tensor["data_offsets"][1] for tensor in shard.values()))
    if len(shards) > 1:
        index = {"weight_map": {name: names[number - 1] for name, number in weight_map.items()}}
        write_json(directory / "model.safetensors.index.json", index)
