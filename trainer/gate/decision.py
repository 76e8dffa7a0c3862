"""The gate's decision table, in the order of docs/gate.md. A test covers every row."""

from collections.abc import Callable, Iterator, Mapping
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
    if not measures["likelihood"]["photos"]:
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
    """Harm: more empty or broken replies than the champion, or too many more in a wrong language."""
    old, new = measures["replies"]["champion"], measures["replies"]["candidate"]
    count = max(1, new["replies"])
    for kind, what in (("empty", "are empty"), ("broken", "are no sentences")):
        if new[kind] > old[kind]:
            yield kind, f"{new[kind]} of its {count} jokes {what}; {old[kind]} of the champion's."
    if new["language"] / count > old["language"] / max(1, old["replies"]) + settings.max_wrong_language_increase:
        yield (
            "language",
            f"{new['language']} of its {count} jokes are in another language than was asked for; {old['language']} "
            "of the champion's.",
        )


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


def ranking(measures: Measures, settings: GateSettings) -> Iterator[GateReason]:
    """Harm: liked jokes are ranked above disliked ones less often, by more than the margin over the whole interval."""
    measured = measures["ranking"]
    if (
        measured["photos"] >= settings.ranking_photos
        and measured["interval"]
        and measured["interval"][1] < -settings.ranking_margin
    ):
        yield (
            "ranking",
            (
                f"It tells liked jokes from disliked ones worse: {measured['candidate']:.0%} right, the champion "
                f"{measured['champion']:.0%}, "
                f"on {measured['photos']} held-out photos."
            ),
        )


def collapse(measures: Measures, settings: GateSettings) -> Iterator[GateReason]:
    """Harm: the jokes vary less than the reference's, or are more similar to each other, beyond the limits."""
    for name, minimum, what in (
        ("entropy", settings.entropy_ratio, "entropy of word pairs"),
        ("distinct", settings.distinct_ratio, "share of different word pairs"),
    ):
        measured = measures[name]
        if measured["reference"] is not None and measured["candidate"] < minimum * measured["reference"]:
            yield (
                name,
                f"Its jokes have become monotonous: {what} {measured['candidate']:.2f}, {measured['reference']:.2f} "
                "before.",
            )
    measured = measures["self_overlap"]
    if (
        measured["reference"] is not None
        and measured["candidate"] > measured["reference"] + settings.max_self_overlap_increase
    ):
        yield (
            "self_overlap",
            f"Its jokes have become alike: overlap (ROUGE-L) {measured['candidate']:.2f}, "
            f"{measured['reference']:.2f} before.",
        )


def copying(measures: Measures, settings: GateSettings) -> Iterator[GateReason]:
    """Harm: a larger share of the jokes copies training texts word for word than of the reference's."""
    measured = measures["copying"]
    if (
        measured["reference"] is not None
        and measured["candidate"] > measured["reference"] + settings.max_copying_increase
    ):
        yield (
            "copying",
            f"It repeats what it was trained on: {measured['candidate']:.0%} of its jokes word for word, "
            f"{measured['reference']:.0%} before.",
        )


CHECKS: tuple[Callable[[Measures, GateSettings], Iterator[GateReason]], ...] = (
    replies,
    likelihood,
    ranking,
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
    measured = measures["ranking"]
    if measured["photos"] < settings.ranking_photos:
        yield (
            "too few",
            f"Only {measured['photos']} held-out photos have both liked and disliked jokes: too few to judge the "
            "ranking. The trial decides.",
        )
    if measures["entropy"]["reference"] is None:
        yield "few texts", "There are too few new jokes to judge whether they have become alike. The trial decides."
