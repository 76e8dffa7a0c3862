"""A judge fitted on likes of other people's jokes: a start for communities with few ratings.

CLoT-Oogiri-GO has several jokes for a picture, with their likes. Likes depend more on the picture than on the joke, so
only jokes of one picture are compared (Zhong et al., "Let's Think Outside the Box", CVPR 2024).
"""

from collections import defaultdict
from pathlib import Path

import numpy as np

from storage.judge.artifact import JudgeError
from storage.judge.observations import JokeColumns, Observations, SignalKind
from storage.judge.scorer import Judge
from trainer.judge.fit import fit_judge
from trainer.oogiri.files import find_rows
from trainer.oogiri.parser import OogiriRow, read_rows
from trainer.oogiri.text_filters import is_in_language

CODES = {"cn": "zh", "en": "en", "jp": "ja"}
"""Language codes of the data, and of prompts.toml."""
CLEAR_RATIO = 1.5
"""Likes, plus one, must differ by this factor in a pair."""
PAIRS_PER_JOKE = 3
MIN_PAIRS = 100


def fit_prior(file: Path, language: str, *, max_jokes: int = 20_000, seed: int = 0) -> Judge:
    """A judge fitted on pairs of jokes of one picture. Raises OogiriError, JudgeError if there are too few pairs."""
    rows = read_rows(file, find_rows(file, language).read())
    observations = star_pairs(list(rows), language, max_jokes=max_jokes, seed=seed)
    if len(observations) < MIN_PAIRS:
        raise JudgeError(
            f"{file} has {len(observations)} pairs of jokes in {language} about one picture with clearly different "
            f"likes; {MIN_PAIRS} are needed."
        )
    return fit_judge(observations)


def star_pairs(rows: list[OogiriRow | str], language: str, *, max_jokes: int, seed: int) -> Observations:
    """Pairs of jokes of one picture, as duels without a user. Rows in another language or without likes don't count."""
    by_picture: dict[str, list[OogiriRow]] = defaultdict(list)
    for row in rows:
        if isinstance(row, OogiriRow) and row.stars is not None and is_in_language(row.text, language):
            by_picture[row.image].append(row)
    rng = np.random.default_rng(seed)
    pictures = [group for group in by_picture.values() if len(group) > 1]
    texts: list[str] = []
    photos: list[int] = []
    pairs: list[tuple[int, int, float]] = []
    for number in rng.permutation(len(pictures)).tolist():
        if len(texts) >= max_jokes:
            break
        pairs += _pairs_of(pictures[number], len(texts), rng)
        texts += [row.text for row in pictures[number]]
        photos += [number] * len(pictures[number])
    left, right, value = np.array(pairs, float).reshape(-1, 3).T
    count, no_user = len(pairs), np.zeros(len(pairs), np.int64)
    return Observations(
        JokeColumns.of(texts, photos, language=CODES[language]),
        np.full(count, SignalKind.DUEL, np.int64),
        left.astype(np.int64),
        right.astype(np.int64),
        no_user,
        no_user,
        value,
        np.zeros(count),
    )


def _pairs_of(rows: list[OogiriRow], first: int, rng: np.random.Generator) -> list[tuple[int, int, float]]:
    """Random pairs with clearly different likes: indices from `first` on, and 1 where the left one is liked more."""
    found = []
    for _ in range(PAIRS_PER_JOKE * len(rows)):
        left, right = rng.choice(len(rows), 2, replace=False).tolist()
        ratio = ((rows[left].stars or 0) + 1) / ((rows[right].stars or 0) + 1)
        if max(ratio, 1 / ratio) >= CLEAR_RATIO:
            found.append((first + left, first + right, float(ratio > 1)))
    return found
