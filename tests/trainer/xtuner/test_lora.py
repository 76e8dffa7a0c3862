"""The LoRA layer that training computes with, by itself."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from trainer.xtuner.lora import LoraLayer

SIZE, RANK, TOKENS = 256, 8, 400


def layer(dtype: torch.dtype, kept: bool = True, b: float = 1.0) -> LoraLayer:
    """A frozen layer with a LoRA as PEFT has it; `b` is the size of its B."""
    torch.manual_seed(2)
    base, lora_a, lora_b = (
        nn.Linear(columns, rows, bias=False) for columns, rows in ((SIZE, SIZE), (SIZE, RANK), (RANK, SIZE))
    )
    with torch.no_grad():
        lora_b.weight.normal_().mul_(b)
    base.requires_grad_(False)
    module = SimpleNamespace(
        base_layer=base,
        lora_A={"default": lora_a},
        lora_B={"default": lora_b},
        scaling={"default": 2.0},
        lora_dropout={"default": nn.Identity()},
    )
    made = LoraLayer(module, 0, dtype, kept)
    if not kept:
        made.frozen.joined = None  # as with nf4, which is unpacked at every use
    return made


@pytest.mark.parametrize("kept", [True, False])
def test_it_is_peft_s_formula_forward_and_backward(kept: bool) -> None:
    ours, x = layer(torch.float32, kept), torch.randn(TOKENS, SIZE, requires_grad=True)
    weight = ours.frozen.layer.weight
    wanted = x @ weight.t() + 2.0 * (x @ ours.a.t()) @ ours.b.t()
    seen = torch.randn(TOKENS, SIZE)
    gradients = torch.autograd.grad(wanted, (x, ours.a, ours.b), seen)
    got = ours(x, seed=1)
    assert torch.allclose(got, wanted, atol=1e-4)
    for mine, theirs in zip(torch.autograd.grad(got, (x, ours.a, ours.b), seen), gradients, strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kept", [True, False])
def test_a_young_loras_share_is_not_rounded_away(kept: bool) -> None:
    """In bf16, at a size where it is a small part of a rounding step: what it adds must be there on the whole."""
    x = torch.randn(TOKENS, SIZE).bfloat16()
    without, young = layer(torch.bfloat16, kept, b=0.0), layer(torch.bfloat16, kept, b=1e-4)
    moved = (young(x, seed=1).float() - without(x, seed=1).float()).flatten()
    share = 2.0 * ((x.float() @ young.a.t()) @ young.b.t()).flatten()
    assert share.abs().mean() < 0.25 * without(x, seed=1).float().abs().mean() * 2.0**-8
    assert float(moved @ share / (share @ share)) == pytest.approx(1.0, abs=0.1)
