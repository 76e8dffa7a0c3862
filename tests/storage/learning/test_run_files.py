"""The files between the bot and a run's processes keep their names and formats, so that a run survives an upgrade."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bot.retraining.run_progress import RunProgress, read_losses
from bot.retraining.run_progress import read_progress as bot_progress
from storage.learning import run_files
from storage.learning.retrain_preview import PreviewError, RetrainPreview
from storage.learning.run_files import (
    GalleryItem,
    GateAnswer,
    GateVerdict,
    read_gate_progress,
    read_progress,
    read_training_steps,
    replace_file,
    verdict_file,
)
from storage.learning.runs import Run

VERDICT = {
    "answer": "promote",
    "reasons": ["No harm was shown on the held-out photos."],
    "codes": ["fine"],
    "measures": {"seconds": 1.5},
    "gallery": [{"photo": "images/aa.jpg", "language": "en", "champion": "Ha.", "candidate": "Ho."}],
}


def a_run(state: str) -> Run:
    return Run(**dict.fromkeys(Run.__dataclass_fields__) | {"id": 1, "state": state})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder as the first version of the program left it, killed while it wrote a loss."""
    (tmp_path / "progress.json").write_text(
        json.dumps(
            {
                "state": "running",
                "reason": "",
                "message": "",
                "began": 1.0,
                "step": 3,
                "steps": 9,
                "loss": 2.5,
                "rate": 2e-5,
                "step_s": 0.5,
                "eta_s": 60.0,
                "memory_mb": 900,
                "parts": 1,
                "recomputed_layers": 0,
                "updated": 4e9,
                "pid": 7,
            }
        )
    )
    (tmp_path / "losses.jsonl").write_text(
        '{"step": 1, "loss": 3.0, "rate": 1e-05, "s": 0.5}\n{"step": 2, "loss": 2.5, "rate": 2e-05, "s": '
        '0.5}\n{"step": 3, "lo'
    )
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "gate_progress.json").write_text(
        json.dumps({"step": "champion", "done": 5, "of": 20, "updated": 4e9})
    )
    return tmp_path


def test_the_files_have_the_names_they_always_had(tmp_path):
    assert (run_files.PLAN, run_files.PROGRESS, run_files.LOSSES) == ("plan.json", "progress.json", "losses.jsonl")
    assert (run_files.GATE_FOLDER, run_files.GATE_PROGRESS, run_files.GATE_VERDICT, run_files.GALLERY) == (
        "gate",
        "gate_progress.json",
        "gate.json",
        "gallery.json",
    )
    assert verdict_file(tmp_path, 7) == tmp_path / "gate" / "verdict-7.json"
    assert run_files.log_file(tmp_path, "training") == tmp_path / "training.log"


def test_the_bot_reads_a_run_that_an_older_program_works_on(folder):
    assert bot_progress(a_run("training"), folder) == RunProgress(3, 9, 2.5, 60.0)
    assert bot_progress(a_run("judging"), folder) == RunProgress(25, 40)
    assert read_losses(folder) == [3.0, 2.5]
    assert read_progress(folder)["state"] == "running" and len(read_training_steps(folder)) == 2


@pytest.mark.parametrize("text", ["", "[]", "{", '{"step": "three"}', '{"eta_s": "soon"}'])
def test_a_damaged_file_is_no_progress(folder, text):
    for file in (folder / "progress.json", folder / "gate" / "gate_progress.json"):
        file.write_text(text)
    assert bot_progress(a_run("training"), folder) == bot_progress(a_run("judging"), folder) == RunProgress()


def test_before_a_run_reports_there_is_nothing(tmp_path):
    assert (read_progress(tmp_path), read_gate_progress(tmp_path), read_training_steps(tmp_path)) == ({}, None, [])
    assert bot_progress(a_run("training"), tmp_path) == bot_progress(a_run("judging"), tmp_path) == RunProgress()


def test_a_verdict_is_written_as_it_always_was_and_read_back(tmp_path):
    verdict = GateVerdict(
        GateAnswer.PROMOTE,
        VERDICT["reasons"],
        VERDICT["codes"],
        VERDICT["measures"],
        [GalleryItem("images/aa.jpg", "en", "Ha.", "Ho.")],
    )
    replace_file(tmp_path / "gate.json", json.dumps(asdict(verdict)))
    assert json.loads((tmp_path / "gate.json").read_text()) == VERDICT
    assert GateVerdict.read(VERDICT) == verdict
    assert run_files.gallery_of({"answer": "reject"}) == []


def test_a_preview_of_an_older_train_environment_is_read():
    text = (
        '{"new": 5, "fresh": 4, "replayed": 3, "people": 2, "jokes": [7, 6], "training": {"seconds": 90.0, '
        '"basis": "cpu"}}'
    )
    preview = RetrainPreview.from_json(text)
    assert preview == RetrainPreview(5, 4, 3, 2, (7, 6), {"seconds": 90.0, "basis": "cpu"})
    assert json.loads(preview.to_json()) == {**json.loads(text), "left_out": {}}
    assert RetrainPreview.from_json('{"new": 0, "fresh": 0, "replayed": 0, "people": 0}').training is None


@pytest.mark.parametrize(
    "text",
    ["", "Traceback", "[]", "{}", '{"new": 1}', '{"new": 1, "fresh": 1, "replayed": 1, "people": 1, "other": 1}'],
)
def test_another_text_is_no_preview(text):
    with pytest.raises(PreviewError):
        RetrainPreview.from_json(text)
