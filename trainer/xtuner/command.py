"""Starts a training run: in this process for one GPU, under torchrun for more."""
import json
import signal
import subprocess
import sys
from pathlib import Path

from configs.settings import Settings
from trainer.xtuner import launch
from trainer.xtuner.plan import Plan, TrainingError
from trainer.xtuner.progress import Progress, read_progress

KINDS = ["InternVLChatModel", "InternLM2ForCausalLM"]


def train(dataset: Path, base: Path, out: Path, settings: Settings) -> int:
    """Run, or continue, a training run to its exit code. Raises TrainingError for what can't be begun."""
    base = base.resolve()
    most = check_base(base)
    plan = Plan(dataset.resolve(), base, out.resolve(), (settings.storage.directory / "features").resolve(),
                min(most, settings.engine.max_tiles), settings.training)
    plan.save()
    if read_progress(plan.out).get("state") == "done":
        print(f"{out} holds this run already, done.")
        return launch.DONE
    return launch.run(plan) if settings.training.gpus == 1 else under_torchrun(plan)


def check_base(base: Path) -> int:
    """The most tiles that a base model takes. Raises TrainingError where it is none that can be trained."""
    try:
        config = json.loads((base / "config.json").read_text(encoding="utf-8"))
        kinds = [*config["architectures"], *config["llm_config"]["architectures"]]
        most: int = config["max_dynamic_patch"]
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError("model", f"{base} is no InternVL2 checkpoint: {error!r}.") from error
    if kinds != KINDS:
        raise TrainingError("model", f"{base} is no InternVL2 of InternLM2 kind (it says {', '.join(kinds)}), and XTuner trains no other here.")
    if "." in base.name:
        raise TrainingError("model", f"{base.name!r} has a dot, and transformers can't load code from such a directory. Rename it.")
    return most


def under_torchrun(plan: Plan) -> int:
    """One process a GPU. Signals are handed on; torchrun hands them to the processes and says 1 for any failure."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={plan.training.gpus}",
               "-m", "trainer.xtuner.launch", str(plan.out)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as process:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: process.send_signal(number))
        code = process.wait()
    states = {"done": launch.DONE, "stopped": launch.STOPPED, "failed": launch.FAILED}
    state = read_progress(plan.out).get("state", "")
    if state not in states:
        Progress(plan.out).tell(state="failed", reason="crash", message=f"A process of the run ended and took the others with it (torchrun: {code}).")
    return states.get(state, launch.FAILED)
