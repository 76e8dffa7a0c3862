"""`make test` runs both environments and ends with pytest's own summary line, a failed run's last."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import run_environments

ROOT = Path(__file__).resolve().parent.parent
TEST = {"passes": "def test_it(): pass", "fails": "def test_it(): assert False", "none": ""}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Two environments that both are this interpreter; each runs the file that is named after it."""

    def make(train: str, bot: str) -> list[str]:
        for name, content in (("train", train), ("bot", bot)):
            (tmp_path / f"test_{name}.py").write_text(TEST[content])
            python = tmp_path / ".venv" / name / "bin" / "python"
            python.parent.mkdir(parents=True)
            select = f'"$@" -p no:cacheprovider {tmp_path}/test_{name}.py'
            python.write_text(f"#!/bin/sh\nexec '{sys.executable}' {select}\n")
            python.chmod(0o700)
        return []

    monkeypatch.setattr(run_environments, "ROOT", tmp_path)
    return make


@pytest.mark.parametrize(
    ("train", "bot", "code", "last"),
    [
        ("passes", "passes", 0, "1 passed"),
        ("fails", "passes", 1, "1 failed"),
        ("passes", "fails", 1, "1 failed"),
        ("none", "passes", 0, "1 passed"),
    ],
)
@pytest.mark.parametrize("options", [["--serial"], []], ids=["serial", "parallel"])
def test_the_output_ends_with_the_summary_line_of_a_failed_run(project, capfd, train, bot, code, last, options):
    assert run_environments.main(project(train, bot) + options) == code
    lines = capfd.readouterr().out.splitlines()
    assert re.fullmatch(rf"=+ {last} in [\d.]+s =+", lines[-1]), lines[-1]
    assert any(line.startswith("train | ") for line in lines) and any(line.startswith("bot   | ") for line in lines)


def test_ci_runs_lint_and_then_the_tests():
    script = (ROOT / ".ci" / "run").read_text()
    assert script.rstrip().endswith("make lint\nmake test")
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"]).returncode == 0
