"""`jokebot doctor`: find problems and say how to fix them."""

import argparse
import asyncio

from configs.settings import Settings

HELP = "check the token, the engine, the environments, the disk and the database, and print how to fix problems"
ENVIRONMENT = "bot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--launcher", action="store_true", help="run training.launcher with nothing to train; it may start a machine"
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the findings, with --launcher only that of its trial.

    Return 1 if one of them is bad. Raises SettingsError for TZ and proxies.
    """
    from bot.monitoring.doctor import print_findings, run_checks
    from bot.monitoring.launcher_check import try_launcher

    return 0 if asyncio.run(print_findings(settings, try_launcher if arguments.launcher else run_checks)) else 1
