"""A program runs until it ends, or is ended at its time limit."""

import os
import sys

import psutil
import pytest

from bot.runtime.child_process import run_program


async def run(code: str, timeout_s: float = 120.0, stdin: bytes = b""):
    return await run_program([sys.executable, "-c", code], os.environ, timeout_s, stdin)


async def test_what_it_printed_and_what_it_complained_of_are_kept_apart():
    program = await run(
        "import sys; print(sys.stdin.read()[::-1], end=''); sys.exit('first line\\nlast line\\n')", stdin=b"abc"
    )
    assert (program.code, program.stdout, program.last_error_line) == (1, b"cba", "last line")


async def test_a_program_that_says_nothing_has_no_last_words():
    program = await run("")
    assert (program.code, program.stdout, program.last_error_line) == (0, b"", "")


async def test_a_program_whose_time_is_up_is_gone():
    before = psutil.Process().children(recursive=True)
    with pytest.raises(TimeoutError):
        await run("import signal; signal.pause()", timeout_s=0.1)
    assert set(psutil.Process().children(recursive=True)) <= set(before)


async def test_a_program_that_is_not_there_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        await run_program([str(tmp_path / "nothing")], {}, 1.0)
