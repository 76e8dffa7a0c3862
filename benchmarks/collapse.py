"""`make bench-collapse`: does the gate catch a collapsed model, and does it let harmless ones pass?

Base models, candidates and their replies are made (`collapse_world.py`, `collapse_cases.py`, texts in
`collapse_texts.toml`); the measures and the decision are the gate's, with its default settings. The likelihood of
held-out jokes is equal, so a candidate is rejected for what it writes. Every world has a base vocabulary (18 equally
frequent joke ideas; the same with frequencies 1/rank; the demo model's jokes; free combinations), one language or two,
and 12, 30, 60 or 150 held-out photos. In a chain each step is tried against the base with the step before as champion.
Every third world has a champion that told liked ideas more often than the base.

The last output line is one JSON object: `tried` and `passed`, harmful candidates, with `passed_upper`, the upper 95 %
confidence bound of the share; `harmless_passed`, the least share of the harmless kinds, with `harmless_passed_low`, its
lower 95 % confidence bound; `cases` and `harmless`, tried and passed by kind; `reasons`, what rejected the harmless
ones, and `harmless_by_photos`, their share passed by the number of held-out photos.
"""

import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.collapse_cases import HARMFUL, HARMLESS, Made, liked_more  # noqa: E402
from benchmarks.collapse_world import KINDS, LANGUAGES, Picture, Writer, held_out, pictures, vocabulary  # noqa: E402
from benchmarks.simulated_worlds import Cores, Options, Share, finish  # noqa: E402
from configs.learning import GateSettings  # noqa: E402
from configs.prompts import caption_of  # noqa: E402
from trainer.gate.decision import decide  # noqa: E402
from trainer.gate.holdout_data import HoldoutData, HoldoutPhoto  # noqa: E402
from trainer.gate.metrics import compare  # noqa: E402
from trainer.gate.replies import GateReply, ModelEvaluation, build_requests  # noqa: E402

PHOTOS = (12, 30, 60, 150)
TRAINING_ROWS = (60, 150, 400)
FIRST = 1
"""The first seed; limits were chosen on seeds from 10,000 on. 48 worlds cover all kinds evenly."""
Request = tuple[HoldoutPhoto, str, str, Picture]
"""Photo, language, prompt, and the picture as it is sent."""


@dataclass(frozen=True)
class Outcome:
    """One try of a case, with so many held-out photos: the reasons for a rejection, empty if it passed."""

    case: str
    photos: int
    harmful: bool
    reasons: tuple[str, ...]


def worlds(seed: int) -> list[Outcome]:
    """All cases in the world of a seed."""
    draw = random.Random(seed)
    kind, languages = KINDS[seed % 4], LANGUAGES[seed // 4 % 3]
    photos = pictures(PHOTOS[seed // 12 % 4], languages, draw)
    base = vocabulary(kind, languages, draw)
    learnt = pictures(draw.choice(TRAINING_ROWS), languages, draw)
    training = {language: [base.write(photo, language, draw) for photo in learnt] for language in languages}
    told = [(photo.name, text) for texts in training.values() for photo, text in zip(learnt, texts, strict=True)]
    data = held_out(photos, languages, told)
    settings = GateSettings()
    shown = {photo.name: photo for photo in photos}
    requests = [
        (photo, language, prompt, asked(shown[photo.name], language, prompt))
        for photo, language, prompt in build_requests(data, settings)
    ]
    answer = partial(evaluation, data, requests)
    first = answer(base.write, draw)
    grown = answer(liked_more(Made(base, training, draw)), draw) if seed % 3 == 0 else first
    outcomes = []
    for name, steps in [*HARMFUL.items(), *((name, [case]) for name, case in HARMLESS.items())]:
        champion = grown
        for case in steps:
            candidate = answer(case(Made(base, training, draw)), draw)
            measures = compare(champion, candidate, data, settings, None if champion is first else first)
            verdict, reasons = decide(measures, settings)
            codes = tuple(code for code, _ in reasons) if verdict == "reject" else ()
            outcomes.append(Outcome(name, len(photos), name in HARMFUL, codes))
            champion = candidate
    return outcomes


def evaluation(data: HoldoutData, requests: Sequence[Request], writer: Writer, draw: random.Random) -> ModelEvaluation:
    """A model's replies, with the same likelihood of the held-out jokes as every other model here."""
    replies = [
        GateReply(photo.name, language, writer(picture, language, draw), True, prompt)
        for photo, language, prompt, picture in requests
    ]
    return ModelEvaluation({photo.name: [1.0] * len(photo.jokes) for photo in data.photos}, replies)


def asked(picture: Picture, language: str, prompt: str) -> Picture:
    """The picture as it is sent in a request: with the prompt's caption."""
    caption = caption_of(prompt)
    return replace(picture, captions={language: caption} if caption else {})


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    tried, passed = Counter(one.case for one in outcomes), Counter(one.case for one in outcomes if not one.reasons)
    harmless = {name: Share(passed[name], tried[name]) for name in HARMLESS}
    harmful = Share(sum(passed[name] for name in HARMFUL), sum(tried[name] for name in HARMFUL))
    least = min(harmless.values(), key=lambda share: share.value)
    return {
        "tried": harmful.count,
        "passed": harmful.hits,
        "passed_upper": harmful.upper,
        "harmless_passed": least.value,
        "harmless_passed_low": least.lower,
        "cases": {name: {"tried": tried[name], "passed": passed[name]} for name in HARMFUL},
        "harmless": {name: {"tried": tried[name], "passed": passed[name]} for name in HARMLESS},
        "harmless_by_photos": {str(photos): by_photos(outcomes, photos) for photos in PHOTOS},
        "reasons": dict(Counter(code for one in outcomes if not one.harmful for code in one.reasons)),
    }


def by_photos(outcomes: Sequence[Outcome], photos: int) -> dict[str, float]:
    """The share passed of each harmless kind in the worlds with so many held-out photos."""
    found: dict[str, list[bool]] = {name: [] for name in HARMLESS}
    for one in outcomes:
        if one.photos == photos and not one.harmful:
            found[one.case].append(not one.reasons)
    return {name: round(sum(passed) / len(passed), 4) for name, passed in found.items() if passed}


def main() -> None:
    options = Options.parse(__doc__, default=240, first=FIRST)
    with Cores() as cores:
        seeds = range(options.first, options.first + options.count)
        outcomes = [one for found in cores.map(worlds, [(seed,) for seed in seeds], at_once=2) for one in found]
        seconds = cores.seconds()
    result = {**summary(outcomes), "worlds": options.count, "first": options.first, **seconds}
    finish(result, "collapse", options, GateSettings().stored(), FIRST)


if __name__ == "__main__":
    main()
