"""Trains on several GPUs with torchrun. If memory runs out, torchrun is restarted with each batch in more parts.

A single process splits its batch and continues. Of several processes the others wait in a collective operation, so all
processes end and restart at the last checkpoint.
"""

import signal
import subprocess
import sys
from pathlib import Path

from storage.learning.run_files import read_progress
from trainer.xtuner import worker
from trainer.xtuner.plan import TrainingPlan
from trainer.xtuner.progress import ProgressWriter

STATES = {"done": worker.DONE, "stopped": worker.STOPPED, "failed": worker.FAILED}


def under_torchrun(plan: TrainingPlan) -> int:
    """Train with one process a GPU; returns an exit code."""
    torchrun = Torchrun(plan)
    plan.out_of_memory.unlink(missing_ok=True)
    while True:
        code = torchrun.run()
        if torchrun.stop_requested or not plan.out_of_memory.exists():
            break
        if not halve(plan):
            return failed(plan, "memory", worker.NO_MEMORY)
        print(
            f"Out of memory: on from the last checkpoint, each batch in {plan.parts()} parts.",
            file=sys.stderr,
            flush=True,
        )
    state = read_progress(plan.out).get("state", "")
    if state not in STATES:
        return failed(plan, "crash", f"A process of the run ended and took the others with it (torchrun: {code}).")
    return STATES[state]


def halve(plan: TrainingPlan) -> bool:
    """Double the number of parts of each batch; False if the parts are single rows already."""
    plan.out_of_memory.unlink()
    if plan.parts() >= plan.training.batch_size:
        return False
    plan.set_parts(2 * plan.parts())
    return True


def failed(plan: TrainingPlan, reason: str, message: str) -> int:
    ProgressWriter(plan.out).update(state="failed", reason=reason, message=message)
    return worker.FAILED


class Torchrun:
    """torchrun as a child process.

    Signals are forwarded to it, and by it to its workers. Its exit code is 1 for any failure.
    """

    def __init__(self, plan: TrainingPlan) -> None:
        self.command = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            f"--nproc-per-node={plan.training.gpu_count}",
            "-m",
            "trainer.xtuner.worker",
            str(plan.out),
        ]
        self.process: subprocess.Popen[bytes] | None = None
        self.stop_requested = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.forward_signal)

    def run(self) -> int:
        with subprocess.Popen(self.command, cwd=Path(__file__).parents[2]) as self.process:
            return self.process.wait()

    def forward_signal(self, number: int, frame: object) -> None:
        self.stop_requested = True
        if self.process:
            self.process.send_signal(number)
