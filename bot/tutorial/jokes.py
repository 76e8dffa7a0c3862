"""The jokes before and after the training, and the page with both."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from bot.comparison.page import render_page
from bot.comparison.runner import ComparisonPrompt, ModelAnswer, ModelColumn, ask_model, read_photos
from bot.engine.servers.temporary import serving_with
from bot.tutorial.course import CourseError
from configs.gpu import card_gb
from configs.settings import Settings
from storage.learning.run_files import replace_file

EngineKind = Literal["cpu", "lmdeploy"]
PLACES = {"cpu": "CPU engine", "lmdeploy": "LMDeploy"}


def choose_engine(settings: Settings) -> EngineKind:
    """The kind of the settings; for another one LMDeploy, where a GPU and the serve environment are there."""
    if settings.engine.kind != "url":
        return settings.engine.kind
    return "lmdeploy" if card_gb() and settings.environments.serve_python.exists() else "cpu"


def write_jokes(
    file: Path, kind: EngineKind, model: Path, photos: list[Path], question: ComparisonPrompt, settings: Settings
) -> int:
    """Ask a model about the photos, store its answers, and return the number of jokes.

    Raises CourseError if there is none, and JokebotError if the engine can't be started.
    """
    letter = "A" if file.stem == "before" else "B"
    opened = read_photos(photos, settings.limits)
    print(f"Starting {PLACES[kind]} for {model.name}; {len(opened)} photos.", flush=True)
    with serving_with(kind, model, settings) as engine:
        column = asyncio.run(ask_model(letter, PLACES[kind], engine, opened, question))
    jokes = sum(bool(answer.text) for answer in column.answers)
    if not jokes:
        raise CourseError(f"{model.name} told no joke; the lines above say why. The same command tries again.")
    replace_file(file, json.dumps(asdict(column), ensure_ascii=False, indent=1) + "\n")
    return jokes


def write_comparison(
    page: Path, before: Path, after: Path, photos: list[Path], question: ComparisonPrompt, settings: Settings
) -> None:
    """Write the page of `jokebot compare` from both models' stored answers."""
    opened = read_photos(photos, settings.limits)
    replace_file(page, render_page(opened, [read_jokes(before), read_jokes(after)], question))


def read_jokes(file: Path) -> ModelColumn:
    """Stored answers. Raises CourseError if they can't be read."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        answers = [ModelAnswer(**answer) for answer in data["answers"]]
        return ModelColumn(data["name"], data["place"], answers)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(f"The jokes in {file} can't be read: {error}.") from error
