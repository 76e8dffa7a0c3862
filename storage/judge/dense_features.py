"""Features of a joke among its candidates and in its context, each one number.

agreement   how far another candidate names the same thing: the largest, over its words, of the word's specificity times
            the share of the other candidates that have it, relative to the candidates' mean. A joke about what is not
            on the photo stands alone (the idea of minimum Bayes risk decoding, Kumar and Byrne, NAACL 2004)
caption     the share of the caption's words that it takes up
logprob     the mean log-probability of its tokens, relative to the candidates' mean; 0 if unknown

A word's specificity is the logarithm of how much likelier another joke about the photo has it too than any joke:
subjects are specific, phrases that suit every photo are not. It is counted over photos with several texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.judge.features import GROUP_BITS, FloatArray, IndexArray, TokenTable, sum_at, unit_hashes
from storage.judge.tokens import HashArray, combine

DENSE = ("agreement", "caption", "logprob")
SPECIFICITY_COLUMNS = 1 << GROUP_BITS["words"]
SHRINKAGE = 4.0
"""Texts' worth of the mean of equally frequent words in a word's count."""


@dataclass(frozen=True)
class SharedUnits:
    """The units of texts in groups (n texts, `group` (n)), one entry for each unit of each text.

    `text` is the text's index, `column` the unit's in a table of words, `others` the number of other texts of the
    group, `having` how many of these have the unit too.
    """

    group: IndexArray
    text: IndexArray
    column: IndexArray
    others: IndexArray
    having: IndexArray

    @classmethod
    def of(cls, texts: Sequence[str], group: IndexArray) -> "SharedUnits":
        """Compare the texts of each group."""
        text, hashes = unit_hashes(TokenTable.of(texts))
        of_photo = combine(hashes, group[text].astype(np.uint64))
        _, unit, owners = np.unique(of_photo, return_inverse=True, return_counts=True)
        sizes = np.bincount(group, minlength=1)
        return cls(group, text, _column(hashes), sizes[group[text]] - 1, owners[unit] - 1)


def dense_features(
    texts: Sequence[str],
    group: IndexArray,
    captions: Sequence[str | None],
    logprob: FloatArray,
    specificity: NDArray[np.floating],
) -> FloatArray:
    """The features (n, len(DENSE)) of n texts; candidates for one photo have one number in `group` (n).

    `logprob` (n) is NaN where unknown; `specificity` (SPECIFICITY_COLUMNS) comes from `count_specificity`.
    """
    features = np.zeros((len(texts), len(DENSE)))
    features[:, 0] = agreement(SharedUnits.of(texts, group), specificity)
    captioned = [index for index, caption in enumerate(captions) if caption]
    features[captioned, 1] = [caption_share(texts[index], captions[index] or "") for index in captioned]
    known = np.isfinite(logprob)
    features[:, 2] = np.where(known, logprob - _group_mean(group, np.where(known, logprob, 0.0), known), 0.0)
    return features


def agreement(shared: SharedUnits, specificity: NDArray[np.floating]) -> FloatArray:
    """The agreement (n) of each text with the others of its group, minus the group's mean; 0 for a text alone."""
    values = np.zeros(len(shared.group))
    np.maximum.at(values, shared.text, specificity[shared.column] * shared.having / np.maximum(shared.others, 1))
    return values - _group_mean(shared.group, values, np.ones(len(values), bool))


def count_specificity(shared: SharedUnits) -> FloatArray:
    """The specificity (SPECIFICITY_COLUMNS) of words, from texts of which several are about one photo.

    A word's share of companions is shrunk towards that of equally frequent words, so that rare words, whose own count
    says little, count like other rare words.
    """
    compared = shared.others > 0
    column = shared.column[compared]
    texts_with = np.bincount(column, minlength=SPECIFICITY_COLUMNS)
    companions = sum_at(column, shared.others[compared], SPECIFICITY_COLUMNS)
    having = sum_at(column, shared.having[compared], SPECIFICITY_COLUMNS)
    frequency = np.ceil(np.log2(texts_with + 1.0)).astype(np.int64)
    frequency[texts_with == 0] = 1  # an unknown word counts like a word of one text
    usual = _ratio(sum_at(frequency, having, 1), sum_at(frequency, companions, 1))[frequency]
    share = (having + SHRINKAGE * usual) / (companions + SHRINKAGE)
    base = (texts_with + 0.5) / (int((np.bincount(shared.group)[shared.group] > 1).sum()) + 1.0)
    return np.log(np.maximum(share / base, 1.0))


def caption_share(text: str, caption: str) -> float:
    """The share of the caption's units that the text has, 0 to 1."""
    row, hashes = unit_hashes(TokenTable.of([text, caption]))
    wanted = hashes[row == 1]
    return float(np.isin(wanted, hashes[row == 0]).mean()) if len(wanted) else 0.0


def _column(hashes: HashArray) -> IndexArray:
    return ((hashes >> np.uint64(16)) & np.uint64(SPECIFICITY_COLUMNS - 1)).astype(np.int64)


def _group_mean(group: IndexArray, values: FloatArray, counted: NDArray[np.bool_]) -> FloatArray:
    """The mean (n) of the counted values in each value's group; 0 without any."""
    count = sum_at(group, counted, 1)
    return _ratio(sum_at(group, np.where(counted, values, 0.0), 1), count)[group]


def _ratio(top: NDArray[np.floating], bottom: NDArray[np.floating]) -> FloatArray:
    return np.divide(top, bottom, out=np.zeros(len(bottom)), where=bottom > 0)
