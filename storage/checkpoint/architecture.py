"""The supported kind of model, and the tensors that a checkpoint of it must have.

Names and keys are those of InternVL2 as published by OpenGVLab (modeling_internvl_chat.py, modeling_intern_vit.py,
modeling_internlm2.py). Keys that a config.json leaves out have the defaults of OpenGVLab's configuration classes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

KINDS = ("InternVLChatModel", "InternLM2ForCausalLM")
"""The architectures of the model and of its language model."""
WORKING = "InternVL2-2B, InternVL2-8B, InternVL2.5-2B and InternVL2.5-8B work"
TensorShapes = Iterator[tuple[str, tuple[int, ...]]]


def unsupported(config: Mapping[str, Any]) -> str:
    """What makes a model unsupported, in a few words; "" if nothing does.

    The language models of the other sizes are those on OpenGVLab's model cards.
    """
    kind, language = _architecture(config), _architecture(_part(config, "llm_config"))
    if config.get("quantization_config") or _part(config, "llm_config").get("quantization_config"):
        return "quantised weights (AWQ or another method)"
    if kind == "InternVLForConditionalGeneration":
        return "the layout of transformers' own class (a repository named …-hf)"
    if kind != KINDS[0]:
        return f"another kind of model ({kind or 'its config.json names none'})"
    if language != KINDS[1]:
        return f"another language model ({language or 'its config.json names none'}), as the sizes 1B, 4B and 40B have"
    vision = _part(config, "vision_config")
    if vision.get("qk_normalization", True) or vision.get("norm_type", "rms_norm") != "layer_norm":
        return "another vision model (InternViT-6B), as the size 26B has"
    return ""


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = config.get(name)
    return part if isinstance(part, dict) else {}


def _architecture(config: Mapping[str, Any]) -> str:
    named = config.get("architectures")
    return str(named[0]) if isinstance(named, list) and named else ""


def expected_tensors(config: Mapping[str, Any]) -> TensorShapes:
    """Every tensor's official name and shape. Raises KeyError, TypeError, ValueError for an incomplete config.json."""
    yield from _vision_tensors(config["vision_config"], config)
    hidden = int(config["llm_config"]["hidden_size"])
    folded = int(config["vision_config"]["hidden_size"]) * round(1 / config.get("downsample_ratio", 0.5)) ** 2
    yield from {
        "mlp1.0.weight": (folded,),
        "mlp1.0.bias": (folded,),
        "mlp1.1.weight": (hidden, folded),
        "mlp1.1.bias": (hidden,),
        "mlp1.3.weight": (hidden, hidden),
        "mlp1.3.bias": (hidden,),
    }.items()
    yield from _language_tensors(config["llm_config"])


def _vision_tensors(vision: Mapping[str, Any], config: Mapping[str, Any]) -> TensorShapes:
    size, wide, patch = int(vision["hidden_size"]), int(vision["intermediate_size"]), int(vision["patch_size"])
    side = int(config.get("force_image_size") or vision["image_size"]) // patch
    embeddings = "vision_model.embeddings."
    yield embeddings + "class_embedding", (1, 1, size)
    yield embeddings + "patch_embedding.weight", (size, 3, patch, patch)
    yield embeddings + "patch_embedding.bias", (size,)
    yield embeddings + "position_embedding", (1, side**2 + 1, size)
    layer = {
        "ls1": (size,),
        "ls2": (size,),
        "attn.qkv.weight": (3 * size, size),
        **({"attn.qkv.bias": (3 * size,)} if vision.get("qkv_bias", False) else {}),
        "attn.proj.weight": (size, size),
        "attn.proj.bias": (size,),
        "mlp.fc1.weight": (wide, size),
        "mlp.fc1.bias": (wide,),
        "mlp.fc2.weight": (size, wide),
        "mlp.fc2.bias": (size,),
        "norm1.weight": (size,),
        "norm1.bias": (size,),
        "norm2.weight": (size,),
        "norm2.bias": (size,),
    }
    for number in range(int(vision["num_hidden_layers"])):
        yield from ((f"vision_model.encoder.layers.{number}.{name}", shape) for name, shape in layer.items())


def _language_tensors(language: Mapping[str, Any]) -> TensorShapes:
    size, wide, words = int(language["hidden_size"]), int(language["intermediate_size"]), int(language["vocab_size"])
    heads = int(language["num_attention_heads"])
    rows = (heads + 2 * int(language.get("num_key_value_heads") or heads)) * (size // heads)
    biased = language.get("bias", True)
    yield "language_model.model.tok_embeddings.weight", (words, size)
    layer = {
        "attention.wqkv.weight": (rows, size),
        **({"attention.wqkv.bias": (rows,)} if biased else {}),
        "attention.wo.weight": (size, size),
        **({"attention.wo.bias": (size,)} if biased else {}),
        "feed_forward.w1.weight": (wide, size),
        "feed_forward.w3.weight": (wide, size),
        "feed_forward.w2.weight": (size, wide),
        "attention_norm.weight": (size,),
        "ffn_norm.weight": (size,),
    }
    for number in range(int(language["num_hidden_layers"])):
        yield from ((f"language_model.model.layers.{number}.{name}", shape) for name, shape in layer.items())
    yield "language_model.model.norm.weight", (size,)
    yield "language_model.output.weight", (words, size)
