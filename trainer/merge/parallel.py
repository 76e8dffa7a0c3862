"""Spreads work over the cores: over forked processes where that is safe, else over threads.

Threads would take turns at Python's lock between NumPy's short calls; with sixteen of them that was most of the time.
Forked processes share what was read before, the mapped files and the new files' descriptors, and no lock.
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
    """Do all jobs with so many workers. The first failure cancels what isn't begun and is raised here.

    A fork takes over only the thread that calls it, and with it any lock that another thread holds; so a process that
    has other threads (PyTorch's, say) works in threads.
    """
    threads = Path("/proc/self/task")
    alone = threads.is_dir() and len(list(threads.iterdir())) == 1
    (in_processes if alone and workers > 1 else in_threads)(jobs, workers)


def in_threads(jobs: Sequence[Work], workers: int) -> None:
    """As `spread`, in threads."""
    with ThreadPoolExecutor(workers) as pool:
        run_all(pool, jobs)


def in_processes(jobs: Sequence[Work], workers: int) -> None:
    """As `spread`, in forked processes, which have the jobs from the fork and are sent their numbers.

    Raises MergeError where a process is killed.
    """
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("fork"), initializer=begin_worker, initargs=(jobs, os.getpid())
    )
    try:
        with pool:
            run_all(pool, [partial(run_job, number) for number in range(len(jobs))])
    except BrokenProcessPool as error:
        raise MergeError("A process of the merge was ended from outside: out of memory, perhaps.") from error


def run_all(pool: Executor, jobs: Sequence[Work]) -> None:
    futures = [pool.submit(job) for job in jobs]
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    pool.shutdown(cancel_futures=True)
    for future in done:
        future.result()


_jobs: Sequence[Work] = ()


def begin_worker(jobs: Sequence[Work], parent: int) -> None:
    """A worker ends with its parent, which alone hears Ctrl-C: the executor's workers would wait for work for ever."""
    global _jobs
    _jobs = jobs
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def run_job(number: int) -> None:
    _jobs[number]()
