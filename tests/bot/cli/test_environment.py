"""A command that needs the train environment goes on there, whatever the interpreter in the settings looks like."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import bot.__main__ as main_module
from configs.settings import ROOT
from storage.learning.retrain_preview import RetrainPreview

WORDS = "by the ratings of 0 people"


def preview(tmp_path: Path, interpreter: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`jokebot retrain --dry-run`, which needs the train environment, with this interpreter set as the one of it."""
    environment = {
        **os.environ,
        "JOKEBOT_STORAGE_DIRECTORY": str(tmp_path / "data"),
        "JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON": str(interpreter),
    }
    return subprocess.run(
        [sys.executable, "-m", "bot", "retrain", "--dry-run", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("line", ['exec {python} "$@"', '{python} "$@"; exit $?'], ids=["exec", "child"])
def test_a_script_around_the_interpreter_is_entered_once(tmp_path, line):
    script = tmp_path / "elsewhere" / "python"
    script.parent.mkdir()
    script.write_text(
        "#!/bin/sh\necho entered >&2\n" + line.format(python=shlex.quote(str(ROOT / ".venv/train/bin/python"))) + "\n"
    )
    script.chmod(0o755)
    done = preview(tmp_path, script)
    assert (done.returncode, done.stderr.count("entered")) == (0, 1), done.stderr
    assert WORDS in done.stdout


def test_the_interpreter_itself_and_one_that_is_not_there(tmp_path):
    assert WORDS in preview(tmp_path, ROOT / ".venv/train/bin/python").stdout
    gone = preview(tmp_path, tmp_path / "nowhere" / "bin" / "python")
    assert gone.returncode == 2 and "make env-train" in gone.stderr


def test_the_preview_as_json_for_the_bot(tmp_path):
    done = preview(tmp_path, ROOT / ".venv/train/bin/python", "--json")
    assert done.returncode == 0 and RetrainPreview.from_json(done.stdout).new == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("--json",), "--dry-run"), (("--dry-run", "--yes"), "--yes"), (("--dry-run", "--dataset", "x"), "--dataset")],
)
def test_arguments_that_do_not_fit_a_preview_are_one_line(monkeypatch, capsys, arguments, word):
    monkeypatch.setattr(main_module, "enter_environment", lambda *_: None)
    assert main_module.main(["retrain", *arguments]) == 2
    assert word in (text := capsys.readouterr().err) and len(text.splitlines()) == 1
