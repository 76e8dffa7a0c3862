"""A child process reports when it is ready, and never outlives its parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from bot.runtime.child_process import ChildFailed, start_child
from tests.waiting import until

ROOT = Path(__file__).parents[3]
SLEEPER = "import time; print('listening on http://127.0.0.1:4711/', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
FAMILY = (
    "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    f"print('pid', p.pid, flush=True); {SLEEPER}"
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def gone(pid: int) -> bool:
    """Whether the process has ended, zombies included."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def descendants(pid: int) -> list[int]:
    return [process.pid for process in psutil.Process(pid).children(recursive=True)]


def test_a_ready_child_tells_its_address_and_is_ended():
    with start_child("sleeper", python(SLEEPER)) as child:
        assert child.wait_ready() == "http://127.0.0.1:4711"
        watchdog = child._process.pid
        pids = [watchdog, *descendants(watchdog)]
        assert child.running and len(pids) == 2
    assert not child.running and all(gone(pid) for pid in pids)
    child.stop()


@pytest.mark.parametrize(
    ("line", "url"),
    [("Chat page:  http://127.0.0.1:8090/", "http://127.0.0.1:8090"), ("jokebot: ready as @some_bot", "")],
)
def test_every_part_has_its_ready_line(line, url):
    with start_child(
        "part", python(f"print('hello'); print({line!r}, flush=True); import time; time.sleep(600)")
    ) as child:
        assert child.wait_ready() == url


def test_a_child_that_ends_early_is_told_with_its_last_words():
    with (
        start_child("engine", python("print('loading'); raise SystemExit('no such checkpoint')")) as child,
        pytest.raises(ChildFailed) as caught,
    ):
        child.wait_ready()
    assert "The engine ended (code 1)" in str(caught.value)
    assert "loading" in str(caught.value) and "no such checkpoint" in str(caught.value)


def test_a_child_that_is_never_ready_is_told():
    with (
        start_child("engine", python("import time; print('thinking', flush=True); time.sleep(600)")) as child,
        pytest.raises(ChildFailed, match="not ready within 0.5 s"),
    ):
        child.wait_ready(0.5)
    assert not child.running


def test_a_command_that_does_not_exist_is_told():
    with start_child("engine", ["/nowhere/python"]) as child, pytest.raises(ChildFailed, match="can't be started"):
        child.wait_ready()


async def test_a_child_that_will_not_end_is_killed():
    with start_child("stubborn", python(STUBBORN), grace_s=0.2) as child:
        child.wait_ready()
        pids = descendants(child._process.pid)
        assert len(pids) == 1
    await until(lambda: all(gone(pid) for pid in pids))


async def test_what_the_child_started_goes_with_it():
    with start_child("family", python(FAMILY)) as child:
        child.wait_ready()
        pids = descendants(child._process.pid)
        assert len(pids) == 2
    await until(lambda: all(gone(pid) for pid in pids))


async def test_what_a_child_leaves_behind_when_it_ends_by_itself_goes_too():
    code = (
        "import subprocess, sys; print('pid', subprocess.Popen([sys.executable, '-c', 'import time; "
        "time.sleep(600)']).pid, flush=True)"
    )
    child = start_child("family", python(code))
    with pytest.raises(ChildFailed) as caught:
        child.wait_ready()
    pid = int(str(caught.value).split("pid ")[1].split()[0])
    await until(lambda: gone(pid))
    child.stop()


def test_a_talkative_child_is_not_blocked_and_everything_is_logged(tmp_path):
    log = tmp_path / "child.log"
    code = (
        "import sys\nfor n in range(20000): print('line', n, 'x' * 50)\nprint('y' * 200000); "
        f"sys.stdout.buffer.write(b'\\xff\\xfe\\n')\n{SLEEPER}"
    )
    with start_child("talker", python(code), log=log) as child:
        child.wait_ready()
    assert log.read_bytes().count(b"line") == 20_000 and b"\xff\xfe\n" in log.read_bytes()


def test_environment_and_folder_are_the_callers(tmp_path):
    code = "import os; print('listening on http://' + os.environ['MARK'] + os.getcwd(), flush=True)"
    with start_child("part", python(code), environment={**os.environ, "MARK": "here"}, cwd=tmp_path) as child:
        assert child.wait_ready() == f"http://here{tmp_path.resolve()}"


@contextmanager
def parent_of(code: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process that starts such a child and waits, and the pids of its child and grandchildren."""
    source = (
        "from bot.runtime.child_process import start_child\nimport sys, time\nchild = start_child('part', "
        f"[sys.executable, '-c', {code!r}], grace_s=1)\n"
        "child.wait_ready(); print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(python(source), stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        try:
            assert parent.stdout.readline() == "up\n"
            yield parent, descendants(parent.pid)
        finally:
            parent.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("code", [FAMILY, STUBBORN], ids=["family", "stubborn"])
async def test_nothing_is_left_when_the_parent_is_gone(number, code):
    with parent_of(code) as (parent, pids):
        assert len(pids) >= 2
        parent.send_signal(number)
        parent.wait(60)
        await until(lambda: all(gone(pid) for pid in pids))


async def test_the_child_goes_when_its_watchdog_is_killed():
    child = start_child("sleeper", python(SLEEPER))
    child.wait_ready()
    (pid,) = descendants(child._process.pid)
    child._process.kill()
    await until(lambda: gone(pid))
    child.stop()


def test_ctrl_c_reaches_the_parent_alone():
    with start_child("sleeper", python(SLEEPER)) as child:
        child.wait_ready()
        (pid,) = descendants(child._process.pid)
        assert os.getsid(pid) != os.getsid(0) and os.getpgid(pid) not in (os.getpgid(0), os.getpgid(child._process.pid))
