# environment: train
"""`make bench-demo_photos`: does the demo know what is in a photograph, and does it admit where it doesn't?

Each of the photographs of `demo_photos.toml` goes the product's way: the recogniser process names it, its word goes
into the prompt's slot, and the committed demo model writes a joke through the CPU engine over HTTP, with the product's
sampling; languages and styles in turn. The same without the recogniser is `alone`, and the recogniser's words without a
joke are `recogniser`. The photographs are fetched from Debian's packages (apt-get) and never committed. Left out: the
chat, the queue and the bot's database, and several photos at once. The last output line is one JSON object:

    named            share of the jokes about the thing in the photograph (or a kind of it that the list accepts)
    wrong_and_sure   share of the jokes about another thing, and of texts that are no joke of the model's
    unsure           share of the jokes that say that the photo isn't recognised
    p50_s            median seconds from the photograph to the whole joke, the recogniser included
    by_kind          the same shares for whole photographs, things on white (plain) and on photographic grounds (pasted)
"""

import argparse
import asyncio
import hashlib
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.photo_set import TestPhoto, load_photos
from bot.engine.client import EngineClient, SamplingParams
from bot.recognition.recogniser import Recogniser, make_recogniser
from bot.runtime.child_process import start_child
from configs.prompts import NOTHING_SEEN, load_prompts
from configs.settings import ROOT, EngineSettings, Settings
from configs.subjects import load_vocabulary, subject_of
from trainer.demo_model.joke_templates import TemplateReader, load_shapes

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
WORK = ROOT / "build" / "demo-photos"


@dataclass(frozen=True)
class Answer:
    """What was said about a photograph; `outcome` is named, unsure or wrong."""

    photo: TestPhoto
    outcome: str
    said: str
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=CHECKPOINT, help="the checkpoint that writes the jokes")
    parser.add_argument("--seeds", type=int, default=2, help="jokes about each photograph, each with another seed")
    arguments = parser.parse_args()
    photos = list(load_photos(WORK, skimage_folder()))
    command = [sys.executable, "-m", "bot", "serve", str(arguments.model.resolve()), "--port", "0", "--name", "demo"]
    with start_child("engine", command, cwd=ROOT) as engine:
        url = f"{engine.wait_ready()}/v1"
        print(json.dumps(asyncio.run(measure(photos, url, arguments.seeds))))


async def measure(photos: list[TestPhoto], url: str, seeds: int) -> dict[str, Any]:
    """Jokes about all photographs with and without the recogniser, and its own words."""
    settings = Settings.model_validate({"joke": {"recogniser": True}})
    recogniser, client = make_recogniser(settings), EngineClient(EngineSettings(url=url, model="demo"))
    if recogniser is None:
        raise SystemExit("joke.recogniser is off")
    try:
        await recogniser.start()
        words = [await recognise(recogniser, photo) for photo in photos]
        whole = [await tell(client, settings, photo, n, recogniser) for n in range(seeds) for photo in photos]
        alone = [await tell(client, settings, photo, 0, None) for photo in photos]
    finally:
        await recogniser.close()
        await client.close()
    return {
        **shares(whole),
        "p50_s": round(statistics.median(answer.seconds for answer in whole), 3),
        "by_kind": {
            kind: shares(answer for answer in whole if answer.photo.kind == kind)
            for kind in ("whole", "plain", "pasted")
        },
        "recogniser": shares(words) | {"p50_s": round(statistics.median(answer.seconds for answer in words), 3)},
        "alone": shares(alone),
        "photos": len(photos),
        "jokes": len(whole),
    }


async def recognise(recogniser: Recogniser, photo: TestPhoto) -> Answer:
    started = time.monotonic()
    seen = await recogniser.see(f"{photo.name} word", photo.jpeg)
    answer = Answer(photo, outcome_of(photo, seen), seen or "(nothing)", time.monotonic() - started)
    print(f"{answer.outcome:6} {photo.kind:6} {photo.name}: {answer.said}", flush=True)
    return answer


async def tell(
    client: EngineClient, settings: Settings, photo: TestPhoto, seed: int, recogniser: Recogniser | None
) -> Answer:
    """A joke about a photograph; language and style follow from its name and the seed."""
    prompts, number = load_prompts(), hashlib.sha256(photo.name.encode()).digest()[0] + seed
    kinds = [(language, style) for language, part in prompts.languages.items() for style in part.joke_styles]
    language, style = kinds[number % len(kinds)]
    started = time.monotonic()
    seen = await recogniser.see(f"{photo.name} {seed}", photo.jpeg) if recogniser else None
    reply = await client.ask(
        user=prompts.ask(language, style, seen=seen),
        photo=photo.jpeg,
        media_type="image/jpeg",
        sampling=SamplingParams.of(settings.joke, language),
    )
    seconds = time.monotonic() - started
    found = TemplateReader(load_shapes(), load_vocabulary()).read(reply.text)
    said = "(no joke)" if found is None else found.subject.en if found.subject else NOTHING_SEEN
    answer = Answer(photo, outcome_of(photo, said), reply.text, seconds)
    print(f"{answer.outcome:6} {photo.kind:6} {photo.name} ({seconds:.1f} s): {reply.text}", flush=True)
    return answer


def outcome_of(photo: TestPhoto, said: str | None) -> str:
    """Whether a name is one of the photograph's: the whole name, a part of "cup of coffee", or its last word."""
    if said == NOTHING_SEEN or said is None:
        return "unsure"
    subject = subject_of(said)
    names = {said, *said.split(" of "), said.split()[-1]} if subject else set()
    return "named" if names & set(photo.accepted["en"]) else "wrong"


def shares(answers: Iterable[Answer]) -> dict[str, float]:
    outcomes = [answer.outcome for answer in answers]
    names = {"named": "named", "wrong_and_sure": "wrong", "unsure": "unsure"}
    return {name: round(outcomes.count(outcome) / max(len(outcomes), 1), 4) for name, outcome in names.items()}


def skimage_folder() -> Path:
    """The folder of scikit-image's photographs. Raises FileNotFoundError if the package is missing."""
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise FileNotFoundError("scikit-image is missing; run `make env-train`.")
    return Path(found.origin).parent / "data"


if __name__ == "__main__":
    main()
