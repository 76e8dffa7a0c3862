"""LMDeploy's rule against repetition (`repetition_ngram_size`), without counting its own padding as words.

LMDeploy 0.18.0 lays out what each request of a batch has written in one array, as wide as the longest and padded in front
(`_gather_generated_ids` in `lmdeploy/pytorch/strategies/ar/sampling.py`). A request that has just joined a batch has written
nothing as far as that array knows, so its last eight words are padding, again and again, and its text is ended after a
word (seen on an H100, 2026-11-24: jokes of a fifth of a second whenever requests overlapped). Where a row is all padding, its
last place gets another word here, so that what it ends with stands nowhere else.
"""
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy
from lmdeploy.pytorch.strategies.ar import sampling


class Sequenced(Protocol):
    """What is read of LMDeploy's SchedulerSequence."""

    num_new_tokens: int


Gather = Callable[[int, Sequence[Sequenced], Any], numpy.ndarray | None]


def telling_padding_apart(gather: Gather) -> Gather:
    """LMDeploy's `_gather_generated_ids`, (requests, longest) token ids or None, mended; one that is mended already, as it is."""
    if getattr(gather, "padding_apart", False):
        return gather

    def mended(padding: int, requests: Sequence[Sequenced], inputs: Any) -> numpy.ndarray | None:
        written = gather(padding, requests, inputs)
        if written is not None and written.shape[1]:
            for row, request in zip(written, requests, strict=True):
                if request.num_new_tokens == 0:
                    # A special token either way: a penalty for it changes no text.
                    row[-1] = 0 if padding else 1
        return written
    mended.padding_apart = True  # type: ignore[attr-defined]
    return mended


def register() -> None:
    """Have LMDeploy's engine use it. Raises AttributeError where LMDeploy has no such function."""
    sampling._gather_generated_ids = telling_padding_apart(sampling._gather_generated_ids)
