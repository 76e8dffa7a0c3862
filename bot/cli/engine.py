"""`jokebot engine cpu`: an InternVL2 server for hosts without a GPU."""

import argparse
import asyncio
import contextlib
import gc
from pathlib import Path

from configs.settings import Settings

HELP = "serve an InternVL2 checkpoint"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    cpu = kinds.add_parser("cpu", help="serve OpenAI's chat protocol on the CPU, one request at a time")
    cpu.add_argument(
        "directory",
        type=Path,
        metavar="MODEL_DIR",
        help="checkpoint to serve; its code is executed, so use only code that you trust",
    )
    cpu.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    cpu.add_argument("--port", type=int, default=23333, help="port; 0 picks a free one (default: 23333)")
    cpu.add_argument(
        "--api-key",
        action="append",
        default=[],
        metavar="KEY",
        help="API key to require; repeatable; `-` stands for the setting engine.api_key",
    )
    cpu.add_argument("--name", help="name of the model in the protocol (default: the name of the directory)")
    cpu.add_argument(
        "--max-tiles", type=positive, metavar="N", help="most tiles of one photo (default: the checkpoint's)"
    )
    cpu.add_argument(
        "--waiting",
        type=positive,
        default=32,
        metavar="N",
        help="most waiting requests; further ones get 503 (default: 32)",
    )
    cpu.add_argument(
        "--dtype",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="precision; auto is float32 if memory allows, else bfloat16",
    )
    cpu.add_argument("--threads", type=positive, metavar="N", help="CPU threads (default: one per core)")


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from bot.engine.cpu.checkpoint_check import bind_socket, check_checkpoint
    from bot.runtime.logging_setup import configure_logging

    configure_logging(settings)
    check_checkpoint(arguments.directory)
    with contextlib.closing(bind_socket(arguments.host, arguments.port)) as place:
        import torch

        from bot.engine.cpu.model import load_model
        from bot.engine.cpu.server import ServerOptions, serve
        from bot.engine.cpu.worker import GenerationWorker

        if arguments.threads:
            torch.set_num_threads(arguments.threads)
        model = load_model(arguments.directory, arguments.dtype, arguments.max_tiles)
        # What is loaded now is never garbage: looking through it again and again would slow every answer and the exit.
        gc.freeze()
        keys = tuple(settings.engine.api_key.get_secret_value() if key == "-" else key for key in arguments.api_key)
        options = ServerOptions(
            arguments.name or arguments.directory.absolute().name, keys, settings.limits.photo_pixels
        )
        asyncio.run(serve(place, GenerationWorker(model, arguments.waiting), options))
    return 0
