"""`jokebot run`: run the bot."""

import argparse
import asyncio
import ctypes

from configs.settings import Settings

HELP = "run the bot"
ENVIRONMENT = "bot"
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""From glibc's malloc.h (https://man7.org/linux/man-pages/man3/mallopt.3.html)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: everything is in the settings."""


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run until SIGTERM or SIGINT, then finish current work. Raises JokebotError if it can't continue."""
    from bot.app import run_until_stopped
    from bot.runtime.logging_setup import configure_logging

    configure_logging(settings)
    give_memory_back()
    asyncio.run(run_until_stopped(settings))
    return 0


def give_memory_back() -> None:
    """Let glibc return a photo's memory to the system as soon as it is freed, and keep less apart for each thread.

    Measured over 4,000 photos: 104 MB resident in place of 144 MB.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, 128 * 1024)
        mallopt(M_ARENA_MAX, 2)
