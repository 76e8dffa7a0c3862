"""`jokebot joke`: print a joke for each photo in the terminal, and store nothing."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bot.comparison.photo_files import read_photo
from bot.engine.servers.temporary import engine_of, serving
from configs.errors import JokebotError
from configs.prompts import load_prompts
from configs.settings import EngineSettings, Settings

if TYPE_CHECKING:
    from bot.engine.client import EngineClient

HELP = "print a joke for each photo"
ENVIRONMENT = "bot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="image file")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--engine", metavar="URL", help="address of an engine, ending in /v1 (default: the engine of the settings)"
    )
    where.add_argument(
        "--model", type=Path, metavar="DIR", help="checkpoint directory; a temporary CPU engine serves it"
    )
    parser.add_argument(
        "--style", metavar="S", help="style in configs/prompts.toml (default: the default style of the language)"
    )
    parser.add_argument(
        "--language",
        metavar="L",
        help="language of the joke, as in configs/prompts.toml (default: the setting joke.language)",
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Return 0 if each photo got a joke, else 1. Raises JokebotError if there is no engine or no such style."""
    language, style = arguments.language or settings.joke.language, arguments.style or settings.joke.style or None
    prompt = load_prompts().ask(language, style)  # first: an unknown style raises before an engine starts
    with engine(arguments, settings) as engine_settings:
        failed = asyncio.run(print_jokes(arguments.photos, prompt, language, settings, engine_settings))
    return 1 if failed else 0


def engine(arguments: argparse.Namespace, settings: Settings) -> AbstractContextManager[EngineSettings]:
    """The engine to use; `--model` starts one for the block. Raises JokebotError if it can't be started."""
    return serving(arguments.model, settings) if arguments.model else engine_of(arguments.engine, settings)


async def print_jokes(
    photos: list[Path], prompt: str, language: str, settings: Settings, engine_settings: EngineSettings
) -> int:
    """Print a joke for each photo in turn and an error line for each failure; return the number of failures."""
    from bot.engine.client import EngineClient

    client, failed = EngineClient(engine_settings), 0
    try:
        for path in photos:
            try:
                await print_joke(client, path, prompt, language, settings)
            except JokebotError as error:
                print(f"{path}: {error}", file=sys.stderr)
                failed += 1
    finally:
        await client.close()
    return failed


async def print_joke(client: "EngineClient", path: Path, prompt: str, language: str, settings: Settings) -> None:
    """Print the joke about one photo while the engine writes it. Raises JokebotError."""
    from bot.engine.client import SamplingParams

    photo = await asyncio.to_thread(read_photo, path, settings.limits)
    with growing_line(path) as show:

        async def on_text(text: str) -> None:
            show(text)

        reply = await client.ask(
            user=prompt,
            photo=photo.data,
            media_type=photo.media_type,
            sampling=SamplingParams.of(settings.joke, language),
            on_text=on_text,
        )
        show(reply.text, whole=True)


@contextmanager
def growing_line(path: Path) -> Iterator[Callable[..., None]]:
    """A function that prints the joke so far after the file's name; without a terminal, only the complete joke."""
    if not sys.stdout.isatty():
        yield lambda text, whole=False: print(f"{path}: {text}", flush=True) if whole else None
        return
    from rich.live import Live
    from rich.text import Text

    def line(text: str) -> Text:
        return Text.assemble((f"{path}: ", "bold"), text)

    with Live(line("…"), auto_refresh=False) as live:
        try:
            yield lambda text, whole=False: live.update(line(text), refresh=True)
        except JokebotError:
            # Removes the unfinished joke; the caller prints the error.
            live.transient = True
            raise
