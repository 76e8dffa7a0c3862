"""`jokebot doctor`: find problems and say how to fix them."""

import argparse
import asyncio

from configs.settings import Settings

HELP = "check the token, the engine, the environments, the disk and the database, and print how to fix problems"
ENVIRONMENT = "bot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the findings. Return 1 if one of them is bad. Raises SettingsError for TZ and proxies."""
    from bot.monitoring.doctor import print_findings

    return 0 if asyncio.run(print_findings(settings)) else 1
