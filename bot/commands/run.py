"""`jokebot run`."""
import argparse
import asyncio

from configs.settings import Settings

HELP = "run the bot"
ENVIRONMENT = "bot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none: all is in the settings."""


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run until SIGTERM or SIGINT, then finish what is under way. Raises JokebotError where it can't go on."""
    from bot.app import run_until_stopped
    from bot.logs import configure
    configure(settings)
    asyncio.run(run_until_stopped(settings))
    return 0
