"""`jokebot _recogniser`: the process that names what photos show, started by the bot."""

import argparse
import asyncio
import contextlib
import os

from bot.cli.serve import bind_socket
from bot.runtime.logging_setup import configure_logging
from configs.settings import Settings

HELP = "name what photos show (the bot starts this by itself)"
ENVIRONMENT = "train"
MAX_THREADS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one (default)")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Raises JokebotError if the classifier's package is missing."""
    configure_logging(settings)
    with contextlib.closing(bind_socket("127.0.0.1", arguments.port)) as listener:
        import torch

        from bot.recognition.server import serve
        from trainer.demo_model.recogniser import PhotoRecogniser

        torch.set_num_threads(min(MAX_THREADS, len(os.sched_getaffinity(0))))
        asyncio.run(serve(listener, PhotoRecogniser.load().see))
    return 0
