"""Computes the measures of champion and candidate for the gate's decision."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.learning import GateSettings
from trainer.gate.evaluation import ModelEvaluation
from trainer.gate.holdout_data import HoldoutData, HoldoutPhoto
from trainer.gate.text_metrics import ReferenceTexts, distinct, entropy, in_language, mean_copied, self_overlap

DRAWS = 4000
"""Bootstrap samples of an interval."""
Measures = dict[str, Any]
MIN_TEXTS = 10
"""Minimum number of texts of one language to measure variety."""
MAX_SEARCHED_TEXTS = 120
"""Maximum number of training texts that are searched for in the others."""


def compare(
    champion: ModelEvaluation, candidate: ModelEvaluation, held_out: HoldoutData, settings: GateSettings
) -> Measures:
    """All measures by name, for champion and candidate; see docs/gate.md."""
    return {
        "photos": len(held_out.photos),
        "replies": {"champion": champion.counts(), "candidate": candidate.counts()},
        "likelihood": likelihood(champion, candidate, held_out.photos, settings),
        "ranking": ranking(champion, candidate, held_out.photos, settings),
        **variety(champion, candidate, held_out, settings),
        "copying": copying(champion, candidate, held_out),
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


def ranking(
    champion: ModelEvaluation, candidate: ModelEvaluation, photos: Sequence[HoldoutPhoto], settings: GateSettings
) -> Measures:
    """Share of (liked, disliked) pairs of one photo and language in which the liked joke is likelier a token."""
    with_pairs = [(photo, pairs) for photo in photos if (pairs := photo.pairs())]
    old, new = (
        np.array(
            [np.mean([is_ranked_right(model.nats[photo.name], *pair) for pair in pairs]) for photo, pairs in with_pairs]
        )
        for model in (champion, candidate)
    )
    return {
        "photos": len(with_pairs),
        "pairs": sum(len(pairs) for _, pairs in with_pairs),
        **paired(old, new, settings),
    }


def is_ranked_right(nats: Sequence[float], liked: int, disliked: int) -> float:
    return 0.5 if nats[liked] == nats[disliked] else float(nats[liked] < nats[disliked])


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


def variety(
    champion: ModelEvaluation, candidate: ModelEvaluation, held_out: HoldoutData, settings: GateSettings
) -> Measures:
    """entropy, distinct and self_overlap: means over languages, of equally many texts of each source.

    The `reference` is the less varied of the champion's new jokes and the training texts: a candidate may be as uniform
    as the texts that users liked.
    """
    draw = np.random.default_rng(settings.seed)
    taught = [text for _, text in held_out.training]
    sources: list[list[list[str]]] = []
    for language in held_out.languages:
        jokes = [champion.texts(language), candidate.texts(language)]
        liked = [text for text in taught if in_language(text, language)]
        if min(map(len, jokes)) < MIN_TEXTS:
            continue
        size = min(len(texts) for texts in (*jokes, liked) if len(texts) >= MIN_TEXTS)
        sources.append(
            [sample_texts(texts, size, draw) for texts in (*jokes, liked if len(liked) >= MIN_TEXTS else jokes[0])]
        )
    return {
        "entropy": compare_sources(sources, entropy, min),
        "distinct": compare_sources(sources, distinct, min),
        "self_overlap": compare_sources(sources, self_overlap, max),
    }


def sample_texts(texts: Sequence[str], size: int, draw: np.random.Generator) -> list[str]:
    return [texts[index] for index in sorted(draw.permutation(len(texts))[:size].tolist())]


def compare_sources(
    sources: list[list[list[str]]], measure: Callable[[Sequence[str]], float], worse: Callable[..., float]
) -> Measures:
    """Means over languages of a measure of texts; all None if no language has enough texts.

    `sources` has for each language the champion's, the candidate's and the training texts; `worse` selects the
    reference of two values.
    """
    if not sources:
        return {"champion": None, "candidate": None, "taught": None, "reference": None}
    values = np.array([[measure(texts) for texts in language] for language in sources])
    old, new, taught = values.mean(0).tolist()
    reference = float(np.mean([worse(row[0], row[2]) for row in values]))
    return {"champion": old, "candidate": new, "taught": taught, "reference": reference}


def copying(champion: ModelEvaluation, candidate: ModelEvaluation, held_out: HoldoutData) -> Measures:
    """Mean share of a new joke that occurs word for word in one training text.

    `taught` is the same share of training texts in those of other photos, which is the usual repetition of users'
    texts.
    """
    if not held_out.training or not candidate.replies:
        return {"champion": None, "candidate": None, "taught": None, "reference": None}
    corpus = ReferenceTexts(held_out.training)
    old, new = (mean_copied(corpus, [(None, reply.text) for reply in model.replies]) for model in (champion, candidate))
    places = np.random.default_rng(0).permutation(len(held_out.training))[:MAX_SEARCHED_TEXTS]
    taught = mean_copied(corpus, [held_out.training[place] for place in places.tolist()])
    return {"champion": old, "candidate": new, "taught": taught, "reference": max(old, taught)}
