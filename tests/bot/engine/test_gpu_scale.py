"""The script that measures several GPUs, with CPU engines in their place and LMDeploy's own proxy."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from configs.settings import ROOT, Settings

TRAIN = Settings().environments.train_python
PARTS = ROOT / ".venv" / "lmdeploy-cpu"
DEMO = ROOT / "configs" / "demo-model" / "checkpoint"
PROXY = """#!/bin/sh
exec {python} -c '
import sys, torch
from configs.transformers_imports import import_torchvision
import_torchvision(torch)
sys.path.append("{parts}")
sys.argv[1:3] = []
from lmdeploy.cli import run
run()
' "$@"
"""
"""A Python whose `-m lmdeploy` has LMDeploy's parts that need no GPU."""
pytestmark = pytest.mark.skipif(
    not TRAIN.exists() or not PARTS.exists(), reason="there is no train environment or no .venv/lmdeploy-cpu"
)


def test_it_runs_whole_with_cpu_engines_behind_the_proxy(tmp_path: Path) -> None:
    proxy = tmp_path / "python"
    proxy.write_text(PROXY.format(python=TRAIN, parts=PARTS))
    proxy.chmod(0o755)
    out = tmp_path / "out"
    out.mkdir()
    environment = {
        "KIND": "cpu",
        "MODEL": str(DEMO),
        "PROXY": str(proxy),
        "TRAIN": "0",
        "SCALE_OPTIONS": "--scale 0.02 --tokens 2 --tiles 1",
        "BUNDLE": str(tmp_path / "none"),
        "WORK": str(tmp_path / "work"),
        "OUT": str(out),
        "NAME": "",
    }
    script = [str(ROOT / "benchmarks" / "gpu_scale.sh"), "1", "2"]
    ran = subprocess.run(script, env={**os.environ, **environment}, capture_output=True, text=True, timeout=400)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    result = json.loads((tmp_path / "work" / "scale.out").read_text().splitlines()[-1])
    for name in ("serve", "proxy"):
        assert result[f"{name}_speedup_2"] > 0 and result[name]["2"]["clients"] == 2
        assert {part["failed"] for part in result[name].values()} == {0}
    assert result["serve"]["2"]["tokens"] == 2 and (out / "scale-logs.txt").exists()
