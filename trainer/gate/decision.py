"""The gate's decision table, in the order of docs/gate.md. A test covers every row."""

from collections.abc import Callable, Iterator, Mapping
from math import comb
from typing import Any

from configs.learning import GateSettings
from storage.learning.run_files import GateAnswer

GateReason = tuple[str, str]
Measures = Mapping[str, Any]


def decide(measures: Measures, settings: GateSettings) -> tuple[GateAnswer, list[GateReason]]:
    """The answer, and the reasons as (code, sentence).

    A candidate with significant harm is rejected. Without liked held-out jokes the answer is undecided. Any other
    candidate is promoted to the trial; its reasons are the measures that could not be judged.
    """
    harm = [reason for check in CHECKS for reason in check(measures, settings)]
    if harm:
        return GateAnswer.REJECT, harm
    if measures["likelihood"]["photos"] < settings.min_liked_photos:
        return GateAnswer.UNDECIDED, [NOTHING]
    return GateAnswer.PROMOTE, list(not_judged(measures, settings)) or [
        ("fine", "No harm was shown on the held-out photos.")
    ]


NOTHING = (
    "nothing",
    "There is no liked joke on a held-out photo, so nothing can be judged yet. More rated photos will help; "
    "until then an admin may promote the candidate by hand.",
)


def replies(measures: Measures, settings: GateSettings) -> Iterator[GateReason]:
    """Harm: significantly more empty or broken replies than before, or more in a wrong language by the margin too.

    "Before" are the champion and the base together. The test is Fisher's exact one, one-sided: one more broken reply
    than the champion's is chance.
    """
    counts = measures["replies"]
    new = counts["candidate"]
    old = [counts[name] for name in ("champion", "base") if name in counts]
    for kind, what, margin in (
        ("empty", "are empty", 0.0),
        ("broken", "are no sentences", 0.0),
        ("language", "are in another language than was asked for", settings.max_wrong_language_increase),
    ):
        failed, of = sum(part[kind] for part in old), sum(part["replies"] for part in old)
        more = new[kind] / max(1, new["replies"]) - failed / max(1, of) > margin
        if more and fisher(new[kind], new["replies"], failed, of) < settings.failure_alpha:
            yield kind, f"{new[kind]} of its {new['replies']} jokes {what}; {failed} of {of} before."


def fisher(new: int, of_new: int, old: int, of_old: int) -> float:
    """P(at least `new` of `of_new` fail | new + old of all fail), if all are equally likely to: hypergeometric tail."""
    failed, every = new + old, of_new + of_old
    ways = sum(comb(failed, count) * comb(every - failed, of_new - count) for count in range(new, failed + 1))
    return ways / comb(every, of_new)


def likelihood(measures: Measures, settings: GateSettings) -> Iterator[GateReason]:
    """Harm: liked jokes are less likely, by more than the margin over the whole interval or by the maximum drift."""
    measured = measures["likelihood"]
    significant = (
        measured["photos"] >= settings.likelihood_photos
        and measured["interval"]
        and measured["interval"][0] > settings.likelihood_margin
    )
    if significant or measured["photos"] and measured["difference"] > settings.max_likelihood_drift:
        yield (
            "likelihood",
            (
                "It finds jokes that people liked less likely than the champion does, by "
                f"{measured['difference']:.2f} nats a token "
                f"on {measured['photos']} held-out photos."
            ),
        )


COLLAPSE: dict[str, str] = {
    "variety": "it tells fewer kinds of jokes: {candidate:.1f} on average, {base:.1f} the base",
    "entropy": "its words vary less: as much as {candidate:.0f} equally frequent word pairs, {base:.0f} the base's",
    "distinct": "its jokes share more word pairs: {candidate:.0%} are different, {base:.0%} of the base's",
    "commonest_text": "one joke comes again and again: {candidate:.0%} of all, {base:.0%} in the base",
    "commonest_shape": "one kind of joke prevails: {candidate:.0%} of all, {base:.0%} in the base",
    "openings": "too many jokes begin alike: {candidate:.0%} of all pairs, {base:.0%} in the base",
    "closings": "too many jokes end alike: {candidate:.0%} of all pairs, {base:.0%} in the base",
    "per_photo": "its jokes about one photo are alike: {candidate:.0%} of all pairs, {base:.0%} in the base",
    "phrase": "one phrase comes in {candidate:.0%} more of its jokes than of the base's",
    "emoji": "one emoji comes in {candidate:.0%} more of its jokes than of the base's",
    "emojis": "it uses more emoji: {candidate:.1f} a joke, {base:.1f} the base",
    "short": "its jokes are much shorter: {candidate:.1f} words or characters, {base:.1f} the base's",
    "long": "its jokes are much longer: {candidate:.1f} words or characters, {base:.1f} the base's",
    "grounding": "its jokes are less about their photos: {candidate:.0%} fit them better than another photo, "
    "{base:.0%} of the base's",
    "echo": "it repeats users' captions: {candidate:.0%} of its jokes, {base:.0%} of the base's",
}
"""What is wrong beyond the limit of each measure of `trainer.gate.collapse`."""


def collapse(measures: Measures, settings: GateSettings) -> Iterator[GateReason]:
    """Harm: a measure of collapse is beyond its limit, which follows from the base's jokes on the same photos."""
    for name, what in COLLAPSE.items():
        if measures[name]["harm"]:
            yield name, f"Its jokes have collapsed: {what.format(**measures[name])}."


def copying(measures: Measures, settings: GateSettings) -> Iterator[GateReason]:
    """Harm: the jokes repeat training texts word for word, in parts or whole, more than before."""
    for name, what in (("copying", "of its jokes' words stand in one"), ("copies", "of its jokes are whole copies")):
        measured = measures[name]
        if (
            measured["reference"] is not None
            and measured["candidate"] > measured["reference"] + settings.max_copying_increase
        ):
            yield (
                "copying",
                f"It repeats training texts word for word: {measured['candidate']:.0%} {what}, "
                f"{measured['reference']:.0%} before.",
            )
            return


CHECKS: tuple[Callable[[Measures, GateSettings], Iterator[GateReason]], ...] = (
    replies,
    likelihood,
    collapse,
    copying,
)


def not_judged(measures: Measures, settings: GateSettings) -> Iterator[GateReason]:
    """Measures with too little data, which are left to the trial."""
    measured = measures["likelihood"]
    if measured["photos"] < settings.likelihood_photos:
        yield (
            "few",
            f"Only {measured['photos']} held-out photos have a liked joke: too few to judge their likelihood. The "
            "trial decides.",
        )
    if measures["variety"]["candidate"] is None:
        yield "few texts", "There are too few new jokes to judge whether they have become alike. The trial decides."
