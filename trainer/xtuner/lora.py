"""A frozen linear layer with a LoRA, as one autograd function that keeps only what the backward pass needs.

PEFT needs about ten operations for y = x·Wᵀ + s·(drop(x)·Aᵀ)·Bᵀ. Here it takes two products: l = drop(x)·Aᵀ, then [x,
l]·[W, s·B]ᵀ, so that the sum is rounded once. If x·Wᵀ were rounded to bf16 before the addition, a new LoRA's
contribution would be less than half a rounding step and vanish: on an H100 the first updates then had half of the
effect of XTuner's, at a rate of 1e-5.

The dropout's mask is recomputed from its seed in the backward pass, as is the product silu(u)·v before InternLM2's last
linear layer (a third of a layer's activations).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class FrozenLinear:
    """A frozen weight (out, in) in the computation's dtype: kept unpacked, or unpacked from nf4 at every use.

    Both give the same numbers. An unpacked weight has space for a LoRA's B beside it.
    """

    def __init__(self, layer: nn.Module, dtype: torch.dtype, keep_unpacked: bool, rank: int) -> None:
        self.layer, self.dtype = layer, dtype
        self.joined: torch.Tensor | None = None
        if keep_unpacked or not hasattr(layer.weight, "quant_state"):
            weight = self.unpacked()
            self.joined = torch.cat([weight, weight.new_empty(len(weight), rank)], dim=1)

    def unpacked(self) -> torch.Tensor:
        """The weight (out, in) in `dtype`, unpacked from nf4 if necessary."""
        weight = self.layer.weight
        if hasattr(weight, "quant_state"):
            from bitsandbytes.functional import dequantize_4bit

            weight = dequantize_4bit(weight.data, weight.quant_state)
        return weight.detach().to(self.dtype)

    def get(self) -> torch.Tensor:
        """The weight (out, in) without the columns of B."""
        return self.unpacked() if self.joined is None else self.joined[:, : self.layer.in_features]

    def beside(self, b: torch.Tensor) -> torch.Tensor:
        """[W, b] for a b of (out, rank)."""
        if self.joined is None:
            return torch.cat([self.unpacked(), b], dim=1)
        self.joined[:, self.layer.in_features :] = b
        return self.joined


class LoraLayer:
    """One of PEFT's LoRA layers, applied by `LoraFunction`. `number` distinguishes its dropout from other layers'."""

    def __init__(self, module: nn.Module, number: int, dtype: torch.dtype, keep_unpacked: bool) -> None:
        self.a, self.b = module.lora_A["default"].weight, module.lora_B["default"].weight
        self.frozen = FrozenLinear(module.base_layer, dtype, keep_unpacked, len(self.a))
        self.scaling, self.number = float(module.scaling["default"]), number
        dropout = module.lora_dropout["default"]
        self.dropout = float(dropout.p) if isinstance(dropout, nn.Dropout) else 0.0

    def __call__(self, x: torch.Tensor, seed: int, gate: torch.Tensor | None = None) -> torch.Tensor:
        """Map x (tokens, in) to (tokens, out). With `gate`, the input is silu(gate) · x.

        `seed` is that of the step, for the dropout.
        """
        return LoraFunction.apply(x, gate, self.a, self.b, self, seed * 10_007 + self.number)


class LoraFunction(torch.autograd.Function):
    """Maps x (tokens, in), gate (tokens, in) or None, a (rank, in) and b (out, rank) to (tokens, out).

    It keeps x, the gate, l (tokens, rank) and the dropout's `seed` for the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        gate: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        layer: LoraLayer,
        seed: int,
    ) -> torch.Tensor:
        scaled = (b * (layer.scaling / (1 - layer.dropout))).to(x.dtype)
        a, b = a.to(x.dtype), b.to(x.dtype)
        whole = gated(x, gate)
        low = masked(whole, layer.dropout, seed) @ a.t()
        y = torch.cat([whole, low], dim=1) @ layer.frozen.beside(scaled).t()
        ctx.save_for_backward(x, gate, low, a, b)
        ctx.layer, ctx.seed = layer, seed
        return y

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, gate, low, a, b = ctx.saved_tensors
        layer: LoraLayer = ctx.layer
        scaling = layer.scaling / (1 - layer.dropout)
        whole = gated(x, gate)
        grad_low = (grad @ b).mul_(scaling)
        grad_b = (grad.t() @ low).to(layer.b.dtype).mul_(scaling)
        grad_a = (grad_low.t() @ masked(whole, layer.dropout, ctx.seed)).to(layer.a.dtype)
        grad_x = grad @ layer.frozen.get()
        if layer.dropout:
            grad_x += masked(grad_low @ a, layer.dropout, ctx.seed)
        else:
            grad_x.addmm_(grad_low, a)
        if gate is None:
            return grad_x, None, grad_a, grad_b, None, None
        grad_gate = torch.ops.aten.silu_backward(grad_x * x, gate)
        return grad_x.mul_(F.silu(gate)), grad_gate, grad_a, grad_b, None, None


def gated(x: torch.Tensor, gate: torch.Tensor | None) -> torch.Tensor:
    return x if gate is None else F.silu(gate).mul_(x)


def masked(x: torch.Tensor, share: float, seed: int) -> torch.Tensor:
    """x with a share of its elements set to 0, determined by the seed. The other elements are not scaled."""
    if not share:
        return x
    generator = torch.Generator(x.device).manual_seed(seed)
    return x * torch.empty(x.shape, dtype=torch.bool, device=x.device).bernoulli_(1 - share, generator=generator)
