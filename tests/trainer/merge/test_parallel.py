"""Jobs in several processes: all are executed, a failure ends all, and no process is left."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from trainer.merge.checkpoint_io import MergeError
from trainer.merge.parallel import in_processes, in_threads

WAYS = [in_processes, in_threads]
ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
"""These tests fork beside PyTorch's idle threads, which the merge itself avoids."""


@pytest.mark.parametrize("spread", WAYS)
@pytest.mark.parametrize("workers", [1, 3])
def test_every_job_is_done_once(spread, workers, tmp_path):
    def job(number):
        with (tmp_path / str(number)).open("x") as file:
            file.write(str(number))

    spread([partial(job, number) for number in range(50)], workers)
    assert sorted(int(file.read_text()) for file in tmp_path.iterdir()) == list(range(50))


def test_more_jobs_than_a_pipe_holds_are_handed_out(tmp_path):
    """A pipe takes 64 KB, which is 16,384 numbers."""
    counts = os.open(tmp_path / "done", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    in_processes([lambda: os.write(counts, b".")] * 20_000, 2)
    assert (tmp_path / "done").stat().st_size == 20_000


@pytest.mark.parametrize("spread", WAYS)
def test_a_failure_ends_all_work_and_is_raised(spread, tmp_path):
    def fail():
        raise OSError(28, "No space left on device")

    def wait():
        time.sleep(0.05)
        (tmp_path / str(time.monotonic_ns())).touch()

    started = time.monotonic()
    with pytest.raises(OSError, match="No space left") as caught:
        spread([wait, fail, *[wait] * 2000], 2)
    assert caught.value.errno == 28 and time.monotonic() - started < 30
    assert len(list(tmp_path.iterdir())) < 1000


def test_a_process_that_is_killed_from_outside_is_told_of():
    with pytest.raises(MergeError, match="out of memory, perhaps"):
        in_processes([lambda: os.kill(os.getpid(), signal.SIGKILL)], 2)


def test_workers_end_with_their_parent(tmp_path):
    code = (
        "import os, sys, time; from pathlib import Path; from trainer.merge.parallel import in_processes\n"
        "def job():\n    Path(sys.argv[1], str(os.getpid())).touch()\n    time.sleep(0.02)\n"
        "in_processes([job] * 100_000, 2)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT) as parent:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        parent.kill()
    workers = [int(file.name) for file in tmp_path.iterdir()]
    assert len(workers) == 2
    deadline = time.monotonic() + 60
    while any(alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker goes on without its parent"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether it runs; one that ended and that nobody has asked after does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
