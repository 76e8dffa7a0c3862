"""Computes the measures of champion and candidate for the gate's decision."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.learning import GateSettings
from trainer.gate.collapse import compare_variety
from trainer.gate.holdout_data import HoldoutData, HoldoutPhoto
from trainer.gate.replies import ModelEvaluation
from trainer.gate.text_metrics import copied_shares

DRAWS = 4000
"""Bootstrap samples of an interval."""
Measures = dict[str, Any]
COPIED_WHOLE = 0.9
"""Share of a joke from which on it counts as a copy."""


def compare(
    champion: ModelEvaluation,
    candidate: ModelEvaluation,
    held_out: HoldoutData,
    settings: GateSettings,
    base: ModelEvaluation | None = None,
) -> Measures:
    """All measures by name, for champion and candidate; see docs/gate.md. Without `base`, the champion is the base."""
    models = {"champion": champion, "candidate": candidate, **({"base": base} if base else {})}
    return {
        "photos": len(held_out.photos),
        "replies": {name: model.counts() for name, model in models.items()},
        "likelihood": likelihood(champion, candidate, held_out.photos, settings),
        **compare_variety(
            (base or champion).replies, champion.replies, candidate.replies, held_out.languages, settings
        ),
        **copying(champion, candidate, held_out, base),
    }


def likelihood(
    champion: ModelEvaluation, candidate: ModelEvaluation, photos: Sequence[HoldoutPhoto], settings: GateSettings
) -> Measures:
    """Nats a token of liked jokes: the mean over photos of each photo's mean."""
    with_liked = [(photo, [index for index, joke in enumerate(photo.jokes) if joke.liked]) for photo in photos]
    with_liked = [(photo, indices) for photo, indices in with_liked if indices]
    old, new = (
        np.array([np.mean([model.nats[photo.name][index] for index in indices]) for photo, indices in with_liked])
        for model in (champion, candidate)
    )
    return {
        "photos": len(with_liked),
        "jokes": sum(len(indices) for _, indices in with_liked),
        **paired(old, new, settings),
    }


def paired(old: NDArray[np.float64], new: NDArray[np.float64], settings: GateSettings) -> Measures:
    """Means, their difference (candidate minus champion), and its interval; None without photos."""
    if not len(old):
        return {"champion": None, "candidate": None, "difference": None, "interval": None}
    low, high = bootstrap_interval(new - old, settings.confidence, settings.seed)
    return {
        "champion": float(old.mean()),
        "candidate": float(new.mean()),
        "difference": float((new - old).mean()),
        "interval": [low, high] if np.isfinite(low) else None,
    }


def bootstrap_interval(differences: NDArray[np.float64], confidence: float, seed: int) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of photos' differences; (-inf, inf) for fewer than two photos.

    Photos are drawn, not jokes, because measurements on one photo are correlated. The interval is paired, because both
    models are measured on the same photos (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).
    """
    if len(differences) < 2:
        return float("-inf"), float("inf")
    drawn = np.random.default_rng(seed).integers(0, len(differences), (DRAWS, len(differences)))
    tail = (1 - confidence) / 2
    low, high = np.quantile(differences[drawn].mean(1), (tail, 1 - tail))
    return float(low), float(high)


def copying(
    champion: ModelEvaluation,
    candidate: ModelEvaluation,
    held_out: HoldoutData,
    base: ModelEvaluation | None = None,
) -> Measures:
    """How much of the new jokes stands in a training text: `copying`, the mean share of a joke, and `copies`, the share
    of jokes that stand there whole (COPIED_WHOLE).

    `taught` is the share of training texts in those of other photos, which is the usual repetition of users' texts. The
    reference of `copies` is the base or the champion, whichever repeats more.
    """
    none = {"champion": None, "candidate": None, "taught": None, "reference": None}
    if not held_out.training or not candidate.replies:
        return {"copying": none, "copies": none}
    corpus = held_out.corpus
    known = {"champion": champion, "candidate": candidate, **({"base": base} if base else {})}
    shares = {
        name: np.array(copied_shares(corpus, [(None, reply.text) for reply in model.replies]) or [0.0])
        for name, model in known.items()
    }
    mean = {name: float(part.mean()) for name, part in shares.items()}
    whole = {name: float((part >= COPIED_WHOLE).mean()) for name, part in shares.items()}
    before = [name for name in shares if name != "candidate"]
    return {
        "copying": {**mean, "taught": corpus.repetition, "reference": max(mean["champion"], corpus.repetition)},
        "copies": {**whole, "reference": max(whole[name] for name in before)},
    }
