"""base + alpha/rank · B·A with the rounding of XTuner's `convert_to_official`, which PEFT does on a CPU:

A and B to bf16; their product in float32, times the scaling; that delta to bf16; the sum of base and delta to bf16.

There are two ways to the same numbers. NumPy has no bf16, so its rounding is spelt out on the bits; it starts at once.
PyTorch multiplies bf16 in hardware where the processor can, twice as fast, but takes more than a second to import. Many cores
make the import the longer part, few cores the product: `chosen` decides by their number (docs/training.md has the times).
"""
import importlib
import math
import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

MANY_CORES = 6
PASS = 1 << 16
"""Elements in one pass of rounding: three float32 arrays of that many stay in a core's second-level cache."""
SPLIT = np.float32(65537.0)
AddDelta = Callable[[np.ndarray, np.ndarray, np.ndarray, float, np.ndarray], None]
"""(base rows, B's rows, A, scaling, out): base and out are bf16 as uint16 (rows, columns), A and B bf16's values as float32."""


def rounded_to_bf16(values: np.ndarray) -> np.ndarray:
    """float32 values rounded in place to bf16's, to the nearest and ties to even. They must be finite."""
    bits = values.view(np.uint32)
    carry = (bits >> 16) & 1
    carry += 0x7FFF
    bits += carry
    bits &= 0xFFFF0000
    return values


def to_bf16(values: np.ndarray) -> np.ndarray:
    """The same, as uint16."""
    return (rounded_to_bf16(values).view(np.uint32) >> 16).astype(np.uint16)


class WithNumpy:
    """One thread's way through NumPy, with its scratch memory."""

    def __init__(self) -> None:
        self.product, self.total, self.spare = np.empty(0, np.float32), np.empty(PASS, np.uint32), np.empty(PASS, np.uint32)

    def __call__(self, base: np.ndarray, b: np.ndarray, a: np.ndarray, scaling: float, out: np.ndarray) -> None:
        if self.product.size < base.size:
            self.product = np.empty(base.size, np.float32)
        delta = np.matmul(b, a, out=self.product[:base.size].reshape(base.shape)).reshape(-1)
        if scaling != 1.0:
            delta *= np.float32(scaling)
        base, out = base.reshape(-1), out.reshape(-1)
        for start in range(0, delta.size, PASS):
            here = slice(start, start + PASS)
            self.add(base[here], delta[here], out[here])

    def add(self, base: np.ndarray, delta: np.ndarray, out: np.ndarray) -> None:
        total, bits = self.total[:delta.size], self.spare[:delta.size]
        sums, wide = total.view(np.float32), bits.view(np.float32)
        # Veltkamp's splitting: three float operations round to 8 bits. It may break a tie the other way, which a product of
        # float32 accuracy meets once in 65,536 values; the sum below, where ties are common, is rounded on its bits instead.
        np.multiply(delta, SPLIT, out=wide)
        np.subtract(wide, delta, out=sums)
        np.subtract(wide, sums, out=delta)
        np.left_shift(base, 16, out=total, dtype=np.uint32, casting="unsafe")
        np.add(sums, delta, out=sums)
        np.right_shift(total, 16, out=bits)
        np.bitwise_and(bits, 1, out=bits)
        np.add(bits, total, out=bits)
        np.add(bits, 0x7FFF, out=bits)
        np.right_shift(bits, 16, out=bits)
        np.copyto(out, bits, casting="unsafe")


class WithTorch:
    """One thread's way through PyTorch."""

    def __init__(self) -> None:
        self.torch: Any = importlib.import_module("torch")
        self.torch.set_num_threads(1)
        # The base is a read-only view of its file. Torch knows no such thing, and warns; it is only read here.
        warnings.filterwarnings("ignore", "The given buffer is not writable")

    def bf16(self, values: np.ndarray) -> Any:
        return self.torch.frombuffer(memoryview(values).cast("B"), dtype=self.torch.bfloat16).view(*values.shape)

    def __call__(self, base: np.ndarray, b: np.ndarray, a: np.ndarray, scaling: float, out: np.ndarray) -> None:
        torch, total = self.torch, self.bf16(out)
        left, right = torch.from_numpy(b), torch.from_numpy(a)
        if exact(scaling):
            # Rounding comes after the scaling in the reference; a power of two may as well go into B, where it changes no digit.
            torch.matmul((left * scaling).to(torch.bfloat16), right.to(torch.bfloat16), out=total)
        else:
            total.copy_((left @ right) * scaling)
        total.add_(self.bf16(base))


def exact(scaling: float) -> bool:
    """Whether a number is a power of two, so that multiplying by it changes no digit."""
    return math.frexp(scaling)[0] == 0.5


def chosen(cores: int | None = None) -> Callable[[], AddDelta]:
    """The faster way on this machine. Each thread makes one of its own."""
    return WithNumpy if (cores or len(os.sched_getaffinity(0))) >= MANY_CORES else WithTorch
