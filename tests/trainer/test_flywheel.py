"""One short round of the whole loop with real components; users rate by a hidden taste."""

import json
import subprocess
import sys

import pytest

from benchmarks.crowd import FITS, FORGIVEN, OTHER, Taste
from benchmarks.flywheel_setup import write_sample_pack
from configs.settings import ROOT
from configs.subjects import load_subjects
from trainer.demo_model.joke_templates import jokes, load_shapes


@pytest.mark.timeout(2400)
def test_one_short_round_goes_all_the_way_to_a_verdict_of_people(tmp_path):
    pack = write_sample_pack(tmp_path / "pictures.zip")
    command = [
        sys.executable,
        "-P",
        str(ROOT / "benchmarks" / "flywheel.py"),
        "--small",
        "--rounds",
        "1",
        "--pack",
        str(pack),
        "--keep",
        str(tmp_path / "kept"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    said = {log.name: log.read_text()[-3000:] for log in tmp_path.glob("kept/*.log")}
    assert done.returncode == 0, (done.stderr[-3000:], said)
    result = json.loads(done.stdout.splitlines()[-1])
    (run,) = result["runs"]
    assert run["state"] in ("promoted", "rejected", "undecided") and run["rows"] > 0, (run, said)
    assert run["trial"]["champion"]["ratings"] > 0 and run["trial"]["candidate"]["ratings"] > 0
    assert len(result["liking"]) == 2 and all(0 <= liking <= 1 for liking in result["liking"])
    assert result["ratings"] >= run["trial"]["ratings"] and result["lost"] == result["leaked"] == 0
    assert {"training", "merging", "judging"} <= run["steps"].keys()
    assert (tmp_path / "kept" / "data" / "runs" / "1" / "adapter.json").exists()


def test_a_taste_knows_styles_subjects_and_nothing_else():
    taste = Taste(["pun"], fond_of=0.5, seed=3)
    fond, other = (
        next(subject for subject in load_subjects() if (subject in taste.fond) == wanted) for wanted in (True, False)
    )

    pun, deadpan = (jokes(load_shapes(), "en", style)[0] for style in ("pun", "deadpan"))
    assert [taste.appeal(pun.fill(one), one) for one in (fond, other)] == [FITS, FITS]
    assert [taste.appeal(deadpan.fill(one), one) for one in (fond, other)] == [FORGIVEN, OTHER]
    assert taste.appeal(pun.fill(other), fond) == OTHER
    assert taste.appeal("Something else.", fond) == OTHER
