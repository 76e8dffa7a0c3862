"""Has a picture drawn in a process of its own: importing matplotlib takes a second or two, and its memory never comes back."""
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from configs.errors import JokebotError
from configs.settings import ROOT

PATIENCE_S = 120.0
"""On a busy machine, and the first time, when matplotlib looks for the host's fonts."""


class DrawingError(JokebotError):
    """A picture can't be drawn; the message says why."""


async def draw(name: str, content: dict[str, Any], data: Path) -> bytes:
    """The picture `name` of `bot/drawing/__main__.py` with that content: a PNG. `data` is the data folder. Raises DrawingError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.drawing", name, cwd=ROOT, env=_environment(data),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(PATIENCE_S):
            png, mistakes = await process.communicate(json.dumps(content).encode())
    except TimeoutError:
        raise DrawingError(f"The picture {name!r} can't be drawn within {PATIENCE_S:g} s.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode or not png:
        last = (mistakes.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
        raise DrawingError(f"The picture {name!r} can't be drawn: {last}")
    return png


def _environment(data: Path) -> dict[str, str]:
    """No secrets, and a place of ours for what matplotlib finds out about fonts: under systemd the home isn't writable."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "MPLCONFIGDIR": str(data.absolute() / "matplotlib")}
