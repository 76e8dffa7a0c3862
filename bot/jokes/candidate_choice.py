"""The choice among candidates of a joke: variety and the judge, and for a random share of photos chance.

Candidates whose text the chat has seen lately, or whose shape its last joke had, are left out. A shape of its latest
jokes costs a candidate REPEATED_SHAPE, and FURTHER_REPETITION for each further one of these jokes: it is shown if the
judge prefers it by more than that. Among the candidates that are left each has its own probability of being shown, its
propensity. It is stored, so that statistics can weigh jokes by its inverse (Horvitz and Thompson, "A generalization of
sampling without replacement from a finite universe", JASA 1952).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

RECENT_JOKES, LAST_SHAPES = 20, 1
"""Latest jokes of a chat whose texts aren't repeated, and whose shapes aren't."""
REPEATED_SHAPE = 0.5
"""What the judge's log-odds of a candidate lose if one of the RECENT_JOKES had its shape: about 11 points at 0.3.

To leave such candidates out costs more liking than repetition does. Simulated communities (benchmarks/community, seeds
100-105, 28 days, 4 candidates of 18 shapes, a judge that knows the taste, a shape among the last 20 jokes loses 0.3
standard deviations) gained 5.8 points if shapes of the last 20 jokes were left out, 7.4 for 5 jokes, 9.4 for 3, and
11.8, 11.9, 11.9 and 11.3 for a loss of 0, 0.15, 0.3 and 0.6 instead.
"""
FURTHER_REPETITION = 0.15
"""What the log-odds lose for each further joke of RECENT_JOKES with that shape, so that no shape takes over a chat.

A model that learns what is liked writes fewer shapes, and a judge with the same taste then has little else to choose
from. One simulated community after 28 days (seed 102, random share .05): the base gained 11.9 points without this loss
and 11.6 with it, at 89 and 90 % of the base's entropy of shapes; a trained model 22.0 and 19.2 points, at 62 and 71 %.
"""
SURE_BOUND, LEAST_SHARE = 0.6, 1 / 3
"""The judge's bound from which chance chooses least often, and its share then, relative to the first one."""
OPENING, CLOSING = 3, 3
"""Words or Chinese characters that make the opening and the closing of a joke."""
CACHED_TEXTS = 4096
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
    """Choose among n ≥ 1 candidates with their scores P(liked): the best, or with probability `random_share` any.

    Only `admissible_candidates` of a chat that has seen `recent_texts`, the newest first, are chosen. For the best, a
    repeated shape costs `repetition_cost`. Equal values have equal chances.
    """
    admissible = admissible_candidates(texts, recent_texts)
    seen_shapes = [joke_shape(text) for text in recent_texts[:RECENT_JOKES]]
    values = {index: log_odds(scores[index]) - repetition_cost(texts[index], seen_shapes) for index in admissible}
    best = [index for index in admissible if values[index] == max(values.values())]
    by_chance = len(admissible) > 1 and rng.random() < random_share
    pool = admissible if by_chance else best
    index = pool[min(int(rng.random() * len(pool)), len(pool) - 1)]
    if len(admissible) == 1:
        return Choice(index, False, 1.0, tuple(admissible))
    propensity = random_share / len(admissible) + (1 - random_share) * (index in best) / len(best)
    return Choice(index, by_chance, propensity, tuple(admissible))


def chance_share(first_share: float, bound: float) -> float:
    """The share of photos for which chance chooses; `bound` is the lower confidence bound of the judge's accuracy.

    It falls linearly from `first_share` for a judge that is barely better than chance to LEAST_SHARE of that at
    SURE_BOUND: the surer it is that the judge chooses better jokes, the fewer users get others for the sake of a check.
    """
    sureness = min(max((bound - 0.5) / (SURE_BOUND - 0.5), 0.0), 1.0)
    return first_share * (1 - (1 - LEAST_SHARE) * sureness)


def repetition_cost(text: str, seen_shapes: Sequence[frozenset[str]]) -> float:
    """What a text's log-odds lose in a chat whose latest jokes had these shapes."""
    shape = joke_shape(text)
    repeated = sum(not shape.isdisjoint(seen) for seen in seen_shapes)
    return REPEATED_SHAPE + FURTHER_REPETITION * (repeated - 1) if repeated else 0.0


def admissible_candidates(texts: Sequence[str], recent_texts: Sequence[str]) -> list[int]:
    """The candidates with a new text and another shape than the last joke, else those with a new text, else all."""
    recent = list(recent_texts)
    seen_texts = {normal_text(text) for text in recent[:RECENT_JOKES]}
    seen_shapes = shapes_of(recent[:LAST_SHAPES])
    new_texts = [index for index, text in enumerate(texts) if normal_text(text) not in seen_texts]
    new_shapes = [index for index in new_texts if not joke_shape(texts[index]) & seen_shapes]
    return new_shapes or new_texts or list(range(len(texts)))


def shapes_of(texts: Sequence[str]) -> frozenset[str]:
    """The shapes of texts."""
    return frozenset(part for text in texts for part in joke_shape(text))


def log_odds(probability: float) -> float:
    """The log-odds of a probability; 0 and 1 become large finite values."""
    cut = min(max(probability, 1e-12), 1 - 1e-12)
    return math.log(cut / (1 - cut))


def normal_text(text: str) -> str:
    """A text without differences of case, width, punctuation and spaces."""
    return " ".join(_words(text))


def joke_shape(text: str) -> frozenset[str]:
    """The opening and the closing words of a text; jokes that share one have the same shape. Short texts have none."""
    words = _words(text)
    if len(words) < MIN_WORDS:
        return frozenset()
    return frozenset((f"{' '.join(words[:OPENING])} …", f"… {' '.join(words[-CLOSING:])}"))


@lru_cache(CACHED_TEXTS)
def _words(text: str) -> tuple[str, ...]:
    from storage.judge.tokens import is_word, tokenize  # not at the start: it imports NumPy

    return tuple(token for token in tokenize(text) if is_word(token))
