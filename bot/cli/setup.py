"""`jokebot setup`: ask what the bot needs, write one settings file, check it, and print the command to start."""

import argparse
import logging
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from configs.child_environment import SETTINGS, child_environment
from configs.settings import Settings, setup_file

if TYPE_CHECKING:
    from bot.setup.model_step import ModelCommands

HELP = "set the bot up: token, admin, engine, model, time zone; writes one settings file"
ENVIRONMENT = "bot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with the bot's token, `-` for standard input (default: JOKEBOT_TELEGRAM_TOKEN, else asked)",
    )
    parser.add_argument(
        "--admin",
        type=int,
        action="append",
        default=[],
        metavar="ID",
        help="Telegram id of an admin; may be given several times (default: asked, or a one-time code finds you)",
    )
    parser.add_argument("--time-zone", metavar="ZONE", help="time zone, such as Asia/Shanghai (default: the host's)")
    parser.add_argument(
        "--proxy",
        metavar="URL",
        help="HTTP proxy to Telegram; one with a password belongs into the variable JOKEBOT_TELEGRAM_PROXY",
    )
    parser.add_argument("--language", choices=("en", "zh"), help="language of the questions (default: the locale's)")
    parser.add_argument(
        "--yes", action="store_true", help="fetch the model, trust its code and change the settings file without asking"
    )
    add_model_arguments(parser)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        metavar="KIND",
        help="lmdeploy, cpu, or the address of an engine elsewhere, such as http://10.0.0.5:23333/v1 "
        "(default: lmdeploy on a host with an NVIDIA GPU, else asked)",
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="a name that `jokebot fetch` knows, such as InternVL2-2B; a directory; or `demo` for the demo model",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        help="where to fetch the model from: hf, modelscope, or the address of a mirror",
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Return 0 if the bot can start. Raises JokebotError, and KeyboardInterrupt; the answers so far are kept."""
    from bot.setup.answers import SetupAnswers
    from bot.setup.terminal import SetupTerminal, locale_language
    from bot.setup.token_step import check_proxy_flag
    from bot.setup.wizard import SetupOptions, SetupWizard

    logging.getLogger().addHandler(logging.NullHandler())  # libraries' warnings don't stand between the questions
    options = SetupOptions(
        arguments.token_file,
        check_proxy_flag(arguments.proxy) if arguments.proxy else None,
        arguments.admin,
        arguments.engine,
        arguments.model,
        arguments.source,
        arguments.time_zone,
    )
    language = arguments.language or locale_language()
    terminal = SetupTerminal(language, interactive=sys.stdin.isatty(), agree=arguments.yes)
    try:
        return SetupWizard(terminal, SetupAnswers(setup_file().absolute()), model_commands(settings)).run(options)
    except KeyboardInterrupt:
        print()
        terminal.show("stopped")
        raise


def model_commands(settings: Settings) -> "ModelCommands":
    """Jokebot's commands for models, each in a process of its own: `fetch` runs in another environment."""
    from bot.cli.fetch import DOWNLOADS
    from bot.setup.model_step import ModelCommands
    from trainer.hub.catalog import FetchError, find_entry

    def call(*words: str, agree: bool = False) -> int:
        command = [sys.executable, "-m", "bot", *words, *(["--yes"] if agree else [])]
        return subprocess.call(command, env=child_environment(SETTINGS))

    def download_directory(name: str) -> Path | None:
        try:
            entry = find_entry(name)
        except FetchError:
            return None
        if entry.kind != "model":
            return None
        return (settings.storage.directory / DOWNLOADS / entry.name).absolute()

    return ModelCommands(
        fetch=lambda name, source, agree: call("fetch", name, "--from", source, agree=agree),
        add=lambda directory, agree: call("models", "add", str(directory), agree=agree),
        promote=lambda name: call("models", "promote", name),
        download_directory=download_directory,
    )
