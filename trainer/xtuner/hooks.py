"""Hooks of a training: the dropout's seed, a check of the loss, the progress files, the stop on SIGTERM."""

import math
import resource
import signal
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from trainer.xtuner.compat import single_process_group
from trainer.xtuner.plan import TrainingError, TrainingStopped
from trainer.xtuner.progress import ProgressWriter

PROGRESS_INTERVAL_S = 1.0
"""Minimum interval between updates of progress.json."""
STEP_TIME_DECAY = 0.9
"""Weight of earlier steps in the running mean of a step's time."""


def own_model(runner: Runner) -> Any:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def update_complete(optim_wrapper: Any) -> bool:
    """Whether the last step ended with an update, so that no gradient is incomplete."""
    if hasattr(optim_wrapper, "should_update"):
        return bool(optim_wrapper.should_update())
    # DeepSpeed's wrapper has no such method; its engine has counted the step already.
    engine = optim_wrapper.model
    return bool(engine.micro_steps % engine.gradient_accumulation_steps() == 0)


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Sets the model's step, the seed of its dropout, and ends the run if the loss is not finite."""

    priority = "VERY_HIGH"

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        own_model(runner).step = runner.iter

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        loss = outputs["loss"].detach().item()
        if not math.isfinite(loss):
            raise TrainingError(
                "nan",
                f"The loss was {loss} at step {runner.iter + 1}: the weights are unusable. "
                "Lower training.learning_rate; the checkpoints before this step are kept.",
            )
        outputs["loss"] = torch.tensor(loss)


@HOOKS.register_module()
class ProgressHook(Hook):
    """Writes OUT/progress.json and OUT/losses.jsonl, in the main process only."""

    priority = "LOW"

    def __init__(self, out: str) -> None:
        self.progress = ProgressWriter(Path(out))
        self.began, self.reported, self.step_s = 0.0, 0.0, 0.0

    def before_train(self, runner: Runner) -> None:
        if is_main_process():
            self.progress.drop_steps_after(runner.iter)
            self.progress.update(
                state="running", phase="", step=runner.iter, steps=runner.max_iters, began=round(time.time(), 3)
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        self.began = self.began or time.monotonic()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if not is_main_process():
            return
        step, now = runner.iter + 1, time.monotonic()
        took, self.began = now - self.began, now
        self.step_s = took if not self.step_s else STEP_TIME_DECAY * self.step_s + (1 - STEP_TIME_DECAY) * took
        rate = runner.optim_wrapper.param_groups[0]["lr"]
        self.progress.log(step, float(outputs["loss"]), rate, took)
        if now - self.reported >= PROGRESS_INTERVAL_S or step == runner.max_iters:
            self.reported = now
            self.report(runner, step, float(outputs["loss"]), rate)

    def report(self, runner: Runner, step: int, loss: float, rate: float) -> None:
        model = own_model(runner)
        self.progress.update(
            step=step,
            loss=round(loss, 6),
            rate=rate,
            step_s=round(self.step_s, 4),
            memory_mb=memory_mb(),
            eta_s=round(self.step_s * (runner.max_iters - step), 1),
            parts=getattr(model, "parts", 1),
            recomputed_layers=getattr(model, "recomputed", 0),
        )


def memory_mb() -> int:
    """The peak of memory so far in MiB, of the GPU or, without one, of the process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved() >> 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


@HOOKS.register_module()
class StopHook(Hook):
    """On SIGTERM or SIGINT: finish the current update, write a checkpoint, raise TrainingStopped.

    A second signal ends the process at once.
    """

    priority = "LOWEST"

    def __init__(self) -> None:
        self.stop_requested = False

    def before_train(self, runner: Runner) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_signal)

    def on_signal(self, number: int, frame: Any) -> None:
        if self.stop_requested:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.stop_requested = True

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        # An incomplete gradient can't be saved, so the stop waits for the end of the accumulation window.
        if update_complete(runner.optim_wrapper) and self.stop_requested_anywhere():
            step = runner.iter + 1
            hook = next(hook for hook in runner.hooks if isinstance(hook, CheckpointHook))
            if hook.last_ckpt is None or not hook.last_ckpt.endswith(f"iter_{step}.pth"):
                hook._save_checkpoint_with_step(runner, step, meta={"epoch": runner.epoch, "iter": step})
            raise TrainingStopped(step)

    def stop_requested_anywhere(self) -> bool:
        """Whether any process of the run got a stop signal. All must stop after the same step to avoid a deadlock."""
        if get_world_size() == 1:
            return self.stop_requested
        flag = torch.tensor(float(self.stop_requested), device="cuda" if torch.cuda.is_available() else "cpu")
        torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
        return bool(flag.item())


@HOOKS.register_module()
class SingleProcessGroupHook(Hook):
    """Initialises a process group of one process, which XTuner's own model needs and JokeModel doesn't."""

    priority = "VERY_HIGH"

    def before_run(self, runner: Runner) -> None:
        single_process_group()
