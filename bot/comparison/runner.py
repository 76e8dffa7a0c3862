"""Asks two models about the same photos, one model after the other: two checkpoints need the memory of one."""

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from bot.comparison.photo_files import read_photo
from bot.engine.client import EngineClient, SamplingParams
from bot.engine.servers.temporary import engine_at, serving
from configs.errors import JokebotError
from configs.settings import EngineSettings, LimitSettings, Settings
from storage.media.image_check import CheckedPhoto


@dataclass(frozen=True)
class PhotoFile:
    """A photo with its file's name, the folder left out: a page is shown to others."""

    name: str
    photo: CheckedPhoto


@dataclass(frozen=True)
class ComparisonPrompt:
    """What both models are asked about each photo. `seed` is the first photo's, the next ones' follow."""

    language: str
    style: str
    system: str
    user: str
    sampling: SamplingParams
    seed: int


@dataclass(frozen=True)
class ModelAnswer:
    """A model's joke about one photo and the seconds it took, or, where `text` is empty, the `trouble` that came
    instead.
    """

    text: str = ""
    latency_s: float = 0.0
    trouble: str = ""


@dataclass(frozen=True)
class ModelColumn:
    """One model: its own name, where it was served, and an answer for each photo in their order."""

    name: str
    place: str
    answers: list[ModelAnswer]


def read_photos(paths: list[Path], limits: LimitSettings) -> list[PhotoFile]:
    """The photos that can be used; what is wrong with the others is said. Raises JokebotError where none is left."""
    photos = []
    for path in paths:
        try:
            photos.append(PhotoFile(path.name, read_photo(path, limits)))
        except JokebotError as error:
            print(f"{path}: {error}", file=sys.stderr)
    if not photos:
        raise JokebotError("None of the photos can be used.")
    return photos


async def compare(
    models: list[str], photos: list[PhotoFile], question: ComparisonPrompt, settings: Settings
) -> list[ModelColumn]:
    """Each model's answers.

    `models` are directories and addresses; mistakes in them are told before the first is asked.

    Raises JokebotError for a model that is neither, or can't be reached or started.
    """
    opened, sides = [open_model(model, settings) for model in models], []
    for model in filter(is_address, models):
        await reach(engine_at(model, settings))
    for letter, model, engine in zip("AB", models, opened, strict=True):
        with engine as chosen:
            sides.append(await ask(letter, model, chosen, photos, question))
    return sides


def open_model(model: str, settings: Settings) -> AbstractContextManager[EngineSettings]:
    """The engine that serves a model, while the block lasts. Raises JokebotError for what is no model."""
    if is_address(model):
        return nullcontext(engine_at(model, settings))
    if not Path(model).is_dir():
        raise JokebotError(f"{model} is neither a model directory nor an engine's address (http://…/v1).")
    return serving(Path(model), settings)


async def reach(engine: EngineSettings) -> None:
    """Raises EngineError where the engine doesn't answer."""
    client = EngineClient(engine)
    try:
        await client.models()
    finally:
        await client.close()


def is_address(model: str) -> bool:
    return model.startswith(("http://", "https://"))


async def ask(
    letter: str, model: str, engine: EngineSettings, photos: list[PhotoFile], question: ComparisonPrompt
) -> ModelColumn:
    """One model's answers, each printed as it comes. Raises EngineError where the engine doesn't answer at all."""
    client = EngineClient(engine)
    try:
        name, place = (
            next(iter(await client.models()), "nameless"),
            urlsplit(model).netloc.rpartition("@")[2] or "CPU engine",
        )
        answers = []
        for number, one in enumerate(photos):
            answers.append(answer := await ask_one(client, one, question, number))
            print(
                f"{letter} {name}, {one.name}: {answer.text or answer.trouble}",
                file=sys.stdout if answer.text else sys.stderr,
                flush=True,
            )
    finally:
        await client.close()
    return ModelColumn(name, place, answers)


async def ask_one(client: EngineClient, one: PhotoFile, question: ComparisonPrompt, number: int) -> ModelAnswer:
    """The joke about photo `number`, from 0 on.

    Each photo has a seed of its own: with one for all, a small model tells one joke about all.
    """
    try:
        reply = await client.ask(
            system=question.system,
            user=question.user,
            photo=one.photo.data,
            media_type=one.photo.media_type,
            sampling=replace(question.sampling, seed=question.seed + number),
        )
    except JokebotError as error:
        return ModelAnswer(trouble=str(error))
    return ModelAnswer(reply.text, reply.latency_s)
