"""InternLM2's forward pass for training: rows concatenated without padding, logits only for tokens with loss.

It uses InternLM2's published parameter names, not its modelling code, so that checkpoints with OpenGVLab's code and
with Jokebot's train alike. The mathematics is the same: residuals and norms in float32 (from PEFT's preparation for 4
bits), products in bf16 on a GPU and in float32 on a CPU, rotary positions from 0 in every row and in float32, causal
attention within a row.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from trainer.xtuner.lora import LoraLayer

PARTS = ("attention.wqkv", "attention.wo", "feed_forward.w1", "feed_forward.w3", "feed_forward.w2")


class DecoderLayer:
    """One decoder layer: its norms' weights and its five linear layers."""

    def __init__(self, module: nn.Module, config: Any, number: int, dtype: torch.dtype, keep_unpacked: bool) -> None:
        self.wqkv, self.wo, self.w1, self.w3, self.w2 = (
            LoraLayer(module.get_submodule(name), len(PARTS) * number + index, dtype, keep_unpacked)
            for index, name in enumerate(PARTS)
        )
        self.attention_norm, self.ffn_norm = module.attention_norm.weight, module.ffn_norm.weight
        self.eps, self.dtype = config.rms_norm_eps, dtype
        self.groups = config.num_attention_heads // config.num_key_value_heads
        self.head = config.hidden_size // config.num_attention_heads

    def __call__(
        self,
        hidden: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        lengths: Sequence[int],
        seed: int,
        only: torch.Tensor | None,
    ) -> torch.Tensor:
        """Map float32 (tokens, hidden) to the same shape; with `only`, compute only these tokens' outputs."""
        attended = self.attend(norm(hidden, self.attention_norm, self.eps, self.dtype), cos, sin, lengths, seed)
        if only is not None:
            hidden, attended = hidden[only], attended[only]
        hidden = hidden + self.wo(attended, seed)
        normed = norm(hidden, self.ffn_norm, self.eps, self.dtype)
        return hidden + self.w2(self.w3(normed, seed), seed, gate=self.w1(normed, seed))

    def attend(
        self, hidden: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, lengths: Sequence[int], seed: int
    ) -> torch.Tensor:
        """Map (tokens, hidden) to attended values (tokens, heads × head), within each row."""
        grouped = self.wqkv(hidden, seed).view(len(hidden), -1, self.groups + 2, self.head)
        query, key, value = grouped.split([self.groups, 1, 1], dim=2)
        query, key = (
            rotate(states.reshape(len(hidden), -1, self.head), cos, sin).to(self.dtype) for states in (query, key)
        )
        rows = zip(*(states.split(list(lengths)) for states in (query, key, value.squeeze(2))), strict=True)
        attended = [
            F.scaled_dot_product_attention(
                *(states.transpose(0, 1)[None] for states in row), is_causal=True, enable_gqa=self.groups > 1
            )[0].transpose(0, 1)
            for row in rows
        ]
        return (torch.cat(attended) if len(attended) > 1 else attended[0]).reshape(len(hidden), -1)


class DecoderStack:
    """InternLM2 with PEFT's LoRA layers in it, from `language_model` to logits."""

    def __init__(self, language_model: nn.Module, dtype: torch.dtype, keep_unpacked: bool) -> None:
        causal: Any = language_model.base_model.model
        self.config, self.embeddings, self.norm, self.dtype = (
            causal.config,
            causal.model.tok_embeddings,
            causal.model.norm.weight,
            dtype,
        )
        self.layers = [
            DecoderLayer(module, self.config, number, dtype, keep_unpacked)
            for number, module in enumerate(causal.model.layers)
        ]
        self.output = LoraLayer(causal.output, len(PARTS) * len(self.layers), dtype, keep_unpacked)

    def logits(
        self, hidden: torch.Tensor, lengths: Sequence[int], targets: torch.Tensor, seed: int, recomputed: int = 0
    ) -> torch.Tensor:
        """Logits (targets, vocabulary) in float32 at the positions `targets` of `hidden`, float32 (tokens, hidden).

        `lengths` are those of the rows in `hidden`. The first `recomputed` layers keep no activations.
        """
        positions = torch.cat([torch.arange(length, device=hidden.device) for length in lengths])
        cos, sin = rotary(self.config, positions, max(lengths))
        last = len(self.layers) - 1
        for number, layer in enumerate(self.layers):
            state = (hidden, cos, sin, lengths, seed, targets if number == last else None)
            hidden = (
                checkpoint(layer, *state, use_reentrant=False, preserve_rng_state=False)
                if number < recomputed
                else layer(*state)
            )
        return self.output(norm(hidden, self.norm, self.config.rms_norm_eps, self.dtype), seed).float()

    def bytes_per_token(self) -> int:
        """Estimate of the activations that one layer keeps of a token, in bytes.

        They are two float32 residuals with their norms, and the inputs and outputs of its linear layers.
        benchmarks/results/train_h100.json has the memory of a whole step on an H100.
        """
        size, wide = self.config.hidden_size, self.config.intermediate_size
        narrow = size * (2 + 2 / self.layers[0].groups)
        return int(
            2 * 4 * size
            + self.dtype.itemsize * (3 * size + narrow + 2 * wide)
            + 5 * self.dtype.itemsize * self.output.a.shape[0]
        )


def norm(hidden: torch.Tensor, weight: torch.Tensor, eps: float, dtype: torch.dtype) -> torch.Tensor:
    return F.rms_norm(hidden, (hidden.shape[-1],), weight, eps).to(dtype)


def rotate(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Apply rotary positions to (tokens, heads, head) in float32, the type of XTuner's hidden states."""
    first, second = states.chunk(2, dim=-1)
    return states * cos + torch.cat([-second, first], dim=-1) * sin


def rotary(config: Any, positions: torch.Tensor, longest: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and sine (tokens, 1, head) in float32, with InternLM2's `rope_scaling` (linear or dynamic NTK)."""
    size, base, scaled = config.hidden_size // config.num_attention_heads, float(config.rope_theta), positions.float()
    scaling = getattr(config, "rope_scaling", None) or {}
    kind, factor = scaling.get("type", scaling.get("rope_type")), float(scaling.get("factor") or 1.0)
    if kind == "linear":
        scaled = scaled / factor
    elif kind == "dynamic" and longest > config.max_position_embeddings:
        base *= (factor * longest / config.max_position_embeddings - (factor - 1)) ** (size / (size - 2))
    angles = scaled[:, None, None] / base ** (
        torch.arange(0, size, 2, device=positions.device, dtype=torch.float32) / size
    )
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()
