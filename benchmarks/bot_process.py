"""`jokebot run` as a child process, for a benchmark that runs a sandbox and an engine."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO


@asynccontextmanager
async def bot_process(
    sandbox_url: str,
    engine_url: str,
    folder: Path,
    token: str,
    variables: Mapping[str, str],
    log: IO[bytes] | int | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The bot with its data in `folder` and these environment variables; gets SIGTERM at the end of the block.

    `log` gets its output; without one its standard output is dropped and its standard error is inherited.
    """
    environment = {
        **os.environ,
        **variables,
        "JOKEBOT_STORAGE_DIRECTORY": str(folder),
        "JOKEBOT_TELEGRAM_TOKEN": token,
        "JOKEBOT_ACCESS_STRANGERS": "allow",
        "JOKEBOT_TELEGRAM_BASE_URL": sandbox_url,
        "JOKEBOT_ENGINE_URL": engine_url,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        env=environment,
        stdout=subprocess.DEVNULL if log is None else log,
        stderr=log,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
