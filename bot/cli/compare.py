"""`jokebot compare`: two models' jokes about the same photos, side by side on one page."""

import argparse
import asyncio
from pathlib import Path

from bot.comparison.runner import ComparisonPrompt, ModelColumn, compare, read_photos
from bot.engine.client import SamplingParams
from configs.errors import JokebotError
from configs.prompts import load_prompts
from configs.settings import Settings

HELP = "write a page that shows two models' jokes about the same photos side by side"
ENVIRONMENT = "bot"
MODEL = "a checkpoint directory (served by a temporary CPU engine), or the address of an engine, ending in /v1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model_a", metavar="MODEL_A", help=f"model on the left: {MODEL}")
    parser.add_argument("model_b", metavar="MODEL_B", help="model on the right: same forms as MODEL_A")
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="image file")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="PAGE.html", help="file to write; the page needs no other file"
    )
    parser.add_argument(
        "--language",
        metavar="L",
        help="language of the jokes, as in configs/prompts.toml (default: the setting joke.language)",
    )
    parser.add_argument(
        "--style", metavar="S", help="style in configs/prompts.toml (default: the default style of the language)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="seed of the first photo, for both models; the same call writes the same page (default: 1)",
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Return 0 if every photo got both jokes, 1 if some are missing (the page says so too). Raises JokebotError."""
    from bot.comparison.page import render_page

    question = comparison_prompt(arguments, settings)
    check_output_path(arguments.out)
    photos = read_photos(arguments.photos, settings.limits)
    columns = asyncio.run(compare([arguments.model_a, arguments.model_b], photos, question, settings))
    if not any(answer.text for column in columns for answer in column.answers):
        raise JokebotError("Neither model told a joke, so there is nothing to compare and no page.")
    write_page(arguments.out, render_page(photos, columns, question))
    print(f"The page: {arguments.out}", flush=True)
    return 0 if is_complete(columns, arguments.photos) else 1


def comparison_prompt(arguments: argparse.Namespace, settings: Settings) -> ComparisonPrompt:
    """The prompt and sampling for both models. Raises PromptError for an unknown language or style."""
    prompts, joke = load_prompts(), settings.joke
    language = arguments.language or joke.language
    style = arguments.style or joke.style or prompts.language(language).default
    return ComparisonPrompt(
        language,
        style,
        prompts.ask(language, style),
        SamplingParams.of(joke, language),
        arguments.seed,
    )


def is_complete(columns: list[ModelColumn], photos: list[Path]) -> bool:
    """Whether both models wrote a joke for each photo."""
    return all(
        len(column.answers) == len(photos) and all(answer.text for answer in column.answers) for column in columns
    )


def check_output_path(path: Path) -> None:
    """Raises JokebotError if the page can't be written there; called before the models start."""
    if path.is_dir() or not path.parent.is_dir():
        raise JokebotError(
            f"The page can't be written to {path}: "
            + ("it is a folder." if path.is_dir() else "its folder does not exist.")
        )


def write_page(path: Path, text: str) -> None:
    """Write the page atomically. Raises JokebotError if that fails."""
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise JokebotError(f"The page can't be written to {path}: {error.strerror}.") from error
