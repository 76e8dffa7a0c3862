"""The gate on the demo model: an equal candidate passes, a damaged one is rejected for what is wrong with it."""

import json
import shutil

from storage.learning.run_files import GALLERY, GATE_PROGRESS, GATE_VERDICT
from trainer.gate import assess_candidate

from .conftest import CHECKPOINT


def test_an_equal_candidate_shows_no_harm_and_the_verdict_is_kept(dataset, settings, tmp_path):
    same, steps = tmp_path / "same", []
    shutil.copytree(CHECKPOINT, same)
    verdict = assess_candidate(CHECKPOINT, same, dataset, tmp_path / "out", settings, lambda *step: steps.append(step))
    assert (verdict.answer, verdict.codes) == ("promote", ["fine"])
    told = verdict.measures["likelihood"]
    assert told["difference"] == 0 and told["photos"] == 12 and told["interval"] == [0, 0]
    assert verdict.measures["replies"]["candidate"] == {
        "replies": 48,
        "empty": 0,
        "broken": 0,
        "language": 0,
        "unfinished": 0,
    }
    assert len(verdict.gallery) == 8 and all(
        one.champion == one.candidate and (dataset / one.photo).is_file() for one in verdict.gallery
    )
    assert {step[0] for step in steps} == {"candidate", "champion"} and steps[-1][1] == steps[-1][2]
    assert json.loads((tmp_path / "out" / GATE_PROGRESS).read_text())["done"] == steps[-1][1]
    assert len(json.loads((tmp_path / "out" / GALLERY).read_text())) == 8
    shutil.rmtree(same)
    assert assess_candidate(CHECKPOINT, same, dataset, tmp_path / "out", settings) == verdict
    assert json.loads((tmp_path / "out" / GATE_VERDICT).read_text())["answer"] == "promote"
