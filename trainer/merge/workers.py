"""Spreads work over the cores: over forked processes where that is safe, else over threads.

Threads would take turns at Python's lock between NumPy's short calls; with sixteen of them that was most of the time.
Forked processes share what was read before, the mapped files and the new files' descriptors, and no lock.
"""
import os
import pickle
import signal
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from trainer.merge.tensors import MergeError

Work = Callable[[], None]
NUMBER = struct.Struct("=i")


def spread(jobs: Sequence[Work], workers: int) -> None:
    """Do all jobs with so many workers. The first failure ends the others' work and is raised here.

    A fork takes over only the thread that calls it, and with it any lock that another thread holds; so a process that has
    other threads (PyTorch's, say) works in threads.
    """
    threads = Path("/proc/self/task")
    alone = threads.is_dir() and len(list(threads.iterdir())) == 1
    (in_processes if alone and workers > 1 else in_threads)(jobs, workers)


def in_threads(jobs: Sequence[Work], workers: int) -> None:
    """As `spread`, in threads."""
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(job) for job in jobs]
        done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
        for future in waiting:
            future.cancel()
        for future in done:
            future.result()


def in_processes(jobs: Sequence[Work], workers: int) -> None:
    """One process a worker. They take the jobs' numbers from a pipe, which hands each number to one of them."""
    numbers, feed = os.pipe()
    failures, report = os.pipe()
    parent, children = os.getpid(), []
    try:
        for _ in range(workers):
            child = os.fork()
            if child == 0:
                os.close(feed)
                work(jobs, numbers, report, parent)
            children.append(child)
        os.close(numbers)
        os.close(report)
        hand_out(len(jobs), feed)
        # It ends when the last child does, or a failure comes out of it.
        if failure := os.read(failures, 1 << 16):
            raise pickle.loads(failure)
        while children:
            check(os.waitpid(children.pop(), 0)[1])
    finally:
        end(children)
        os.close(failures)


def hand_out(count: int, feed: int) -> None:
    """Write all numbers, then the pipe's end. Nobody reads them where all workers have failed."""
    try:
        for number in range(count):
            os.write(feed, NUMBER.pack(number))
    except BrokenPipeError:
        pass
    finally:
        os.close(feed)


def work(jobs: Sequence[Work], numbers: int, report: int, parent: int) -> None:
    """A child's whole life. It ends with the jobs, with a failure, or when its parent is gone."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while (place := os.read(numbers, NUMBER.size)) and os.getppid() == parent:
            jobs[NUMBER.unpack(place)[0]]()
        code = 0
    except BaseException as error:
        os.write(report, pickle.dumps(error))
    finally:
        os._exit(code)


def check(status: int) -> None:
    """Raises MergeError for a child that was killed; a failure of its own has come through the pipe."""
    if code := os.waitstatus_to_exitcode(status):
        raise MergeError(f"A process of the merge was ended from outside ({code}): out of memory, perhaps.")


def end(children: list[int]) -> None:
    """Kill what still works after a failure: it only writes to files that are thrown away."""
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
