"""Muon for many small matrices at once.

`torch.optim.Muon` updates one matrix after the other, which takes most of a small model's step on a GPU: about two
thousand small operations are launched one by one. Here matrices of one shape are stacked and updated together; the
results are the same.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch

COEFFICIENTS, STEPS, EPSILON = (3.4445, -4.775, 2.0315), 5, 1e-7
"""Parameters of the Newton–Schulz iteration in Keller Jordan's Muon, as in `torch.optim.Muon`."""
MATCH_ADAMW = 0.2
"""Scale of an update, times the square root of the longer side, to match AdamW's (Moonshot, arXiv 2502.16982)."""


class Muon(torch.optim.Optimizer):
    """Equivalent to `torch.optim.Muon(..., adjust_lr_fn="match_rms_adamw")` with Nesterov momentum, for matrices."""

    def __init__(self, params: Any, lr: float, weight_decay: float = 0.0, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        for group in self.param_groups:
            by_shape = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape[tuple(matrix.shape)].append(matrix)
            for shape, matrices in by_shape.items():
                self.update(group, shape, matrices)

    def update(self, group: dict[str, Any], shape: tuple[int, ...], matrices: list[torch.Tensor]) -> None:
        """Update all matrices of a shape (rows, columns), stacked."""
        for matrix in matrices:
            if not self.state[matrix]:
                self.state[matrix]["momentum"] = torch.zeros_like(matrix)
        gradients = [matrix.grad for matrix in matrices]
        momenta = [self.state[matrix]["momentum"] for matrix in matrices]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        updates = orthogonal(torch.stack(torch._foreach_lerp(gradients, momenta, group["momentum"])))
        torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(
            matrices, list(updates.float().unbind()), alpha=-group["lr"] * MATCH_ADAMW * max(shape) ** 0.5
        )


def orthogonal(stacked: torch.Tensor) -> torch.Tensor:
    """Orthogonalise matrices (n, rows, columns) approximately: all singular values near 1, in bf16."""
    a, b, c = COEFFICIENTS
    tall = stacked.shape[1] > stacked.shape[2]
    each = stacked.bfloat16()
    each = each.mT if tall else each
    each = each / each.norm(dim=(1, 2), keepdim=True).clamp(min=EPSILON)
    for _ in range(STEPS):
        gram = each @ each.mT
        each = torch.baddbmm(each, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), each, beta=a)
    return each.mT if tall else each
