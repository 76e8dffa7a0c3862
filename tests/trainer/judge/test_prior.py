"""A prior from likes of CLoT-Oogiri-GO, on made rows."""

import json

import numpy as np
import pytest

from storage.judge.artifact import JudgeError
from storage.judge.features import text_features
from trainer.judge.prior import fit_prior

JOKES = ("这就是我的生活", "加班第{n}天", "妈妈说不行", "别看了快跑", "领导来了{n}次")
WORTH = (8.0, 4.0, 2.0, 1.0, 0.5)


@pytest.fixture
def file(tmp_path):
    """Pictures that are liked very differently, whatever the jokes about them."""
    rng = np.random.default_rng(0)
    lines = []
    for picture in range(150):
        popularity = 10 ** rng.uniform(0, 3)
        for joke in rng.choice(5, 3, replace=False).tolist():
            text = JOKES[joke].format(n=rng.integers(100)) + "".join(rng.choice(list("天地人山水火土木"), 3))
            stars = int(popularity * WORTH[joke] * rng.uniform(0.5, 2))
            row = {"type": "I2T", "image": f"p{picture}", "text": text, "star": stars, "question": None}
            lines.append(json.dumps(row, ensure_ascii=False))
    path = tmp_path / "cn.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_jokes_of_one_picture_are_compared_whatever_the_picture_is_liked(file):
    judge = fit_prior(file, "cn")
    scores = text_features([joke.format(n=5) for joke in JOKES]).dot(judge.weights)
    assert judge.measures["pair_accuracy"] > 0.75 and judge.usable
    assert np.corrcoef(scores, np.log(WORTH))[0, 1] > 0.8


def test_a_file_without_enough_pairs_is_refused(tmp_path, file):
    short = tmp_path / "short.jsonl"
    short.write_text("\n".join(file.read_text(encoding="utf-8").splitlines()[:30]), encoding="utf-8")
    with pytest.raises(JudgeError, match="pairs"):
        fit_prior(short, "cn")
    with pytest.raises(JudgeError, match="pairs"):
        fit_prior(file, "en")
