"""Whether a model's jokes are about their photos: can one tell from a joke's words which photo it is about?

A naive Bayes classifier of photos is fitted on the base's replies. For a reply, the measure is the share of other
photos under which its words are less likely than under its own (the area under the ROC curve): 1 if jokes name what is
on the photo, ½ if they could be about any. The base itself is measured without the reply in question.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from trainer.gate.reply_features import ReplyFeatures

Floats = NDArray[np.float64]
PRIOR = 1.0
"""Weight of a word's share over all photos, in replies."""


@lru_cache(32)
def grounding(base: ReplyFeatures, model: ReplyFeatures) -> float | None:
    """The measure of a model's replies, ½…1; None with fewer than two photos in common.

    `model` may be `base`: then each reply is left out of its own photo's counts.
    """
    names = sorted({reply.photo for reply in base.replies} & {reply.photo for reply in model.replies})
    if len(names) < 2:
        return None
    photo = {name: index for index, name in enumerate(names)}
    known = {word: index for index, word in enumerate({word for words in base.words for word in words})}
    taught, of_taught = indicators(base, photo, known)
    counts = np.zeros((len(names), len(known)))
    np.add.at(counts, of_taught, taught)
    sizes = np.bincount(of_taught, minlength=len(names)).astype(float)
    prior = PRIOR * counts.sum(0) / sizes.sum()
    asked, of_asked = indicators(model, photo, known)
    scores = asked @ (np.log(counts + prior) - np.log(sizes + PRIOR)[:, None]).T
    if model is base:
        known_words, left = asked.sum(1), np.log(np.maximum(counts - 1, 0) + prior)
        own = np.einsum("rw,rw->r", asked, left[of_asked]) - known_words * np.log(sizes[of_asked] - 1 + PRIOR)
    else:
        own = scores[np.arange(len(asked)), of_asked]
    others = np.arange(len(names)) != of_asked[:, None]
    better = (own[:, None] > scores) + 0.5 * (own[:, None] == scores)
    return float((better * others).sum(1).mean() / (len(names) - 1))


def indicators(
    features: ReplyFeatures, photo: dict[str, int], known: dict[str, int]
) -> tuple[Floats, NDArray[np.int64]]:
    """Which known words each reply about these photos has (n, words), and the number of its photo (n)."""
    rows: Sequence[tuple[int, tuple[str, ...]]] = [
        (photo[reply.photo], words)
        for reply, words in zip(features.replies, features.words, strict=True)
        if reply.photo in photo
    ]
    columns = [[known[word] for word in words if word in known] for _, words in rows]
    has = np.zeros((len(rows), len(known)))
    has[np.repeat(np.arange(len(rows)), [len(own) for own in columns]), [*chain.from_iterable(columns)]] = 1
    return has, np.array([place for place, _ in rows])
