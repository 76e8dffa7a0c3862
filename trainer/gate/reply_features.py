"""What the gate measures on one model's replies in one language: repeated texts and shapes, length, emoji, subjects.

All measures are plain counts of units (`trainer.gate.text_metrics`): words, or single Chinese characters.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from math import exp

import numpy as np
from numpy.typing import NDArray

from configs.prompts import caption_of
from trainer.gate.replies import GateReply
from trainer.gate.text_metrics import ReferenceTexts, distinct, entropy, pairs, units
from trainer.selection.text_shapes import RARE_SHAPE, Floats, shape_similarity

EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff]")
EDGE_UNITS = 3
"""Number of units of an opening and of a closing."""


@dataclass(frozen=True, eq=False)
class ReplyFeatures:
    """The proper replies of one model in one language. Measures are computed once."""

    replies: Sequence[GateReply]

    @cached_property
    def words(self) -> list[tuple[str, ...]]:
        return [units(reply.text) for reply in self.replies]

    @cached_property
    def photos(self) -> NDArray[np.int64]:
        """The number of each reply's photo."""
        return np.unique([reply.photo for reply in self.replies], return_inverse=True)[1]

    @cached_property
    def alike(self) -> Floats:
        """How much two replies (n, n) have the same shape, 0…1."""
        return shape_similarity(self.words)

    @cached_property
    def variety(self) -> float:
        """The effective number of shapes: exp of the mean of −log(share of the replies that have a reply's shape).

        The similarity-sensitive diversity of order 1 of Leinster and Cobbold (Ecology 93, 2012, 477–489). For n equally
        frequent shapes it is n. Replies about the same photo are not compared, and
        rarer shapes count as having RARE_SHAPE.
        """
        other = self.photos[:, None] != self.photos
        shares = (1 + (self.alike * other).sum(1)) / (1 + other.sum(1))
        return float(np.exp(-np.log(shares + RARE_SHAPE).mean()))

    @cached_property
    def repeated_on_photo(self) -> float | None:
        """Share of pairs of replies about one photo that have one shape; None without such pairs."""
        together = self.photos[:, None] == self.photos
        return share_of_pairs(self.alike, together) if together.sum() > len(together) else None

    @cached_property
    def openings(self) -> float:
        """Share of pairs of replies about different photos with the same first units."""
        return self.repeated([words[:EDGE_UNITS] for words in self.words])

    @cached_property
    def closings(self) -> float:
        """Share of pairs of replies about different photos with the same last units."""
        return self.repeated([words[-EDGE_UNITS:] for words in self.words])

    def repeated(self, parts: Sequence[tuple[str, ...]]) -> float:
        """Share of pairs of replies about different photos that have equal parts."""
        number = {part: index for index, part in enumerate(dict.fromkeys(parts))}
        of = np.array([number[part] for part in parts])
        return share_of_pairs(of[:, None] == of, self.photos[:, None] != self.photos)

    @cached_property
    def pairs(self) -> Counter[tuple[str, str]]:
        """Counts of pairs of neighbouring units."""
        return pairs(self.words)

    @cached_property
    def word_pairs(self) -> float:
        """The effective number of pairs of neighbouring units, exp of Ent-2."""
        return exp(entropy(self.pairs))

    @cached_property
    def distinct(self) -> float:
        return distinct(self.pairs)

    @cached_property
    def commonest_shape(self) -> float:
        """Largest share of replies that have the shape of one of them."""
        return float(self.alike.mean(1).max())

    @cached_property
    def text_shares(self) -> dict[tuple[str, ...], float]:
        """Share of replies with each text; case, spaces, punctuation and emoji don't count."""
        return {words: count / len(self.words) for words, count in Counter(self.words).items()}

    @property
    def commonest_text(self) -> float:
        """Share of the most frequent text."""
        return max(self.text_shares.values())

    def share_that_begins(self, text: tuple[str, ...]) -> float:
        """Share of replies that begin with these units."""
        return self._beginnings.get(text, 0) / len(self.words)

    @cached_property
    def _beginnings(self) -> Counter[tuple[str, ...]]:
        """Counts of all beginnings of replies."""
        return Counter(words[:end] for words in self.words for end in range(1, len(words) + 1))

    @cached_property
    def length(self) -> float:
        """Mean number of units."""
        return float(np.mean([len(words) for words in self.words]))

    @cached_property
    def emojis(self) -> list[list[str]]:
        return [EMOJI.findall(reply.text) for reply in self.replies]

    @cached_property
    def emoji(self) -> float:
        """Mean number of emoji."""
        return float(np.mean([len(found) for found in self.emojis]))

    @cached_property
    def emoji_shares(self) -> dict[str, float]:
        """Share of replies with each emoji."""
        counts = Counter(chain.from_iterable(map(set, self.emojis)))
        return {emoji: count / len(self.replies) for emoji, count in counts.items()}

    @cached_property
    def phrase_shares(self) -> dict[tuple[str, ...], float]:
        """Share of replies that contain each unit, and each pair of neighbouring units."""
        counts: Counter[tuple[str, ...]] = Counter(
            chain.from_iterable({*zip(words), *zip(words, words[1:], strict=False)} for words in self.words)
        )
        return {phrase: count / len(self.words) for phrase, count in counts.items()}

    @cached_property
    def echo(self) -> float | None:
        """Mean share of a reply that repeats the user's caption word for word; None without captions."""
        shares = [
            echoed(reply.text, caption) for reply in self.replies if (caption := caption_of(reply.prompt)) is not None
        ]
        return float(np.mean(shares)) if shares else None


def share_of_pairs(alike: Floats | NDArray[np.bool_], chosen: NDArray[np.bool_]) -> float:
    """Mean over the chosen pairs (i ≠ j) of how alike they are; 0 without any."""
    chosen = chosen & ~np.eye(len(chosen), dtype=bool)
    return float(alike[chosen].mean()) if chosen.any() else 0.0


def echoed(text: str, caption: str) -> float:
    """The longest run of a reply's units that occurs in the caption, over the reply's units."""
    words = units(text)
    if not words:
        return 0.0
    if " ".join(words) in " ".join(units(caption)):
        return 1.0
    return caption_corpus(caption).copied(text) or 0.0


@lru_cache(1024)
def caption_corpus(caption: str) -> ReferenceTexts:
    """The caption, to be searched for copies."""
    return ReferenceTexts([("", caption)])
