"""Whether a candidate's jokes have collapsed, compared with those of the base model on the same photos and prompts.

The reference is the base and not the last champion: otherwise a model could narrow a little in every run. Each measure
has a limit that follows from the base's value. Fewer than FULL_SAMPLE replies have wider limits, because a measure's
noise grows with 1/√n.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any

from configs.learning import GateSettings
from trainer.gate.grounding import grounding
from trainer.gate.replies import GateReply
from trainer.gate.reply_features import ReplyFeatures

MIN_TEXTS = 10
"""Minimum number of replies in a language to measure them."""
FULL_SAMPLE = 480
"""Number of replies from which on the limits are those of the settings."""
RARE = 0.02
"""Added to shares of pairs before they are compared: below it, repetition is not noticed."""
MIN_GROUNDING = 0.05
"""Minimum of a base's grounding above ½ to expect the same of a candidate."""


@dataclass(frozen=True)
class CollapseMeasure:
    """A measure of (base, model), and its limit by (base's value, widening ≥ 1, settings): a maximum or a minimum."""

    measure: Callable[[ReplyFeatures, ReplyFeatures], float | None]
    limit: Callable[[float, float, GateSettings], float | None]
    maximum: bool


def emoji_increase(base: ReplyFeatures, model: ReplyFeatures) -> float:
    """Largest increase of the share of replies with one emoji."""
    before = base.emoji_shares
    return max((share - before.get(emoji, 0) for emoji, share in model.emoji_shares.items()), default=0.0)


def phrase_increase(base: ReplyFeatures, model: ReplyFeatures) -> float:
    """Largest increase of the share of replies with one word or pair of words. Words of every third reply are left out.

    Those are "the", "it" and the like, which any change of style makes more or less frequent.
    """
    before = base.phrase_shares
    increases = (
        share - before.get(phrase, 0)
        for phrase, share in model.phrase_shares.items()
        if len(phrase) > 1 or before.get(phrase, 0) < 1 / 3
    )
    return max(increases, default=0.0)


def commonest_text(base: ReplyFeatures, model: ReplyFeatures) -> float:
    """The largest share of one text, less what more of the base's replies begin with it than its commonest text has.

    A model that leaves out the ends of sentences repeats what only the ends told apart in the base.
    """
    usual = base.commonest_text
    if model is base:
        return usual
    return max(share - max(base.share_that_begins(text) - usual, 0.0) for text, share in model.text_shares.items())


def repetition_limit(shares: float, widening: float, factor: float) -> float:
    """`factor` times as many pairs of equal replies as the base."""
    return (shares + RARE) * factor**widening - RARE


def grounding_limit(base: float, widening: float, settings: GateSettings) -> float | None:
    above = base - 0.5
    return 0.5 + settings.grounding_ratio * above / widening if above >= MIN_GROUNDING else None


MEASURES: dict[str, CollapseMeasure] = {
    "variety": CollapseMeasure(
        lambda _, model: model.variety, lambda base, wide, told: base * told.variety_ratio**wide, maximum=False
    ),
    "entropy": CollapseMeasure(
        lambda _, model: model.word_pairs,
        lambda base, wide, told: base * told.entropy_ratio**wide,
        maximum=False,
    ),
    "distinct": CollapseMeasure(
        lambda _, model: model.distinct, lambda base, wide, told: base * told.distinct_ratio**wide, maximum=False
    ),
    "commonest_text": CollapseMeasure(
        commonest_text,
        lambda base, wide, told: base + told.max_commonest_text_increase * wide,
        maximum=True,
    ),
    "commonest_shape": CollapseMeasure(
        lambda _, model: model.commonest_shape,
        lambda base, wide, told: base + told.max_commonest_shape_increase * wide,
        maximum=True,
    ),
    "openings": CollapseMeasure(
        lambda _, model: model.openings,
        lambda base, wide, told: repetition_limit(base, wide, told.max_repetition_factor),
        maximum=True,
    ),
    "closings": CollapseMeasure(
        lambda _, model: model.closings,
        lambda base, wide, told: repetition_limit(base, wide, told.max_repetition_factor),
        maximum=True,
    ),
    "per_photo": CollapseMeasure(
        lambda _, model: model.repeated_on_photo,
        lambda base, wide, told: repetition_limit(base, wide, told.max_repetition_factor),
        maximum=True,
    ),
    "phrase": CollapseMeasure(
        phrase_increase, lambda base, wide, told: base + told.max_phrase_increase * wide, maximum=True
    ),
    "emoji": CollapseMeasure(
        emoji_increase, lambda base, wide, told: base + told.max_emoji_increase * wide, maximum=True
    ),
    "emojis": CollapseMeasure(
        lambda _, model: model.emoji, lambda base, wide, told: base + 2 * told.max_emoji_increase * wide, maximum=True
    ),
    "short": CollapseMeasure(
        lambda _, model: model.length, lambda base, wide, told: base * told.length_ratio**wide, maximum=False
    ),
    "long": CollapseMeasure(
        lambda _, model: model.length, lambda base, wide, told: base / told.length_ratio**wide, maximum=True
    ),
    "grounding": CollapseMeasure(grounding, grounding_limit, maximum=False),
    "echo": CollapseMeasure(
        lambda _, model: model.echo, lambda base, wide, told: base + told.max_echo_increase * wide, maximum=True
    ),
}
"""The measures by the code of the gate's reason."""


def compare_variety(
    base: Sequence[GateReply],
    champion: Sequence[GateReply],
    candidate: Sequence[GateReply],
    languages: Sequence[str],
    settings: GateSettings,
) -> dict[str, dict[str, Any]]:
    """Every measure by name: base, champion, candidate, limit, and whether the candidate is beyond it (`harm`).

    Of several languages, the one that is closest to its limit or farthest beyond it. All values are None without a
    language with MIN_TEXTS proper replies of each model.
    """
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in MEASURES}
    for language in languages:
        proper = [proper_replies(replies, language) for replies in (base, champion, candidate)]
        size = min(map(len, proper))
        if size < MIN_TEXTS:
            continue
        widening = sqrt(max(1.0, FULL_SAMPLE / size))
        old, present, new = (read_features(tuple(replies[:size])) for replies in proper)
        for name, measure in MEASURES.items():
            found = (measure.measure(old, features) for features in (old, present, new))
            values = [value for value in found if value is not None]
            if len(values) == 3 and (limit := measure.limit(values[0], widening, settings)) is not None:
                measured[name].append(row(language, values, limit, measure.maximum))
    return {name: worst(rows) for name, rows in measured.items()}


@lru_cache(16)
def read_features(replies: tuple[GateReply, ...]) -> ReplyFeatures:
    """The features of equal replies are computed once: the champion may be the base."""
    return ReplyFeatures(replies)


def proper_replies(replies: Sequence[GateReply], language: str) -> list[GateReply]:
    """The replies of a language that are neither empty nor broken nor in another language, which are counted apart."""
    return [reply for reply in replies if reply.language == language and reply.kind == "fine"]


def row(language: str, values: Sequence[float], limit: float, maximum: bool) -> dict[str, Any]:
    """The row of a measure in one language; `values` are those of base, champion and candidate."""
    base, champion, candidate = values
    harm = candidate > limit if maximum else candidate < limit
    return {
        "language": language,
        "base": base,
        "champion": champion,
        "candidate": candidate,
        "limit": limit,
        "harm": harm,
        "excess": (candidate - limit) / max(abs(limit), 1e-9) * (1 if maximum else -1),
    }


def worst(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not rows:
        return dict.fromkeys(("language", "base", "champion", "candidate", "limit"), None) | {"harm": False}
    return {name: value for name, value in max(rows, key=lambda row: row["excess"]).items() if name != "excess"}
