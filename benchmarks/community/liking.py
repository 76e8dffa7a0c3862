"""The exact liking of models in a world: every chat, shape and subject is enumerated.

Without a judge the shapes of a chat's jokes are independent, so a shape of frequency q is among the last 20 with
probability 1 − (1 − q)^20.
"""

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.community.world import (
    FILLERS,
    FORMS,
    NOUNS,
    REPEAT_WINDOW,
    SHAPES,
    SUBJECTS,
    WRONG_SUBJECT,
    Floats,
    Photo,
    TableModel,
    World,
)


class LikingTable:
    """P(liked) of every kind of joke in a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chats = list(world.members)
        self.chat_share = np.array([sum(user.activity for user in world.members[chat]) for chat in self.chats])
        self.chat_share /= self.chat_share.sum()
        shape = (len(self.chats), SHAPES, SUBJECTS, 2, 2)
        self.table: Floats = np.empty(shape)
        """By chat, shape, subject of the photo, repeated, wrong subject; NaN for a chat of trolls."""
        for chat, kind, subject, repeated, wrong in np.ndindex(*shape):
            photo = Photo(0, 0.0, 0, self.chats[chat], subject, 0.0)
            noun = NOUNS[(subject + wrong) % SUBJECTS]
            text = f"{FORMS[kind][0]} {FILLERS[0]} {noun} {FORMS[kind][1]}"
            self.table[chat, kind, subject, repeated, wrong] = world.liking(photo, text, bool(repeated))

    def liking(self, models: Sequence[tuple[TableModel, float]]) -> float:
        """The expected liking of jokes by models with these shares of the photos, without a judge."""
        frequency = shape_frequency(models)
        repeated = 1 - (1 - frequency.sum(axis=1)) ** REPEAT_WINDOW
        cells = (1 - WRONG_SUBJECT) * self.table[..., 0] + WRONG_SUBJECT * self.table[..., 1]
        cells = cells[..., 0] * (1 - repeated[:, None]) + cells[..., 1] * repeated[:, None]
        by_chat = (cells * frequency).sum(axis=(1, 2))
        known = ~np.isnan(by_chat)
        return float(np.average(by_chat[known], weights=self.chat_share[known]))


def shape_frequency(models: Sequence[tuple[TableModel, float]]) -> Floats:
    """The frequency (18, 40) of shape and subject, with each model's share of the photos."""
    return np.asarray(sum(share * np.exp(model.log_probabilities()) for model, share in models)) / SUBJECTS


def entropy(counts: Floats) -> float:
    """The Shannon entropy of counts, in nats."""
    share = counts[counts > 0] / counts.sum()
    return -float((share * np.log(share)).sum()) if len(share) else math.nan
