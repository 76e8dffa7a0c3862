"""`jokebot run`: run the bot."""

import argparse
import asyncio
import ctypes

from configs.host_environment import check_time_zone, proxy_for
from configs.settings import Settings

HELP = "run the bot"
ENVIRONMENT = "bot"
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""From glibc's malloc.h (https://man7.org/linux/man-pages/man3/mallopt.3.html)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: everything is in the settings."""


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run until SIGTERM or SIGINT, then finish the current work. Raises JokebotError if the bot can't continue."""
    from bot.app import run_until_stopped
    from bot.runtime.logging_setup import configure_logging

    check_time_zone()
    proxy_for(settings.engine.url)
    configure_logging(settings)
    limit_heap_growth()
    asyncio.run(run_until_stopped(settings))
    return 0


def limit_heap_growth() -> None:
    """Let glibc return freed photo buffers to the system at once, and use two arenas for all threads.

    Measured over 4,000 photos: 104 MB resident instead of 144 MB.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, 128 * 1024)
        mallopt(M_ARENA_MAX, 2)
