"""A fix for LMDeploy's rule against repetition (`repetition_ngram_size`), which counts padding as tokens.

LMDeploy 0.18.0 collects the generated tokens of a batch's requests in one array, as wide as the longest and padded in
front (`_gather_generated_ids` in `lmdeploy/pytorch/strategies/ar/sampling.py`). The row of a request that has just
joined a batch is all padding, so its last eight tokens repeat and its text ends after one token (seen on an H100,
2026-11-24: jokes of a fifth of a second whenever requests overlapped). The fix puts another token at the end of such a
row, so that its last n-gram occurs once.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy
from lmdeploy.pytorch.strategies.ar import sampling
from numpy.typing import NDArray


class SequenceView(Protocol):
    """The part of LMDeploy's SchedulerSequence that is used."""

    num_new_tokens: int


Gather = Callable[[int, Sequence[SequenceView], Any], NDArray[numpy.integer[Any]] | None]


def fix_padding(gather: Gather) -> Gather:
    """Wrap LMDeploy's `_gather_generated_ids`, which returns (requests, longest) token ids or None. Idempotent."""
    if getattr(gather, "padding_fixed", False):
        return gather

    def fixed(padding: int, requests: Sequence[SequenceView], inputs: Any) -> NDArray[numpy.integer[Any]] | None:
        token_ids = gather(padding, requests, inputs)
        if token_ids is not None and token_ids.shape[1]:
            for row, request in zip(token_ids, requests, strict=True):
                if request.num_new_tokens == 0:
                    # Both are special tokens: a penalty for them changes no text.
                    row[-1] = 0 if padding else 1
        return token_ids

    fixed.padding_fixed = True  # type: ignore[attr-defined]
    return fixed


def register() -> None:
    """Apply the fix in this process. Raises AttributeError if LMDeploy has no such function."""
    sampling._gather_generated_ids = fix_padding(sampling._gather_generated_ids)
