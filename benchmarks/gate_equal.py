"""How many equal models the gate rejects: a part of `make bench-gate`.

Base, champion and candidate write from one made vocabulary (`collapse_world.py`); 1 % of the jokes of each are broken,
½ % are empty and ½ % in the wrong language. The nats a token of a held-out photo's liked jokes differ between models
with standard deviation 0.2. The measures and the decision are the gate's, with its default settings.
"""

import random
from functools import partial

from benchmarks.collapse_world import KINDS, LANGUAGES, Picture, Writer, held_out, pictures, vocabulary
from configs.learning import GateSettings
from trainer.gate.decision import decide
from trainer.gate.holdout_data import HoldoutData
from trainer.gate.metrics import compare
from trainer.gate.replies import GateReply, ModelEvaluation, build_requests

PHOTOS = (12, 30, 60, 150)
TRAINING_ROWS = 150
BROKEN, EMPTY, WRONG = 0.01, 0.005, 0.005
NATS_SPREAD = 0.2


def rejected_equal(seed: int) -> tuple[str, ...]:
    """The reasons for which the gate rejects an equal model in the world of a seed; empty if it passes."""
    draw = random.Random(f"equal {seed}")
    kind, languages = KINDS[seed % 4], LANGUAGES[seed // 4 % 3]
    photos = pictures(PHOTOS[seed // 12 % 4], languages, draw)
    base = vocabulary(kind, languages, draw)
    learnt = pictures(TRAINING_ROWS, languages, draw)
    training = [(photo.name, base.write(photo, language, draw)) for language in languages for photo in learnt]
    data, settings = held_out(photos, languages, training), GateSettings()
    answer = partial(evaluation, data, {photo.name: photo for photo in photos}, base.write, draw, settings)
    first = answer()
    champion = answer() if seed % 2 else first
    candidate = answer()
    measures = compare(champion, candidate, data, settings, None if champion is first else first)
    verdict, reasons = decide(measures, settings)
    return tuple(code for code, _ in reasons) if verdict == "reject" else ()


def evaluation(
    data: HoldoutData, photos: dict[str, Picture], writer: Writer, draw: random.Random, settings: GateSettings
) -> ModelEvaluation:
    """An equal model's replies and likelihoods."""
    replies = [
        GateReply(photo.name, language, with_failures(writer, photos[photo.name], language, draw), True, prompt)
        for photo, language, prompt in build_requests(data, settings)
    ]
    nats = {photo.name: [2.0 + draw.gauss(0, NATS_SPREAD)] * len(photo.jokes) for photo in data.photos}
    return ModelEvaluation(nats, replies)


def with_failures(writer: Writer, photo: Picture, language: str, draw: random.Random) -> str:
    chance = draw.random()
    if chance < BROKEN:
        return "!" * 24
    if chance < BROKEN + EMPTY:
        return ""
    if chance < BROKEN + EMPTY + WRONG:
        return {"en": "这张照片真好笑，我没话说。", "zh": "I have no words for this picture."}[language]
    return writer(photo, language, draw)
