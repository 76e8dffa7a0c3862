"""Runs a program to its end, with a time limit: what is looked up or drawn in a process of its own."""
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from configs.settings import ROOT


@dataclass(frozen=True)
class Ended:
    """A program that came to its end: its exit code, what it printed, and what it complained of."""

    code: int
    said: bytes
    mistakes: str

    @property
    def last_words(self) -> str:
        """The last line of what it complained of; empty where it said nothing."""
        return (self.mistakes.strip().splitlines() or [""])[-1]


async def run_program(command: Sequence[str], environment: Mapping[str, str], patience_s: float, given: bytes = b"") -> Ended:
    """Run a command in the program's folder, with `given` on its standard input, until it ends by itself.

    Raises OSError where it can't be started and TimeoutError after `patience_s` seconds; nothing is left running.
    """
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=dict(environment), stdin=asyncio.subprocess.PIPE,
                                                   stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(patience_s):
            said, mistakes = await process.communicate(given)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(process.returncode or 0, said, mistakes.decode("utf-8", "replace"))
