"""The choice among candidates of a joke: variety first, then the judge, and for a random share of photos chance.

Candidates whose text or shape the chat has seen lately are left out. Among the others each has its own probability of
being shown, its propensity. It is stored, so that statistics can weigh jokes by its inverse (Horvitz and Thompson, "A
generalization of sampling without replacement from a finite universe", JASA 1952).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

RECENT_JOKES, RECENT_SHAPES = 20, 3
"""Latest jokes of a chat whose texts and whose shapes aren't repeated.

A longer window for shapes costs more liking than repetition does: in a simulation with 18 shapes, 4 candidates and a
judge whose correlation with the taste is 0.5 (0.7), where a shape among the last 20 jokes loses 0.3 standard
deviations, liking is 0.346 (0.372) without a window, 0.330 (0.349) with 3 jokes, and 0.324 (0.336) with 20.
"""
OPENING, CLOSING = 3, 3
"""Words or Chinese characters that make the opening and the closing of a joke."""
MIN_WORDS = 6
"""A joke of fewer words has no shape: its opening and its closing would be all of it."""


class RandomSource(Protocol):
    """`random.Random` or NumPy's Generator."""

    def random(self) -> float:
        """A number in [0, 1)."""


@dataclass(frozen=True)
class Choice:
    """Candidate `index` is shown. `random`: chance has chosen it, not the judge.

    `propensity` is the probability of showing it, given the candidates and their scores. `admissible` are the indices
    of the candidates with a propensity above 0: the ones that are new for the chat.
    """

    index: int
    random: bool
    propensity: float
    admissible: tuple[int, ...]


def choose(
    scores: Sequence[float],
    texts: Sequence[str],
    recent_texts: Sequence[str],
    rng: RandomSource,
    random_share: float,
) -> Choice:
    """Choose among n ≥ 1 candidates with their scores: the best, or with probability `random_share` any.

    Only candidates that are new for a chat that has seen `recent_texts`, the newest first, are chosen. If none is new,
    a repeated shape is allowed, and if all texts are repeated, any candidate. Equal scores have equal chances.
    """
    admissible = admissible_candidates(texts, recent_texts)
    best_score = max(scores[index] for index in admissible)
    best = [index for index in admissible if scores[index] == best_score]
    by_chance = len(admissible) > 1 and rng.random() < random_share
    pool = admissible if by_chance else best
    index = pool[min(int(rng.random() * len(pool)), len(pool) - 1)]
    if len(admissible) == 1:
        return Choice(index, False, 1.0, tuple(admissible))
    propensity = random_share / len(admissible) + (1 - random_share) * (index in best) / len(best)
    return Choice(index, by_chance, propensity, tuple(admissible))


def admissible_candidates(texts: Sequence[str], recent_texts: Sequence[str]) -> list[int]:
    """The candidates with a new text and a new shape; without one those with a new text; else all."""
    recent = list(recent_texts)
    seen_texts = {normal_text(text) for text in recent[:RECENT_JOKES]}
    seen_shapes = {part for text in recent[:RECENT_SHAPES] for part in joke_shape(text)}
    new_texts = [index for index, text in enumerate(texts) if normal_text(text) not in seen_texts]
    new_shapes = [index for index in new_texts if not joke_shape(texts[index]) & seen_shapes]
    return new_shapes or new_texts or list(range(len(texts)))


def normal_text(text: str) -> str:
    """A text without differences of case, width, punctuation and spaces."""
    return " ".join(_words(text))


def joke_shape(text: str) -> frozenset[str]:
    """The opening and the closing words of a text; jokes that share one have the same shape. Short texts have none."""
    words = _words(text)
    if len(words) < MIN_WORDS:
        return frozenset()
    return frozenset((f"{' '.join(words[:OPENING])} …", f"… {' '.join(words[-CLOSING:])}"))


def _words(text: str) -> list[str]:
    from storage.judge.tokens import is_word, tokenize  # not at the start: it imports NumPy

    return [token for token in tokenize(text) if is_word(token)]
