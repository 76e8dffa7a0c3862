"""The commands of a terminal, each in a separate process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def jokebot(tmp_path, model):
    """Run `jokebot …` on this memory; what it printed, and its exit code."""
    (tmp_path / "empty.toml").write_text("")

    def run(*arguments, **settings):
        environment = {
            **os.environ,
            "JOKEBOT_CONFIG": str(tmp_path / "empty.toml"),
            "JOKEBOT_STORAGE_DIRECTORY": str(tmp_path),
            "JOKEBOT_MODEL_DIRECTORY": str(model),
            "JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON": sys.executable,
            **{f"JOKEBOT_{name.upper()}": str(value) for name, value in settings.items() if value is not None},
        }
        for name in (name for name, value in settings.items() if value is None):
            environment.pop(f"JOKEBOT_{name.upper()}", None)
        done = subprocess.run(
            [sys.executable, "-m", "bot", *map(str, arguments)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
        )
        return done.returncode, done.stdout, done.stderr

    return run


async def test_export_show_and_check(memory, jokebot):
    for number in range(12):
        await memory.rated("321"[number % 3], text=f"Joke number {number}")
    code, said, wrong = jokebot("export")
    assert code == 0, wrong
    assert "note      Fewer than 5 people have rated" in said and "not liked enough" in said
    directory = Path(said.splitlines()[-2])
    assert directory.parent == memory.folder
    code, said, _ = jokebot("dataset", "show")
    assert code == 0 and directory.name[:12] in said and "ready" in said
    code, said, _ = jokebot("dataset", "show", directory.name[:8], "--rows", 1)
    assert code == 0 and "→ Joke number" in said and "😂" in said
    code, said, _ = jokebot("dataset", "check", directory.name[:8])
    assert code == 0 and "sound" in said
    next((directory / "images").iterdir()).unlink()
    code, said, _ = jokebot("dataset", "check", directory)
    assert code == 1 and "its picture is missing" in said


def test_what_goes_wrong_is_one_line(jokebot, tmp_path):
    for arguments, line in (
        (["export"], "Nothing to learn from yet"),
        (["dataset", "check", "abc"], "No dataset begins with 'abc'"),
        (["export", "--model", tmp_path / "none"], "There is no directory"),
        (["export", "--model", tmp_path], "is no InternVL2 checkpoint"),
        (["import-oogiri", tmp_path / "cn.jsonl", tmp_path], "can't be read"),
    ):
        code, _, said = jokebot(*arguments)
        assert code == 2 and said.startswith("jokebot: ") and line in said and len(said.strip().splitlines()) == 1, said


def test_import_oogiri(jokebot, tmp_path, picture, model):
    (tmp_path / "images").mkdir()
    for number in range(4):
        (tmp_path / "images" / f"{number}.jpg").write_bytes(picture(number))
    rows = [
        {
            "type": "I2T",
            "question": None,
            "image": str(number),
            "text": f"A joke of its own kind, {word}",
            "star": f"{number},000",
        }
        for number, word in enumerate(("fish", "elevator", "umbrella", "potato"))
    ]
    (tmp_path / "en.jsonl").write_text("\n".join(json.dumps(row) for row in [*rows, {"type": "T2T"}]))
    code, said, wrong = jokebot(
        "import-oogiri",
        tmp_path / "en.jsonl",
        tmp_path / "images",
        "--language",
        "en",
        "--min-stars",
        1000,
        "--limit",
        2,
        "--model",
        model,
        selection_holdout_share=1e-9,
        model_directory=None,
    )
    assert code == 0, wrong
    assert (
        "2 rows (2 oogiri)" in said
        and "1 × it is about no picture (T2T)" in said
        and "1 × the limit was reached" in said
    )
    directory = said.splitlines()[-1]
    code, said, wrong = jokebot("dataset", "check", directory, model_directory=None)
    assert (code, wrong) == (0, ""), "it finds the model of the import"
    name = Path(directory).name
    for dataset, problem in ((name[:8], "There is no directory"), ("abc", "No dataset begins with 'abc'")):
        code, _, wrong = jokebot("train", dataset, "--base", tmp_path / "none", "--out", tmp_path / "run")
        assert code == 2 and problem in wrong and not (tmp_path / "run").exists()
