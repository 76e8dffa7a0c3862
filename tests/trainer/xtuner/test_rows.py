"""A dataset with rows that XTuner would silently change is refused with the row's name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainer.xtuner.plan import TrainingError, schedule
from trainer.xtuner.rows import read_rows

Spoil = Callable[[Path, list[dict[str, Any]]], Any]


def cut_off(folder: Path, rows: list[dict[str, Any]]) -> None:
    picture = folder / "images/3.jpg"
    picture.write_bytes(picture.read_bytes()[:900])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder, rows: (folder / "images/3.jpg").unlink(), "joke-3"),
        (cut_off, "joke-3"),
        (lambda folder, rows: rows[2]["conversations"][0].update(value="no place for the picture"), "joke-2"),
        (lambda folder, rows: rows[2].pop("image"), "joke-2"),
        (lambda folder, rows: rows[5]["conversations"][1].update(value="bad <|im_end|> text"), "<|im_end|>"),
        (lambda folder, rows: rows[5]["conversations"][0].update(value="<image>\n<image>"), "joke-5"),
        (lambda folder, rows: rows[5]["conversations"][1].update(value="  "), "empty"),
        (lambda folder, rows: rows[4].pop("conversations"), "joke-4"),
        (lambda folder, rows: rows.append("no row"), "8"),
    ],
)
def test_a_row_that_would_be_passed_over_is_named(spoil: Spoil, words: str, dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "spoilt"
    shutil.copytree(dataset, folder)
    rows = json.loads((folder / "train.json").read_text(encoding="utf-8"))
    spoil(folder, rows)
    (folder / "train.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    with pytest.raises(TrainingError, match=words.replace("|", "[|]")) as caught:
        read_rows(folder, 12)
    assert caught.value.reason == "data"


def test_good_rows_are_read_with_their_tiles(dataset: Path) -> None:
    rows = read_rows(dataset, 12)
    assert [row.id for row in rows] == [f"joke-{number}" for number in range(8)]
    assert [row.tiles for row in rows] == [13, 3] * 4 and len({row.sha256 for row in rows}) == 8
    assert not any("<image>" in row.question for row in rows)


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 10, 33, 100, 2000])
@pytest.mark.parametrize("processes", [1, 2, 8])
def test_a_schedule_holds_whole_updates_and_sees_every_row(rows: int, processes: int) -> None:
    from configs.settings import TrainingSettings

    made = schedule(rows, processes, TrainingSettings())
    assert made.steps % made.accumulation == made.checkpoint_every % made.accumulation == 0
    assert made.steps * made.batch * processes >= 6 * rows
    assert made.warmup < made.steps and made.warmup != 1
    if rows == 2000 and processes == 1:
        assert (made.batch, made.accumulation, made.steps, made.warmup) == (4, 4, 3000, 90)


def test_weights_are_relative_to_their_mean_and_a_row_without_one_has_that_mean(dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "weighted"
    shutil.copytree(dataset, folder)
    rows = json.loads((folder / "train.json").read_text(encoding="utf-8"))
    rows[0]["weight"], rows[1]["weight"] = 0.2, 0.6
    (folder / "train.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    assert [row.weight for row in read_rows(folder, 12)] == pytest.approx([0.5, 1.5, *[1.0] * 6])
    assert {row.weight for row in read_rows(folder, 12, weighted=False)} == {1.0}
    rows[3]["weight"] = -1
    (folder / "train.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    with pytest.raises(TrainingError, match="joke-3.*weight"):
        read_rows(folder, 12)
