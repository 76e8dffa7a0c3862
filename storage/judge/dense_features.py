"""Features of a joke among its candidates and in its context, each one number.

consensus   how many of the other candidates have its rare words, relative to their mean: a text about what is not on
            the photo stands alone (the idea of minimum Bayes risk decoding, Kumar and Byrne, NAACL 2004)
caption     the share of the caption's words that it takes up
logprob     mean log-probability of its tokens, relative to the candidates' mean; 0 if unknown
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from storage.judge.features import GROUP_BITS, FloatArray, IndexArray, TokenTable, unit_hashes
from storage.judge.tokens import HashArray, combine

DENSE = ("consensus", "caption", "logprob")
RARITY_BITS = GROUP_BITS["words"]


def rarity_column(hashes: HashArray) -> IndexArray:
    """The column of units in a table of rarities (1 << RARITY_BITS)."""
    return ((hashes >> np.uint64(16)) & np.uint64((1 << RARITY_BITS) - 1)).astype(np.int64)


def dense_features(
    texts: Sequence[str],
    group: IndexArray,
    captions: Sequence[str | None],
    logprob: FloatArray,
    rarity: NDArray[np.floating],
) -> FloatArray:
    """The features (n, len(DENSE)) of n texts; candidates for one photo have one number in `group` (n).

    `logprob` (n) is NaN where unknown. `rarity` (1 << RARITY_BITS) has the weights of words, see `rarity_of`.
    """
    features = np.zeros((len(texts), len(DENSE)))
    features[:, 0] = consensus(texts, group, rarity)
    captioned = [index for index, caption in enumerate(captions) if caption]
    features[captioned, 1] = [caption_share(texts[index], captions[index] or "") for index in captioned]
    known = np.isfinite(logprob)
    features[:, 2] = np.where(known, logprob - _group_mean(group, np.where(known, logprob, 0.0), known), 0.0)
    return features


def consensus(texts: Sequence[str], group: IndexArray, rarity: NDArray[np.floating]) -> FloatArray:
    """For each text the rarity-weighted share of its units that another of its group has, minus the group's mean."""
    text, hashes = unit_hashes(TokenTable.of(texts))
    _, unit, owners = np.unique(combine(hashes, group[text].astype(np.uint64)), return_inverse=True, return_counts=True)
    others = np.maximum(np.bincount(group, minlength=1)[group] - 1, 1)
    weight = rarity[rarity_column(hashes)].astype(float)
    total = np.bincount(text, weight, len(texts))
    shared = np.bincount(text, weight * (owners[unit] - 1), len(texts)) / others
    share = np.divide(shared, total, out=np.zeros(len(texts)), where=total > 0)
    return share - _group_mean(group, share, np.ones(len(texts), bool))


def rarity_of(texts: Sequence[str]) -> FloatArray:
    """The weight (1 << RARITY_BITS) of words by the number of texts that have them, log(n / n_word), at least 0.

    Units that no text has get the largest weight (inverse document frequency, Spärck Jones, 1972).
    """
    _, hashes = unit_hashes(TokenTable.of(texts))
    having = np.bincount(rarity_column(hashes), minlength=1 << RARITY_BITS)
    return np.log((len(texts) + 1) / np.minimum(having + 1, len(texts) + 1))


def caption_share(text: str, caption: str) -> float:
    """The share of the caption's units that the text has, 0 to 1."""
    row, hashes = unit_hashes(TokenTable.of([text, caption]))
    wanted = hashes[row == 1]
    return float(np.isin(wanted, hashes[row == 0]).mean()) if len(wanted) else 0.0


def _group_mean(group: IndexArray, values: FloatArray, counted: NDArray[np.bool_]) -> FloatArray:
    """The mean (n) of the counted values in each value's group; 0 without any."""
    count = np.bincount(group, counted, 1)
    total = np.bincount(group, np.where(counted, values, 0.0), 1)
    return np.divide(total, count, out=np.zeros(len(total)), where=count > 0)[group]
