"""Runs `jokebot setup` on a pseudo-terminal, as a user sees and answers it."""

import asyncio
import codecs
import fcntl
import os
import re
import sys
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from configs.settings import ROOT
from tests.bot.cli.command import VARIABLES

TIMEOUT_S = 200.0


class PtySetup:
    """A running `jokebot setup`; `screen` is all that it has printed."""

    def __init__(self, process: asyncio.subprocess.Process, terminal: int) -> None:
        self.screen, self._read_to, self._process, self._terminal = "", 0, process, terminal
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._changed, self._closed = asyncio.Event(), False
        asyncio.get_running_loop().add_reader(terminal, self._read)

    @classmethod
    @asynccontextmanager
    async def running(cls, *arguments: str, cwd: Path, variables: Mapping[str, str]) -> AsyncIterator["PtySetup"]:
        """A setup in the folder `cwd` with these variables; it is killed at the end of the block if it still runs."""
        terminal, own = os.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "setup",
            *arguments,
            cwd=cwd,
            env={**VARIABLES, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **variables},
            stdin=own,
            stdout=own,
            stderr=own,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # for Ctrl-C and getpass
        )
        os.close(own)
        setup = cls(process, terminal)
        try:
            yield setup
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            setup.close()

    def _read(self) -> None:
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # Linux says so when the last process has closed its side
            data = b""
        if not data:
            self._closed = True
            asyncio.get_running_loop().remove_reader(self._terminal)
        self.screen = (self.screen + self._decoder.decode(data)).replace("\r\n", "\n")
        self._changed.set()

    async def wait_for(self, pattern: str) -> str:
        """Wait until the pattern appears behind what was waited for before; returns the matched text."""
        async with asyncio.timeout(TIMEOUT_S):
            while not (found := re.compile(pattern).search(self.screen, self._read_to)):
                assert not self._closed, f"{pattern!r} doesn't come:\n{self.screen}"
                self._changed.clear()
                await self._changed.wait()
        self._read_to = found.end()
        return found.group()

    async def answer(self, pattern: str, text: str) -> None:
        """Wait for a question and answer it."""
        await self.wait_for(pattern)
        os.write(self._terminal, f"{text}\n".encode())

    async def interrupt(self) -> int:
        """Press Ctrl-C until it ends; returns the exit code.

        Python misses a signal that comes between the printing of a question and the reading of the answer.
        """
        ending = asyncio.create_task(self.end())
        while not ending.done():
            if not self._closed:
                os.write(self._terminal, b"\x03")
            await asyncio.wait({ending}, timeout=2)
        return await ending

    async def end(self) -> int:
        """Wait until it ends; returns the exit code."""
        async with asyncio.timeout(TIMEOUT_S):
            while not self._closed:
                self._changed.clear()
                await self._changed.wait()
            return await self._process.wait()

    def close(self) -> None:
        if not self._closed:
            asyncio.get_running_loop().remove_reader(self._terminal)
        os.close(self._terminal)
