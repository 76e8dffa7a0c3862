"""Runs jobs on all cores: in forked processes if that is safe, else in threads.

Threads contend for Python's lock between NumPy's short calls; with sixteen threads that was most of the time. Forked
processes share the mapped files and the new files' descriptors, but no lock.
"""

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from trainer.merge.checkpoint_io import MergeError

Work = Callable[[], None]
PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>: the signal that a process gets when its parent ends."""


def run_parallel(jobs: Sequence[Work], workers: int) -> None:
    """Run all jobs with so many workers. The first failure cancels jobs that have not begun, and is raised.

    A fork copies only the calling thread, but also locks that other threads hold, so a process with other threads (for
    example PyTorch's) runs the jobs in threads.
    """
    threads = Path("/proc/self/task")
    alone = threads.is_dir() and len(list(threads.iterdir())) == 1
    (in_processes if alone and workers > 1 else in_threads)(jobs, workers)


def in_threads(jobs: Sequence[Work], workers: int) -> None:
    """`run_parallel` in threads."""
    with ThreadPoolExecutor(workers) as pool:
        run_all(pool, jobs)


def in_processes(jobs: Sequence[Work], workers: int) -> None:
    """`run_parallel` in forked processes, which inherit the jobs and receive their numbers.

    Raises MergeError if a process is killed.
    """
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("fork"), initializer=begin_worker, initargs=(jobs, os.getpid())
    )
    try:
        with pool:
            run_all(pool, [partial(run_job, number) for number in range(len(jobs))])
    except BrokenProcessPool as error:
        raise MergeError("A process of the merge was killed from outside: out of memory, perhaps.") from error


def run_all(pool: Executor, jobs: Sequence[Work]) -> None:
    futures = [pool.submit(job) for job in jobs]
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    pool.shutdown(cancel_futures=True)
    for future in done:
        future.result()


_jobs: Sequence[Work] = ()


def begin_worker(jobs: Sequence[Work], parent: int) -> None:
    """Make a worker end with its parent and ignore Ctrl-C, which the parent handles."""
    global _jobs
    _jobs = jobs
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def run_job(number: int) -> None:
    _jobs[number]()
