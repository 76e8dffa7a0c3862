"""An imported dataset enters replay by a setting, and never a picture that is held out."""

import json

import pytest

from configs.settings import LimitSettings, SelectionSettings
from storage.learning import dataset_files, datasets
from storage.learning.dataset_files import read_dataset
from storage.media.photos import check_photo
from trainer.dataset.check import check_dataset
from trainer.oogiri.importer import Importer, OogiriImport
from trainer.selection.holdout_split import update_split

TEXTS = [
    "老板说今晚加班有惊喜",
    "猫咪以为自己是总经理",
    "外卖到了，人没了",
    "这条鱼在思考人生",
    "爷爷的假牙又离家出走了",
    "冰箱里只剩下梦想",
]
ALL_TRAIN = {"holdout_share": 1e-9}


@pytest.fixture
async def imported(memory, tmp_path, picture):
    """Six imported rows, of pictures 900…905."""
    images = tmp_path / "images"
    images.mkdir()
    rows = []
    for number, text in enumerate(TEXTS):
        (images / f"{number}.jpg").write_bytes(picture(900 + number))
        rows.append(json.dumps({"type": "I2T", "question": None, "image": str(number), "text": text, "star": 9}))
    (tmp_path / "cn.jsonl").write_text("\n".join(rows))
    importer = Importer(memory.database, memory.folder, SelectionSettings(**ALL_TRAIN), LimitSettings(), memory.budget)
    return await importer.run(OogiriImport(tmp_path / "cn.jsonl", images))


async def test_imported_rows_are_repeated_beside_the_new_ones(memory, imported):
    for verdict in "33331":
        await memory.rated(verdict)
    without = await memory.exporter(**ALL_TRAIN).export()
    assert without.manifest["origins"] == {"new": 4, "replayed": 0, "imported": 0}
    exported = await memory.exporter(**ALL_TRAIN, imported_per_new=0.75).export()
    contents = read_dataset(exported.directory)
    assert exported.manifest["origins"] == {"new": 4, "replayed": 0, "imported": 3}
    answers = [row["conversations"][1]["value"] for row in contents.train[4:]]
    assert len(set(answers)) == 3 and set(answers) <= set(TEXTS)
    assert check_dataset(exported.directory, memory.budget) == []
    assert imported.directory.is_dir()


async def test_the_size_of_a_dataset_counts_them(memory, imported):
    for verdict in "333333331":
        await memory.rated(verdict)
    exported = await memory.exporter(**ALL_TRAIN, imported_per_new=1, max_rows=6, replay_per_new=0).export()
    assert exported.manifest["origins"] == {"new": 3, "replayed": 0, "imported": 3}


async def test_a_picture_near_to_a_held_out_photo_is_not_repeated(memory, imported, picture):
    for number in range(6):
        await memory.photo(seed=900 + number, size=(320, 240))
    await update_split(memory.database, share=0.999999, near_bits=10)
    for verdict in "33331":
        await memory.rated(verdict)
    exported = await memory.exporter(**ALL_TRAIN, imported_per_new=1).export()
    assert exported.manifest["origins"] == {"new": 4, "replayed": 0, "imported": 0}


async def test_an_import_puts_what_is_near_to_a_held_out_photo_on_that_side(memory, tmp_path, picture):
    photo = await memory.photo(seed=900)
    await update_split(memory.database, share=0.999999, near_bits=10)
    images = tmp_path / "images"
    images.mkdir()
    for number in range(3):
        (images / f"{number}.jpg").write_bytes(picture(900 + number, (320, 240)))
    (tmp_path / "cn.jsonl").write_text(
        "\n".join(json.dumps({"type": "I2T", "image": str(number), "text": TEXTS[number]}) for number in range(3))
    )
    importer = Importer(memory.database, memory.folder, SelectionSettings(**ALL_TRAIN), LimitSettings(), memory.budget)
    result = await importer.run(OogiriImport(tmp_path / "cn.jsonl", images))
    assert {entry["picture"]: entry["part"] for entry in result.manifest["rows"]} == {
        "0": "holdout",
        "1": "train",
        "2": "train",
    }
    assert check_photo(picture(900), max_bytes=10**7, max_pixels=10**7).sha256 == photo.sha256


async def test_a_damaged_imported_dataset_is_one_clear_line(memory, imported):
    for verdict in "331":
        await memory.rated(verdict)
    (imported.directory / "train.json").write_text("[")
    with pytest.raises(dataset_files.DatasetError, match="is damaged"):
        await memory.exporter(**ALL_TRAIN, imported_per_new=1).export()
    assert len(await datasets.all_datasets(memory.database)) == 1
