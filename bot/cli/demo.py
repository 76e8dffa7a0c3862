"""`jokebot demo`: the whole bot on this machine; `make demo` and `make demo-check` start it."""

import argparse
import asyncio
import json
import tempfile
from functools import partial
from pathlib import Path

from configs.settings import Settings

HELP = "try the bot on this machine with a chat page, a CPU engine and the demo model"
ENVIRONMENT = "bot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="send photos, press buttons, check the replies, and exit")
    parser.add_argument("--port", type=int, default=8088, help="port of the chat page (default: 8088)")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the demo until Ctrl-C, or check it: return 1 if a photo or a button press was lost."""
    from bot.demo import stack

    if arguments.check:
        return check(settings)
    data, show = settings.storage.directory / "demo", partial(print, flush=True)
    with stack.running_demo(settings, data=data, port=arguments.port, report=show) as demo:
        print(
            f"\nThe chat page: {demo.page}\nSend photos there and press buttons; Alice is an admin and may say "
            "/retrain. Stop with Ctrl-C.\n",
            flush=True,
        )
        demo.wait()
    return 0


def check(settings: Settings) -> int:
    """Check a demo in a temporary folder and print the report as JSON. Return 1 if the check fails."""
    from bot.demo import check, samples, stack

    with tempfile.TemporaryDirectory() as folder, stack.running_demo(settings, data=Path(folder)) as demo:
        report, passed = asyncio.run(check.check_demo(demo, samples.photo_folder(settings)))
    print(json.dumps(report))
    return 0 if passed else 1
