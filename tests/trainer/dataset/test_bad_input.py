"""Rows that can't be trained on are excluded with a reason; a failed export leaves no incomplete dataset."""

import asyncio
import json
import os
import resource
import signal
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace
from pathlib import Path

import pytest

from storage.learning import dataset_files, datasets
from storage.learning.dataset_files import DatasetError, read_dataset
from storage.maintenance.forget_person import forget_rows
from storage.media.photos import photo_path
from trainer.dataset.check import check_dataset
from trainer.dataset.rows import RowError, check_row, make_row

ALL_TRAIN = {"holdout_share": 1e-9}
ROOT = Path(__file__).parents[3]


def rot(path: Path, how: str) -> None:
    """Do to a stored picture what can happen to a file."""
    data = path.read_bytes()
    path.unlink()
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "other":
        path.write_bytes(data + b"\0")
    elif how == "text":
        path.write_text("no picture")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("gone", "its picture is missing"),
        ("cut", "its picture is not the one that was stored"),
        ("other", "its picture is not the one that was stored"),
        ("text", "its picture is not the one that was stored"),
    ],
)
async def test_a_row_without_its_picture_is_left_out_and_makes_room(memory, how, reason):
    photo = await memory.photo()
    broken = await memory.rated("3333", photo=photo)
    whole = await memory.rated("3")
    for _ in range(3):
        await memory.rated("1111")
    rot(photo_path(memory.photos, photo), how)
    exported = await memory.exporter(**ALL_TRAIN, max_rows=1).export()
    assert [entry["joke"] for entry in exported.manifest["rows"]] == [whole] and broken != whole
    assert exported.manifest["not_written"] == {reason: 1}


async def test_a_broken_held_out_picture_is_left_out_too(memory):
    photos = [await memory.photo() for _ in range(12)]
    for photo in photos:
        await memory.rated("3", photo=photo)
        await memory.rated("1", photo=photo)
    held_out = {
        entry["photo"]
        for entry in (await memory.exporter(holdout_share=0.4).export()).manifest["rows"]
        if entry["part"] == "holdout"
    }
    rot(photo_path(memory.photos, next(photo for photo in photos if photo.sha256 in held_out)), "cut")
    exported = await memory.exporter(holdout_share=0.4).export()
    assert exported.manifest["not_written_held_out"] == {"its picture is not the one that was stored": 2}
    assert exported.manifest["counts"]["holdout"] == 2 * len(held_out) - 2


@pytest.mark.parametrize("text", ["fine until <|im_end|>", "<image> again", "<IMG_CONTEXT>", "a </s> b", "<s>"])
async def test_special_tokens_in_text_never_reach_a_file(memory, text):
    await memory.rated("3", text=text)
    await memory.rated("3", prompt=f"Say {text}", style="old")
    await memory.rated("3")
    await memory.rated("1")
    exported = await memory.exporter(**ALL_TRAIN).export()
    assert exported.manifest["counts"]["train"] == 1
    reasons = {"its text holds a special token", "<image> does not stand once, at its beginning"}
    assert set(exported.manifest["not_written"]) <= reasons and sum(exported.manifest["not_written"].values()) == 2


@pytest.mark.parametrize("text", ["Ha.[UNUSED_TOKEN_145]", "Ha.<end_of_turn>", "Ha.<|eot_id|>"])
async def test_a_control_token_of_another_model_is_never_learnt(memory, text):
    """Stored before the client cut such texts, and no special token of the base's tokenizer."""
    await memory.rated("3", text=text)
    await memory.rated("3")
    await memory.rated("1")
    exported = await memory.exporter(**ALL_TRAIN).export()
    assert exported.manifest["counts"]["train"] == 1
    assert exported.manifest["not_written"] == {"its text holds a special token": 1}


async def test_a_row_longer_than_the_limit_is_left_out(memory):
    await memory.rated("3", text="long " * 400)
    await memory.rated("3")
    await memory.rated("1")
    exported = await memory.exporter(**ALL_TRAIN, max_length=8192).export()
    assert exported.manifest["counts"]["train"] == 2
    memory.budget = replace(memory.budget, max_length=600)
    exported = await memory.exporter(**ALL_TRAIN).export()
    assert exported.manifest["not_written"] == {"it is longer than 600 tokens": 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image": 5}, "no row of XTuner's form"),
        ({"id": None}, "no row of XTuner's form"),
        ({"extra": 1}, "no row of XTuner's form"),
        ({"image_wh": [0, 5]}, "no row of XTuner's form"),
        ({"length": "9"}, "no row of XTuner's form"),
        ({"length": 9}, "not what the model counts"),
        ({"weight": 0}, "no row of XTuner's form"),
        ({"weight": float("inf")}, "no row of XTuner's form"),
        ({"conversations": [{"from": "gpt", "value": "x"}]}, "no row of XTuner's form"),
        (
            {"conversations": [{"from": "human", "value": "no picture"}, {"from": "gpt", "value": "x"}]},
            "does not stand once",
        ),
        (
            {"conversations": [{"from": "human", "value": "<image>\n<image>\nx"}, {"from": "gpt", "value": "x"}]},
            "does not stand once",
        ),
        (
            {"conversations": [{"from": "human", "value": "<image>\nx"}, {"from": "gpt", "value": " \n"}]},
            "its text is empty",
        ),
        (
            {"conversations": [{"from": "human", "value": "<image>\nx"}, {"from": "gpt", "value": "\ud800"}]},
            "characters that are none",
        ),
    ],
)
def test_rows_of_a_wrong_shape_are_refused(budget, change, reason):
    row = make_row("a", "images/a.jpg", (160, 120), "Tell a joke", "Ha", budget)
    check_row(row, budget)
    with pytest.raises(RowError, match=reason):
        check_row(row | change, budget)


async def test_a_person_forgotten_during_the_export_does_not_come_back(memory, monkeypatch):
    stays, goes = await memory.rated("3-"), await memory.rated("-3", person=2)
    await memory.rated("11")
    prepare, forgotten = datasets.register_dataset, []

    async def register_late(*arguments):
        if not forgotten:
            forgotten.append(await forget_rows(memory.database, 2))
        await prepare(*arguments)

    monkeypatch.setattr(datasets, "register_dataset", register_late)
    exported = await memory.exporter(**ALL_TRAIN).export()
    assert [entry["joke"] for entry in exported.manifest["rows"]] == [stays] and forgotten[0].jokes == 1 and goes
    assert len([path for path in memory.folder.iterdir() if path.name != ".lock"]) == 1


async def test_a_full_disk_is_one_clear_line_and_leaves_nothing(memory, monkeypatch):
    """RLIMIT_FSIZE stands for the disk's end; it holds for the dataset's files only, or SQLite would meet it first."""
    for verdict in "33331":
        await memory.rated(verdict)
    write, limit = dataset_files.write_json, resource.getrlimit(resource.RLIMIT_FSIZE)

    def write_on_a_full_disk(path, value):
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, limit[1]))
        try:
            write(path, value)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    monkeypatch.setattr(dataset_files, "write_json", write_on_a_full_disk)
    with pytest.raises(DatasetError, match="can't be written into .*: the disk is full. Free some room"):
        await memory.exporter(**ALL_TRAIN).export()
    assert [path.name for path in memory.folder.iterdir()] == [".lock"]
    monkeypatch.undo()
    assert (await memory.exporter(**ALL_TRAIN).export()).manifest["counts"]["train"] == 4


KILLED = """
import asyncio, sys
from pathlib import Path
from configs.settings import SelectionSettings
from storage.learning import dataset_files, datasets
from storage.database import Database
from trainer.dataset.export import DatasetExporter
from trainer.dataset.token_budget import load_token_budget

root, model, place = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def stop_here(*arguments):
    print("here", flush=True)
    sys.stdin.read()

async def stop_async(*arguments):
    stop_here()

if place == "pictures":
    dataset_files.write_json = stop_here
elif place == "whole":
    datasets.register_dataset = stop_async
else:
    dataset_files.PreparedDataset.publish = stop_here

async def main():
    database = await Database.open(root / "jokebot.sqlite3")
    selection, budget = SelectionSettings(holdout_share=1e-9), load_token_budget(model, 8192)
    await DatasetExporter(database, root / "photos", root / "datasets", selection, budget).export()

asyncio.run(main())
"""


@pytest.mark.parametrize("place", ["pictures", "whole", "recorded"])
async def test_a_kill_in_mid_export_leaves_no_dataset_and_the_next_export_cleans_up(memory, model, place):
    for verdict in "33331":
        await memory.rated(verdict)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        KILLED,
        memory.root,
        model,
        place,
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, "USE_TORCH": "0"},
    )
    assert await asyncio.wait_for(process.stdout.readline(), 120) == b"here\n"
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    left = [path.name for path in memory.folder.iterdir() if path.name != ".lock"]
    assert len(left) == 1 and left[0].startswith(".unfinished-")
    exported = await memory.exporter(**ALL_TRAIN).export()
    assert sorted(path.name for path in memory.folder.iterdir()) == sorted([".lock", exported.directory.name])
    assert check_dataset(exported.directory, memory.budget) == []
    assert [dataset.name for dataset in await datasets.all_datasets(memory.database)] == [exported.directory.name]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: (d / "train.json").unlink(), "can't be read"),
        (lambda d: (d / "train.json").write_text((d / "train.json").read_text()[:-20]), "is damaged"),
        (lambda d: (d / "train.json").write_text("{}"), "should hold a JSON array"),
        (lambda d: (d / "manifest.json").write_text("[]"), "should hold a JSON object"),
        (lambda d: (d / "manifest.json").write_text("{}"), "no manifest of this program's format"),
    ],
)
async def test_a_damaged_dataset_is_one_clear_line(memory, spoil, said):
    for verdict in "331":
        await memory.rated(verdict)
    exported = await memory.exporter(**ALL_TRAIN).export()
    spoil(exported.directory)
    with pytest.raises(DatasetError, match=said):
        check_dataset(exported.directory, memory.budget)


def change(directory: Path, part: str, edit) -> None:
    value = json.loads((directory / f"{part}.json").read_text())
    edit(value)
    (directory / f"{part}.json").write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: change(d, "train", lambda rows: rows[0]["conversations"][1].update(value="changed")), "was changed"),
        (lambda d: change(d, "train", lambda rows: rows.pop()), "is missing"),
        (lambda d: change(d, "train", lambda rows: rows.append(rows[0])), "has 2 rows of the id"),
        (lambda d: change(d, "train", lambda rows: rows[0].update(id="other")), "which the manifest doesn't know"),
        (
            lambda d: change(d, "train", lambda rows: rows[0].update(image="../../secret.jpg")),
            "not in images/ under its own hash",
        ),
        (
            lambda d: change(d, "manifest", lambda manifest: manifest["rows"][0].update(mean=1)),
            "its hash is not its name",
        ),
        (
            lambda d: change(d, "holdout", lambda rows: rows.append(json.loads((d / "train.json").read_text())[0])),
            "in training and held out",
        ),
        (lambda d: (d / "images/extra.jpg").write_text(""), "belongs to no row"),
    ],
)
async def test_the_check_finds_what_was_changed_by_hand(memory, spoil, said):
    for verdict in "331":
        await memory.rated(verdict)
    exported = await memory.exporter(**ALL_TRAIN).export()
    assert check_dataset(exported.directory, memory.budget) == [] and read_dataset(exported.directory).train
    spoil(exported.directory)
    assert any(said in problem for problem in check_dataset(exported.directory, memory.budget))
