"""The design of the judge's regression: blocks of columns, each an effect with a prior variance of its own.

text        hashed features in fixed proportions (storage.judge.features)
dense       agreement with other candidates, caption, log-probability
prior       the score of an earlier judge, where one was given
style       the joke's language and style
user        a user's leniency
taste       a user's own liking of words and frames
chat        a group's leniency
photo       all jokes of one photo; a nuisance
joke        all ratings of one joke beyond its text; a nuisance
place       where an entry stands on a ballot; a nuisance (trainer.judge.plackett_luce)
ballot      the mean of a ballot's entries; a nuisance
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array, hstack

from storage.judge.dense_features import DENSE, SharedUnits, agreement, caption_share, count_specificity
from storage.judge.features import (
    COLUMNS,
    GROUP_BITS,
    GROUPS,
    SIGNATURE_COLUMNS,
    FloatArray,
    IndexArray,
    SparseRows,
    signatures,
    text_features,
)
from storage.judge.observations import JokeColumns, Observations
from storage.judge.scorer import Judge
from trainer.judge.plackett_luce import place_effects

TEXT_SHARES = {"words": 0.02, "phrases": 0.06, "frame": 0.06, "pairs": 0.04}
"""Proportions of the groups of text features in the prior variance. docs/judge.md has the measurements."""
DENSE_SCALES = (0.6, 0.5, 0.5)
"""Typical standard deviations of the dense features."""


@dataclass(frozen=True)
class JokeFeatures:
    """What the texts of J jokes give: `text` (J, COLUMNS, scaled by TEXT_SHARES), `dense` (J, D), `taste` (J, S)."""

    text: csr_matrix
    dense: FloatArray
    taste: FloatArray
    specificity: FloatArray
    rows: SparseRows


@dataclass(frozen=True)
class Design:
    """Blocks (n rows each) by name, with the ids that the columns of `user`, `taste` and `chat` stand for."""

    blocks: dict[str, csr_matrix]
    users: IndexArray
    chats: IndexArray
    styles: tuple[str, ...]

    def scaled(self, variances: Mapping[str, float]) -> tuple[csr_matrix, dict[str, slice]]:
        """All blocks side by side, each times the root of its variance, and the columns of each."""
        parts, columns, start = [], {}, 0
        for name, block in self.blocks.items():
            parts.append(block * np.sqrt(variances[name]))
            columns[name] = slice(start, start + block.shape[1])
            start += block.shape[1]
        return hstack(parts, format="csr"), columns


def column_scale() -> FloatArray:
    """The factor (COLUMNS) of each text column."""
    total = sum(TEXT_SHARES.values())
    return np.concatenate([np.full(1 << GROUP_BITS[name], np.sqrt(TEXT_SHARES[name] / total)) for name in GROUPS])


def joke_features(jokes: JokeColumns) -> JokeFeatures:
    """The features of jokes' texts."""
    rows = text_features(jokes.texts)
    matrix = csr_matrix((rows.value, (rows.row, rows.column)), (rows.count, COLUMNS)) @ diags_array(column_scale())
    texts, first, photo = _with_alternatives(jokes)
    shared = SharedUnits.of(texts, photo)
    specificity = count_specificity(shared)
    dense = np.zeros((len(jokes), len(DENSE)))
    dense[:, 0] = agreement(shared, specificity)[first]
    captioned = [index for index, caption in enumerate(jokes.captions) if caption]
    dense[captioned, 1] = [caption_share(jokes.texts[index], jokes.captions[index] or "") for index in captioned]
    known = np.isfinite(jokes.logprob)
    dense[known, 2] = jokes.logprob[known] - jokes.logprob[known].mean() if known.any() else 0.0
    return JokeFeatures(csr_matrix(matrix), dense / DENSE_SCALES, signatures(rows), specificity, rows)


def _with_alternatives(jokes: JokeColumns) -> tuple[list[str], IndexArray, IndexArray]:
    """All texts, the place of each joke's own text, and the texts' photos numbered from 0."""
    texts: list[str] = []
    first = np.zeros(len(jokes), np.int64)
    for index, (text, others) in enumerate(zip(jokes.texts, jokes.alternatives, strict=True)):
        first[index] = len(texts)
        texts += [text, *others]
    _, photo = np.unique(jokes.photos, return_inverse=True)
    return texts, first, np.repeat(photo, [1 + len(others) for others in jokes.alternatives])


def make_design(observations: Observations, features: JokeFeatures, prior: Judge | None) -> Design:
    """The design of observations; a duel's row is the difference of its jokes, a ballot has a row for each entry."""
    jokes, joke, other = observations.jokes, observations.joke, observations.other
    users, user = np.unique(observations.user, return_inverse=True)
    chats, chat = np.unique(observations.chat, return_inverse=True)
    keys = [f"{language} {style}" for language, style in zip(jokes.languages, jokes.styles, strict=True)]
    styles, style = np.unique(np.array(keys, dtype=object), return_inverse=True)
    _, photo = np.unique(jokes.photos, return_inverse=True)
    single = observations.absolute
    minus = _one_hot(np.maximum(other, 0), len(jokes), (other >= 0).astype(float))
    difference = _one_hot(joke, len(jokes), np.ones(len(joke))) - minus
    group = (observations.chat != observations.user) | (observations.user < 0)
    blocks = {
        "text": difference @ features.text,
        "dense": difference @ csr_matrix(features.dense),
        "style": difference @ _one_hot(style, len(styles), np.ones(len(jokes))),
        "user": _one_hot(user, len(users), single),
        "taste": _crossed(user, len(users), difference @ features.taste),
        "chat": _one_hot(chat, len(chats), single * group),
        "photo": _one_hot(photo[joke], int(photo.max(initial=-1)) + 1, single),
        "joke": difference,
    }
    if shown := observations.ballots:
        voting = (shown.ballot >= 0).astype(float)
        blocks["place"] = place_effects(shown.place, voting)
        blocks["ballot"] = _one_hot(np.maximum(shown.ballot, 0), int(shown.ballot.max(initial=0)) + 1, voting)
    if prior is not None:
        blocks["prior"] = difference @ csr_matrix(prior_scores(features, prior)[:, None])
    return Design({name: csr_matrix(block) for name, block in blocks.items()}, users, chats, tuple(styles))


def prior_scores(features: JokeFeatures, prior: Judge) -> FloatArray:
    """The text part of another judge's score (J), with variance 1 over the jokes."""
    score = features.rows.dot(prior.weights)
    return score / prior_spread(features, prior)


def prior_spread(features: JokeFeatures, prior: Judge) -> float:
    """The standard deviation of the text part of another judge's score."""
    return max(float(features.rows.dot(prior.weights).std()), 1e-6)


def unscaled_dense(weights: FloatArray) -> FloatArray:
    """Weights of scaled dense features as those of the features themselves."""
    return weights / np.array(DENSE_SCALES[: len(DENSE)])


def _one_hot(column: IndexArray, columns: int, value: FloatArray) -> csr_matrix:
    return csr_matrix((value, (np.arange(len(column)), column)), (len(column), columns))


def _crossed(index: IndexArray, count: int, rows: FloatArray) -> csr_matrix:
    """Rows (n, S) in the columns of their user: (n, count × S)."""
    sparse = csr_matrix(rows).tocoo()
    column = index[sparse.row] * SIGNATURE_COLUMNS + sparse.col
    return csr_matrix((sparse.data, (sparse.row, column)), (len(index), count * SIGNATURE_COLUMNS))


def text_weights(scaled: FloatArray) -> FloatArray:
    """Weights of the scaled text columns as weights of storage.judge.features."""
    return scaled * column_scale()


def mean_tastes(
    observations: Observations, design: Design, taste: FloatArray, offset: FloatArray, rated: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray, IndexArray]:
    """By chat: the mean taste (C, S) and leniency (C) of its raters by number of ratings, and (m, 2) chat and user."""
    _, user = np.unique(observations.user, return_inverse=True)
    _, chat = np.unique(observations.chat, return_inverse=True)
    counts = csr_matrix((np.ones(int(rated.sum())), (chat[rated], user[rated])), (len(design.chats), len(design.users)))
    total = np.maximum(np.asarray(counts.sum(1)).ravel(), 1.0)
    pairs = counts.tocoo()
    members = np.stack([design.chats[pairs.row], design.users[pairs.col]], axis=1)
    return (counts @ taste) / total[:, None], (counts @ offset) / total, members
