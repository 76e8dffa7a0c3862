"""`jokebot serve`: an InternVL2 server for hosts without a GPU."""

import argparse
import asyncio
import contextlib
import gc
import logging
import socket
from pathlib import Path

from configs.errors import JokebotError
from configs.settings import Settings
from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.location import model_name

log = logging.getLogger(__name__)

LARGE_GB = 1.0
"""On a CPU a tile of a larger model takes seconds: 13 s for a 2B model on 2 cores (docs/deploy/cpu.md)."""
HELP = "serve an InternVL2 checkpoint on the CPU: OpenAI's chat protocol, one request at a time"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "directory",
        type=Path,
        metavar="MODEL_DIR",
        help="checkpoint to serve; its code is executed, so use only code that you trust",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=23333, help="port; 0 picks a free one (default: 23333)")
    parser.add_argument(
        "--api-key",
        action="append",
        default=[],
        metavar="KEY",
        help="API key to require; repeatable; `-` stands for the setting engine.api_key",
    )
    parser.add_argument("--name", help="name of the model in the protocol (default: the name of the directory)")
    parser.add_argument(
        "--max-tiles",
        type=positive,
        metavar="N",
        help=f"maximum number of tiles of one photo (default: the checkpoint's, or 1 above {LARGE_GB:g} GB of weights)",
    )
    parser.add_argument(
        "--waiting",
        type=positive,
        default=32,
        metavar="N",
        help="maximum number of waiting requests; further ones get 503 (default: 32)",
    )
    parser.add_argument(
        "--dtype",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="precision; auto is float32 if memory allows, else bfloat16",
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads (default: one per core)")


def positive(text: str) -> int:
    """Parse an argument that must be 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Raises JokebotError if the checkpoint is invalid or the port is taken."""
    from bot.runtime.logging_setup import configure_logging

    configure_logging(settings)
    checkpoint = check_checkpoint(arguments.directory)
    directory, max_tiles = checkpoint.directory, arguments.max_tiles
    if max_tiles is None and checkpoint.max_tiles > 1 and checkpoint.weight_bytes > LARGE_GB * 1e9:
        max_tiles = 1
        log.warning("Photos are one tile, because a CPU takes seconds for each; --max-tiles changes that.")
    with contextlib.closing(bind_socket(arguments.host, arguments.port)) as listener:
        import torch

        from bot.engine.cpu.model import load_model
        from bot.engine.cpu.server import ServerOptions, serve
        from bot.engine.cpu.worker import GenerationWorker

        if arguments.threads:
            torch.set_num_threads(arguments.threads)
        model = load_model(directory, arguments.dtype, max_tiles)
        precision = str(model.model.dtype).removeprefix("torch.")
        log.info("precision %s, threads %d, at most %d tiles", precision, torch.get_num_threads(), model.max_tiles)
        # The objects loaded so far live until the exit. Without the freeze each collection would traverse them.
        gc.freeze()
        keys = tuple(settings.engine.api_key.get_secret_value() if key == "-" else key for key in arguments.api_key)
        options = ServerOptions(arguments.name or model_name(arguments.directory), keys, settings.limits.photo_pixels)
        asyncio.run(serve(listener, GenerationWorker(model, arguments.waiting), options))
    return 0


def bind_socket(host: str, port: int) -> socket.socket:
    """Bind a socket to the address, without listening yet. Raises JokebotError if it can't be bound."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise JokebotError(
            f"{host}:{port} can't be used: {getattr(error, 'strerror', None) or error}. "
            "Choose another --host or --port."
        ) from error
    return bound
