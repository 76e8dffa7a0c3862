"""`jokebot doctor`: find problems and say how to fix them."""

import argparse
import asyncio

from configs.host_environment import check_time_zone, proxy_for
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
    from bot.monitoring.doctor import run_checks
    from bot.monitoring.launcher_check import try_launcher

    check_time_zone()
    for url in (settings.telegram.base_url, settings.engine.url):
        proxy_for(url)
    findings = asyncio.run((try_launcher if arguments.launcher else run_checks)(settings))
    for finding in findings:
        print(finding.format())
    return 1 if any(finding.state == "bad" for finding in findings) else 0
