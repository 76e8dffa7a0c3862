# environment: train
"""`make bench-demo_photos`: does the demo know what is in a photograph, and does it admit where it doesn't?

The committed demo model writes a joke about each photograph of `demo_photos.toml` through the CPU engine over HTTP,
with the product's sampling; languages and styles in turn. The photographs are fetched from Debian's packages (needs
apt-get and dpkg) and never committed. Left out: the chat, the queue, the bot's database, and several photos at once.
The last output line is one JSON object:

    named            share of the jokes about the thing in the photograph (or about a kind of it that the list accepts)
    wrong_and_sure   share of the jokes about another thing, and of texts that are none of the model's jokes
    p50_s            median seconds of a joke, including the photograph's upload
    by_kind          both shares of whole photographs, of things on white (plain) and on photographs (pasted)
    photos, jokes    numbers of photographs and of jokes

The demo model can't say yet that it doesn't know a photo, so the two shares add up to 1.
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
from bot.runtime.child_process import start_child
from configs.prompts import load_prompts
from configs.settings import ROOT, EngineSettings, JokeSettings
from trainer.demo_model.joke_templates import TemplateReader, load_shapes
from trainer.demo_model.subjects import load_subjects

CHECKPOINT = ROOT / "configs" / "demo-model" / "checkpoint"
WORK = ROOT / "build" / "demo-photos"


@dataclass(frozen=True)
class PhotoReply:
    """A joke about a photograph: whether it names the thing, and the seconds that it took."""

    photo: TestPhoto
    named: bool
    text: str
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=CHECKPOINT, help="the checkpoint that writes the jokes")
    parser.add_argument("--seeds", type=int, default=2, help="jokes about each photograph, each in another style")
    arguments = parser.parse_args()
    photos = list(load_photos(WORK, skimage_folder()))
    command = [sys.executable, "-m", "bot", "serve", str(arguments.model.resolve()), "--port", "0", "--name", "demo"]
    with start_child("engine", command, cwd=ROOT) as engine:
        url = f"{engine.wait_ready()}/v1"
        replies = asyncio.run(collect(photos, url, arguments.seeds))
    print(
        json.dumps(
            {
                **shares(replies),
                "p50_s": round(statistics.median(reply.seconds for reply in replies), 3),
                "by_kind": {
                    kind: shares(reply for reply in replies if reply.photo.kind == kind)
                    for kind in ("whole", "plain", "pasted")
                },
                "photos": len(photos),
                "jokes": len(replies),
            }
        )
    )


async def collect(photos: list[TestPhoto], url: str, seeds: int) -> list[PhotoReply]:
    """`seeds` jokes about each photograph."""
    client, reader = EngineClient(EngineSettings(url=url, model="demo")), TemplateReader(load_shapes(), load_subjects())
    try:
        return [await tell(client, reader, photo, number) for number in range(seeds) for photo in photos]
    finally:
        await client.close()


async def tell(client: EngineClient, reader: TemplateReader, photo: TestPhoto, number: int) -> PhotoReply:
    """Joke `number` about a photograph; its language and style follow from the photograph's name."""
    prompts, start = load_prompts(), hashlib.sha256(photo.name.encode()).digest()[0]
    kinds: list[tuple[str, str]] = [
        (language, style) for language, part in prompts.languages.items() for style in part.joke_styles
    ]
    language, style = kinds[(start + number) % len(kinds)]
    started = time.monotonic()
    reply = await client.ask(
        user=prompts.ask(language, style),
        photo=photo.jpeg,
        media_type="image/jpeg",
        sampling=SamplingParams.of(JokeSettings(), language),
    )
    seconds, found = time.monotonic() - started, reader.read(reply.text)
    named = found is not None and names_thing(found.subject.en, photo)
    print(f"{'named' if named else '-':6} {photo.kind:6} {photo.name} ({seconds:.1f} s): {reply.text}", flush=True)
    return PhotoReply(photo, named, reply.text, seconds)


def names_thing(name: str, photo: TestPhoto) -> bool:
    """Whether an English name is accepted: as a whole, as a part of "cup of coffee", or by its last word."""
    return not {name, *name.split(" of "), name.split()[-1]}.isdisjoint(photo.accepted["en"])


def shares(replies: Iterable[PhotoReply]) -> dict[str, Any]:
    hits = [reply.named for reply in replies]
    named = round(sum(hits) / max(len(hits), 1), 4)
    return {"named": named, "wrong_and_sure": round(1 - named, 4)}


def skimage_folder() -> Path:
    """The folder of scikit-image's photographs. Raises FileNotFoundError if the package is missing."""
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise FileNotFoundError("scikit-image is missing; run `make env-train`.")
    return Path(found.origin).parent / "data"


if __name__ == "__main__":
    main()
