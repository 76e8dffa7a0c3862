"""Requests jokes about the same photos from two models, one after the other, to need the memory of only one."""

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
from storage.checkpoint.check import check_checkpoint
from storage.media.image_check import CheckedPhoto


@dataclass(frozen=True)
class PhotoFile:
    """A photo with its file name, without the folder, since the page may be published."""

    name: str
    photo: CheckedPhoto


@dataclass(frozen=True)
class ComparisonPrompt:
    """The prompt for both models. `seed` is the first photo's seed; each next photo's is one higher."""

    language: str
    style: str
    user: str
    sampling: SamplingParams
    seed: int


@dataclass(frozen=True)
class ModelAnswer:
    """A model's joke about one photo and its latency; or, if `text` is empty, the `error`."""

    text: str = ""
    latency_s: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class ModelColumn:
    """One model: its name, where it was served, and an answer for each photo, in order."""

    name: str
    place: str
    answers: list[ModelAnswer]


def read_photos(paths: list[Path], limits: LimitSettings) -> list[PhotoFile]:
    """The usable photos; errors of the rest are printed to stderr. Raises JokebotError if none is usable."""
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
    """Each model's answers. `models` are directories and addresses, which are checked before the first request.

    Raises JokebotError for a model that is neither, or that can't be reached or started.
    """
    opened, sides = [open_model(model, settings) for model in models], []
    for model in filter(is_address, models):
        await check_reachable(engine_at(model, settings))
    for letter, model, engine in zip("AB", models, opened, strict=True):
        with engine as chosen:
            sides.append(await ask_model(letter, place_of(model), chosen, photos, question))
    return sides


def open_model(model: str, settings: Settings) -> AbstractContextManager[EngineSettings]:
    """The engine of a model, which runs during the `with` block. Raises JokebotError if there is no such model."""
    if is_address(model):
        return nullcontext(engine_at(model, settings))
    if not Path(model).is_dir():
        raise JokebotError(f"{model} is neither a model directory nor an engine's address (http://…/v1).")
    check_checkpoint(Path(model))
    return serving(Path(model), settings)


async def check_reachable(engine: EngineSettings) -> None:
    """Raises EngineError if the engine doesn't answer."""
    client = EngineClient(engine)
    try:
        await client.models()
    finally:
        await client.close()


def is_address(model: str) -> bool:
    return model.startswith(("http://", "https://"))


def place_of(model: str) -> str:
    """Where a model is served: the address without user and password, or the CPU engine."""
    return urlsplit(model).netloc.rpartition("@")[2] or "CPU engine"


async def ask_model(
    letter: str, place: str, engine: EngineSettings, photos: list[PhotoFile], question: ComparisonPrompt
) -> ModelColumn:
    """One model's answers, each printed at once. Raises EngineError if the engine doesn't answer at all."""
    client = EngineClient(engine)
    try:
        name = next(iter(await client.models()), "nameless")
        answers = []
        for number, photo in enumerate(photos):
            answers.append(answer := await ask_about_photo(client, photo, question, number))
            print(
                f"{letter} {name}, {photo.name}: {answer.text or answer.error}",
                file=sys.stdout if answer.text else sys.stderr,
                flush=True,
            )
    finally:
        await client.close()
    return ModelColumn(name, place, answers)


async def ask_about_photo(
    client: EngineClient, file: PhotoFile, question: ComparisonPrompt, number: int
) -> ModelAnswer:
    """The joke about photo `number`, counted from 0.

    Each photo has its own seed: with the same seed for all, a small model writes the same joke for all.
    """
    try:
        reply = await client.ask(
            user=question.user,
            photo=file.photo.data,
            media_type=file.photo.media_type,
            sampling=replace(question.sampling, seed=question.seed + number),
        )
    except JokebotError as error:
        return ModelAnswer(error=str(error))
    return ModelAnswer(reply.text, reply.latency_s)
