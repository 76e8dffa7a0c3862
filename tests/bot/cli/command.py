"""Runs `jokebot` as a process, without the settings of whoever runs the tests."""

import asyncio
import os
import sys

from configs.settings import ROOT

VARIABLES = {
    **{name: value for name, value in os.environ.items() if not name.startswith("JOKEBOT_")},
    "JOKEBOT_ENGINE_RETRY_DELAY_S": "0.01",
    "TERM": "xterm",
    "COLUMNS": "80",
}


async def jokebot(*arguments: object, **variables: str) -> tuple[int, str, str]:
    """Run a command; its exit code, standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *map(str, arguments),
        cwd=ROOT,
        env={**VARIABLES, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()
