"""LMDeploy's rule against repetition ends repetitive texts, and not a joke that has just joined a batch."""

from types import SimpleNamespace

import numpy
import pytest
import torch
from lmdeploy.pytorch.engine.logits_process import ngram
from lmdeploy.pytorch.strategies.ar import sampling

from bot.engine.lmdeploy.repetition_fix import fix_padding, register

SIZE, TIMES = 8, 3
STOCK = sampling._gather_generated_ids


def ended(gather, *written: list[int], padding: int = 2) -> list[bool]:
    """Whether LMDeploy's rule ends each request of a batch, given its generated tokens."""
    requests = [
        SimpleNamespace(num_new_tokens=len(words), generated_ids=numpy.array(words, dtype=numpy.int64))
        for words in written
    ]
    ids = gather(padding, requests, SimpleNamespace(repetition_penalty=None, max_repetition_ngram_size=SIZE))
    _, found = ngram(torch.from_numpy(ids), None, torch.full((len(written),), TIMES), SIZE, 1024)
    return found.tolist()


@pytest.fixture
def mended(monkeypatch):
    monkeypatch.setattr(sampling, "_gather_generated_ids", STOCK)
    register()
    return sampling._gather_generated_ids


LONG, LOOP = list(range(100, 140)), [7, 8, 9] * 9


def test_lmdeploy_itself_ends_a_joke_that_has_just_joined_a_longer_one():
    assert ended(STOCK, LONG, []) == [False, True], "once this fails, the mend is not needed any more"


@pytest.mark.parametrize("padding", [0, 2])
def test_a_joke_that_has_just_joined_goes_on_and_one_that_repeats_itself_ends(mended, padding):
    for beside in ([], [5], [5, 6], LONG[:7], LONG[:8], LONG):
        assert ended(mended, LONG, beside, padding=padding) == [False, False]
        assert ended(mended, LOOP, beside, padding=padding) == [True, False]
    assert ended(mended, [], [], padding=padding) == [False, False]
    assert ended(mended, [33] * 12, padding=padding) == [True]


def test_it_is_mended_once(mended):
    register()
    assert sampling._gather_generated_ids is mended and fix_padding(mended) is mended
    assert mended(2, [], SimpleNamespace(repetition_penalty=None, max_repetition_ngram_size=0)) is None
