"""A program is run to its end, or ended when its time is up."""
import os
import sys

import psutil
import pytest

from bot.programs import run_program


async def run(code: str, patience_s: float = 120.0, given: bytes = b""):
    return await run_program([sys.executable, "-c", code], os.environ, patience_s, given)


async def test_what_it_printed_and_what_it_complained_of_are_kept_apart():
    ended = await run("import sys; print(sys.stdin.read()[::-1], end=''); sys.exit('first line\\nlast line\\n')", given=b"abc")
    assert (ended.code, ended.said, ended.last_words) == (1, b"cba", "last line")


async def test_a_program_that_says_nothing_has_no_last_words():
    ended = await run("")
    assert (ended.code, ended.said, ended.last_words) == (0, b"", "")


async def test_a_program_whose_time_is_up_is_gone():
    before = psutil.Process().children(recursive=True)
    with pytest.raises(TimeoutError):
        await run("import signal; signal.pause()", patience_s=0.1)
    assert set(psutil.Process().children(recursive=True)) <= set(before)


async def test_a_program_that_is_not_there_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        await run_program([str(tmp_path / "nothing")], {}, 1.0)
