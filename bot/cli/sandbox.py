"""`jokebot sandbox`: a local Bot API server with a chat page."""

import argparse
import asyncio
import signal
import time
from pathlib import Path

from bot.sandbox.flood_limits import FloodLimits
from bot.sandbox.panel_proxy import PanelProxy
from bot.sandbox.server import TOKEN, Sandbox
from bot.sandbox.updates import first_number
from configs.settings import Settings

HELP = "start a local Bot API server with a chat page"
ENVIRONMENT = "bot"
PORT = 8090
MAX_STORED_CALLS = 1000
"""Bot API calls that the sandbox keeps for inspection."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=int, default=PORT, help=f"port on loopback; 0 picks a free one (default: {PORT})"
    )
    parser.add_argument("--token", default=TOKEN, help=f"token of the bot (default: {TOKEN})")
    parser.add_argument(
        "--samples", type=Path, metavar="DIR", help="folder of sample images that the page offers to send"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the chats in this folder for the next start")
    parser.add_argument("--demo", action="store_true", help="the page says what the demo's model is")
    parser.add_argument("--floods", action="store_true", help="reject calls that exceed Telegram's rate limits")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    samples = {file.name: file for file in sorted(arguments.samples.iterdir())} if arguments.samples else {}
    panel = PanelProxy(settings.panel.url, settings.panel.key.get_secret_value())
    asyncio.run(serve(arguments, samples, panel))
    return 0


async def serve(arguments: argparse.Namespace, samples: dict[str, Path], panel: PanelProxy) -> None:
    """Run until SIGINT or SIGTERM. Raises SandboxError if the port is taken."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with Sandbox.running(
        port=arguments.port,
        token=arguments.token,
        flood_limits=FloodLimits() if arguments.floods else None,
        calls_kept=MAX_STORED_CALLS,
        samples=samples,
        first_message_id=first_number(time.time()),
        panel=panel,
        folder=arguments.keep,
        is_demo=arguments.demo,
    ) as sandbox:
        print(
            f"Chat page:  {sandbox.url}/\n\nPoint a bot at it:\n"
            f"  JOKEBOT_TELEGRAM_BASE_URL={sandbox.url} JOKEBOT_TELEGRAM_TOKEN={arguments.token} "
            "JOKEBOT_ACCESS_STRANGERS=allow jokebot run\n\nCtrl+C ends it.",
            flush=True,
        )
        await stopped.wait()
