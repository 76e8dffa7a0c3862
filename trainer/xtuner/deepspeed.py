"""DeepSpeed's configuration of a training: XTuner's own, without DeepSpeed's mixed precision.

The model computes in bf16 by itself and keeps the trained weights in float32. With DeepSpeed's bf16 these would be
rounded at every step, and the losses would differ from those without DeepSpeed.
"""

import importlib.util
import json
from pathlib import Path

from storage.learning.run_files import replace_file
from trainer.xtuner.plan import DEEPSPEED_CONFIG, TrainingError

SUPPORTED = ("deepspeed_zero1", "deepspeed_zero2")
"""XTuner's names. Stage 3 partitions the weights, which bitsandbytes' nf4 does not allow; offloading compiles C++."""


def check_deepspeed(name: str) -> None:
    """Raises TrainingError ("deepspeed") if the configuration is not supported or DeepSpeed is not installed."""
    if name not in SUPPORTED:
        known = " or ".join(SUPPORTED)
        raise TrainingError("deepspeed", f"training.deepspeed is {name!r}; it can be {known}, or empty.")
    if importlib.util.find_spec("deepspeed") is None:
        raise TrainingError(
            "deepspeed",
            f"training.deepspeed is {name!r}, and DeepSpeed is not installed in the train environment. "
            "Run `make env-deepspeed`, or leave the setting empty.",
        )


def write_deepspeed_config(name: str, work: Path) -> None:
    """Write XTuner's configuration `name` for this training into `work`. Raises TrainingError as `check_deepspeed`."""
    check_deepspeed(name)
    # Not imported: compat.py has to come before.
    spec = importlib.util.find_spec("xtuner")
    assert spec is not None and spec.submodule_search_locations
    (xtuner,) = spec.submodule_search_locations
    file = Path(xtuner) / "configs" / "deepspeed" / f"{name}.json"
    config = {**json.loads(file.read_text(encoding="utf-8")), "bf16": {"enabled": False}, "fp16": {"enabled": False}}
    work.mkdir(parents=True, exist_ok=True)
    replace_file(work / DEEPSPEED_CONFIG, json.dumps(config, indent=2))
