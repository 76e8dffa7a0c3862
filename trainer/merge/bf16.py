"""base + alpha/rank · B·A with the rounding of XTuner's `convert_to_official`, which PEFT does on a CPU:

A and B to bf16; their product in float32, times the scaling; that delta to bf16; the sum of base and delta to bf16.

NumPy has no bf16 but starts in 0.1 s; the import of PyTorch would take longer than the merge on sixteen cores. NumPy's
float32 product adds in the same order as PyTorch's, so the results agree to the last bit. PyTorch's product of bf16
matrices, twice as fast on processors that support it, does not agree: one delta in 70,000 is rounded the other way,
which can change a sum by two steps.
"""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Bf16 = NDArray[np.uint16]

PASS = 1 << 16
"""Elements in one pass of rounding: three float32 arrays of that many stay in a core's second-level cache."""
SPLIT = np.float32(65537.0)


def round_to_bf16(values: Float32, spare: Float32) -> Float32:
    """Round float32 values in place to bf16 values, ties to even. `spare` is a buffer of the same shape.

    Veltkamp's splitting takes three float operations instead of five bit operations. A test covers all 2²³
    significands. Values must be finite and below 2¹¹¹.
    """
    np.multiply(values, SPLIT, out=spare)
    np.subtract(spare, values, out=values)
    return np.subtract(spare, values, out=values)


def to_bf16(values: Float32) -> Bf16:
    """float32 values as bf16 in uint16; the values are rounded in place."""
    return (round_to_bf16(values, np.empty_like(values)).view(np.uint32) >> 16).astype(np.uint16)


class LoraAdder:
    """Adds LoRA products to blocks of a base; one instance for each thread, because it has buffers."""

    def __init__(self) -> None:
        self.product = np.empty(0, np.float32)
        self.total, self.spare = np.empty(PASS, np.uint32), np.empty(PASS, np.float32)

    def __call__(self, base: Bf16, b: Float32, a: Float32, scaling: float, out: Bf16) -> None:
        """Compute base + scaling · B·A into `out`.

        `base` and `out` (rows, columns) are bf16 as uint16; `b` (rows, rank) and `a` (rank, columns) are bf16 values as
        float32.
        """
        if self.product.size < base.size:
            self.product = np.empty(base.size, np.float32)
        delta = np.matmul(b, a, out=self.product[: base.size].reshape(base.shape)).reshape(-1)
        if scaling != 1.0:
            delta *= np.float32(scaling)
        base, out = base.reshape(-1), out.reshape(-1)
        for start in range(0, delta.size, PASS):
            here = slice(start, start + PASS)
            self.add(base[here], delta[here], out[here])

    def add(self, base: Bf16, delta: Float32, out: Bf16) -> None:
        """One pass. `base` and `out` (n ≤ PASS) are bf16 as uint16; `delta` (n) is float32 and rounded in place."""
        bits, spare = self.total[: delta.size], self.spare[: delta.size]
        total = bits.view(np.float32)
        round_to_bf16(delta, spare)
        np.left_shift(base, 16, out=bits, dtype=np.uint32, casting="unsafe")
        np.add(total, delta, out=total)
        round_to_bf16(total, spare)
        np.right_shift(bits, 16, out=bits)
        np.copyto(out, bits, casting="unsafe")
