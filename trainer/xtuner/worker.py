"""A process of a training: `python -m trainer.xtuner.worker OUT`, alone or one for each GPU under torchrun.

It calls XTuner's `main()`. The `xtuner` command returns 0 if training failed, and SIGTERM ends only the command while
training continues; so this process trains itself. Exit codes: 0 done, 143 stopped with a checkpoint, 1 failed
(progress.json has the reason).
"""

import errno
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from configs.model_code import ModelCodeError, verified_copy
from storage.learning.run_files import read_training_steps
from trainer.xtuner.plan import DEEPSPEED_CONFIG, TrainingError, TrainingPlan, TrainingStopped, parse_plan, schedule
from trainer.xtuner.progress import ProgressWriter
from trainer.xtuner.rows import TrainingRow, read_rows, save_rows

DONE, FAILED, STOPPED = 0, 1, 143
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_MEMORY = "Out of memory. Lower training.batch_size, or use a larger GPU."


def run(plan: TrainingPlan, rows: list[TrainingRow] | None = None) -> int:
    """Train in this process; returns an exit code. Any error is written to progress.json and to stderr.

    `rows` are the dataset's, if the caller has read them.
    """
    main_process = int(os.environ.get("RANK", 0)) == 0
    progress = ProgressWriter(plan.out)
    # Before StopHook is active, SIGTERM acts like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if main_process:
            progress.update(state="starting", phase="checking", reason="", message="")
        train(plan, progress, main_process, rows)
    except BaseException as error:  # noqa: BLE001  every ending becomes an exit code and a progress record
        code, what = ending(error)
        if what.get("reason") == "memory" and "RANK" in os.environ:
            # Before the other processes fail: trainer.xtuner.torchrun restarts all of them.
            plan.out_of_memory.touch()
        elif main_process:
            progress.update(**last_step(plan.out), **what)
            draw(plan.out)
            print(f"jokebot: {what['message']}", file=sys.stderr)
        return code
    return DONE


def ending(error: BaseException) -> tuple[int, dict[str, Any]]:
    """Exit code and progress.json fields for an exception."""
    if isinstance(error, TrainingStopped):
        return STOPPED, {"state": "stopped", "message": f"Stopped after step {error.step}; the same command continues."}
    if isinstance(error, KeyboardInterrupt):
        return STOPPED, {"state": "stopped", "message": "Stopped before the first step; the same command begins again."}
    if isinstance(error, TrainingError):
        reason, message = error.reason, str(error)
    elif isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        reason, message = "memory", NO_MEMORY
    elif isinstance(error, OSError) and error.errno in NO_ROOM:
        reason, message = (
            "disk",
            f"The disk is full: {error.strerror} ({error.filename}). Make room; the same command continues.",
        )
    else:
        traceback.print_exception(error)
        reason, message = "crash", f"Training ended by a defect: {type(error).__name__}: {error}."
    return FAILED, {"state": "failed", "reason": reason, "message": message}


def last_step(out: Path) -> dict[str, Any]:
    losses = read_training_steps(out)
    return {"step": losses[-1]["step"], "loss": losses[-1]["loss"]} if losses else {}


def draw(out: Path) -> None:
    """Plot the losses; a failure to do so is only printed."""
    if not read_training_steps(out):
        return
    try:
        from trainer.xtuner.export import plot_run

        plot_run(out)
    except (ImportError, OSError) as error:
        print(f"jokebot: the loss can't be plotted: {error}.", file=sys.stderr)


def train(
    plan: TrainingPlan, progress: ProgressWriter, main_process: bool, rows: list[TrainingRow] | None = None
) -> None:
    """Execute the plan in this process; of several processes, the main one writes the run's files.

    Raises TrainingError and XTuner's exceptions.
    """
    began = time.monotonic()
    prepare_environment(plan)
    config = prepare(plan, rows) if main_process else None
    join_group()
    config = config or written_config(plan)
    if main_process:
        progress.update(phase="library")
    import_xtuner()
    if main_process:
        progress.update(phase="model")
    arguments = [str(config), "--work-dir", str(plan.work)]
    if plan.training.deepspeed:
        arguments += ["--deepspeed", str(plan.work / DEEPSPEED_CONFIG)]
    runner = call_xtuner([*arguments, *(["--launcher", "pytorch"] if "RANK" in os.environ else [])])
    if main_process:
        finish(plan, runner, progress, time.monotonic() - began)


def prepare_environment(plan: TrainingPlan) -> None:
    """Set environment variables, before torch, transformers and mmengine are first used."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    # mmengine's checkpoints hold more than tensors, which torch rejects since 2.6. They are this run's own.
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    os.environ.setdefault("HF_MODULES_CACHE", str(plan.work / "modules"))
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    # On busy cores, spinning threads made a step six times slower (34 s instead of 5.9 s, 2 cores, 8 other jobs).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def prepare(plan: TrainingPlan, rows: list[TrainingRow] | None = None) -> Path:
    """Check the data, unless `rows` are given, and write the run's files.

    Returns the configuration's path. Raises TrainingError.
    """
    rows = rows or read_rows(plan.dataset, plan.max_tiles, plan.training.row_weights)
    from trainer.xtuner import config, feature_cache

    plan.work.mkdir(parents=True, exist_ok=True)
    adopt_checkpoint(plan.work)
    try:
        code = verified_copy(plan.base)
    except ModelCodeError as error:
        raise TrainingError("model", str(error)) from error
    save_rows(rows, plan.work / config.ROWS)
    store = feature_cache.store_for(plan.base, plan.features)
    allowed = store.make_room(rows, int(plan.training.feature_cache_gb * 1e9))
    (plan.work / config.KEPT).write_text("\n".join(sorted(allowed)), encoding="utf-8")
    steps = schedule(len(rows), int(os.environ.get("WORLD_SIZE", 1)), plan.training)
    return config.write_config(plan, steps, store, code)


def adopt_checkpoint(work: Path) -> None:
    """Correct the absolute path in mmengine's `last_checkpoint` if the run's folder was moved or copied."""
    note = work / "last_checkpoint"
    if note.exists() and (path := Path(note.read_text().strip())).parent != work:
        note.write_text(str(work / path.name))


def written_config(plan: TrainingPlan) -> Path:
    from trainer.xtuner.config import WRITTEN

    return plan.work / WRITTEN


def join_group() -> None:
    """Initialise the process group under torchrun, which mmengine can't do without a CUDA device."""
    if "RANK" not in os.environ:
        return
    import torch
    from torch import distributed

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    # The main process writes the run's files; the others read them after this.
    distributed.barrier()


def import_xtuner() -> None:
    from trainer.xtuner import compat

    compat.apply_repairs()


def call_xtuner(arguments: list[str]) -> Any:
    """Call XTuner's `main()` with these arguments. Returns its runner."""
    from mmengine.runner import FlexibleRunner, Runner
    from xtuner.tools import train

    runners: list[Any] = []

    def recorded(made: Any) -> Any:
        def from_config(config: Any) -> Any:
            runners.append(made(config))
            return runners[-1]

        return from_config

    # XTuner uses the second kind with DeepSpeed.
    kinds = (Runner, FlexibleRunner)
    originals, sys.argv = [kind.from_cfg for kind in kinds], ["train", *arguments]
    for kind in kinds:
        kind.from_cfg = recorded(kind.from_cfg)
    try:
        train.main()
    finally:
        for kind, original in zip(kinds, originals, strict=True):
            kind.from_cfg = original
    return runners[-1] if runners else None


def finish(plan: TrainingPlan, runner: Any, progress: ProgressWriter, seconds: float) -> None:
    """Write the adapter, its measures and the plot, and report the training as done after `seconds`."""
    from trainer.xtuner.export import export

    losses = read_training_steps(plan.out)
    progress.update(phase="saving")
    measures = {
        "steps": len(losses),
        "first_loss": losses[0]["loss"],
        "last_loss": losses[-1]["loss"],
        "seconds": round(seconds, 1),
    }
    if runner is not None:
        export(plan, getattr(runner.model, "module", runner.model).state_dict(), measures)
    draw(plan.out)
    progress.update(**last_step(plan.out), state="done", phase="", eta_s=0.0, seconds=measures["seconds"])


if __name__ == "__main__":
    sys.exit(run(parse_plan(sys.argv[1:])))
