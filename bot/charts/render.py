"""Has a picture drawn in a process of its own: importing matplotlib takes a second or two, and its memory never
comes back.
"""

import json
import sys
from pathlib import Path
from typing import Any

from bot.runtime.child_process import run_program
from configs.errors import JokebotError

PATIENCE_S = 120.0
"""On a busy machine, and the first time, when matplotlib looks for the host's fonts."""


class RenderError(JokebotError):
    """A picture can't be drawn; the message says why."""


async def draw(name: str, content: dict[str, Any], data: Path) -> bytes:
    """The picture `name` of `bot/charts/__main__.py` with that content: a PNG.

    `data` is the data folder. Raises RenderError.
    """
    try:
        program = await run_program(
            [sys.executable, "-m", "bot.charts", name], _environment(data), PATIENCE_S, json.dumps(content).encode()
        )
    except TimeoutError:
        raise RenderError(f"The picture {name!r} can't be drawn within {PATIENCE_S:g} s.") from None
    if program.code or not program.stdout:
        raise RenderError(f"The picture {name!r} can't be drawn: {program.last_error_line or 'it said nothing'}")
    return program.stdout


def _environment(data: Path) -> dict[str, str]:
    """No secrets, and a place of ours for what matplotlib finds out about fonts: under systemd the home isn't
    writable.
    """
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "MPLCONFIGDIR": str(data.absolute() / "matplotlib"),
    }
