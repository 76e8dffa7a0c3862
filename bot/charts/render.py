"""Draws pictures in a separate process: the import of matplotlib takes seconds, and its memory is never freed."""

import json
import sys
from pathlib import Path
from typing import Any

from bot.runtime.child_process import run_program
from configs.errors import JokebotError

TIMEOUT_S = 120.0
"""Enough for a busy machine, and for the first picture, when matplotlib searches the host's fonts."""


class RenderError(JokebotError):
    """A picture can't be drawn; the message says why."""


async def draw_picture(name: str, content: dict[str, Any], data: Path) -> bytes:
    """The picture `name` of `bot/charts/__main__.py` with that content: a PNG.

    `data` is the data folder. Raises RenderError.
    """
    try:
        program = await run_program(
            [sys.executable, "-m", "bot.charts", name], _environment(data), TIMEOUT_S, json.dumps(content).encode()
        )
    except TimeoutError:
        raise RenderError(f"The picture {name!r} can't be drawn within {TIMEOUT_S:g} s.") from None
    if program.code or not program.stdout:
        raise RenderError(f"The picture {name!r} can't be drawn: {program.last_error_line or 'no output'}")
    return program.stdout


def _environment(data: Path) -> dict[str, str]:
    """An environment without secrets. matplotlib's font cache is in the data folder, since systemd hides the home."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "MPLCONFIGDIR": str(data.absolute() / "matplotlib"),
    }
