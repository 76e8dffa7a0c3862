"""XTuner's own dataset class reads what was exported: every row, with its own picture and its own answer."""

import json

import numpy as np
import pytest
from PIL import Image

from storage.learning.dataset_files import read_dataset
from trainer.dataset.check import check_dataset
from trainer.xtuner import compat

compat.apply_repairs()


@pytest.fixture
async def exported(memory):
    for number in range(12):
        photo = await memory.photo(size=(160 + 20 * number, 120))
        await memory.rated(
            "3", photo=photo, text=f"Answer number {number}", caption=f"hint {number}" if number % 2 else None
        )
        await memory.rated("1", photo=photo)
    return await memory.exporter(holdout_share=0.3).export()


@pytest.mark.parametrize("part", ["train", "holdout"])
def test_xtuner_yields_every_row_with_the_right_picture(exported, model, part, monkeypatch):
    from xtuner.dataset import InternVL_V1_5_Dataset
    from xtuner.utils import PROMPT_TEMPLATE

    dataset = InternVL_V1_5_Dataset(
        str(model),
        PROMPT_TEMPLATE.internlm2_chat.copy(),
        str(exported.directory / f"{part}.json"),
        str(exported.directory),
        max_length=8192,
    )
    monkeypatch.setattr(dataset, "_rand_another", lambda: pytest.fail("a row was replaced by another one"))
    rows = json.loads((exported.directory / f"{part}.json").read_text())
    assert len(dataset) == len(rows) > 0
    for place, row in enumerate(rows):
        item = dataset[place]
        answer = dataset.tokenizer.decode([token for token in item["labels"] if token >= 0])
        assert row["conversations"][1]["value"] in answer
        with Image.open(exported.directory / row["image"]) as picture:
            expected = dataset.transformer(picture.convert("RGB").resize((448, 448)))
        assert np.allclose(item["pixel_values"][-1].numpy(), expected.numpy(), atol=1e-6)
        assert dataset.group_length[place] == row["length"]


def test_the_length_is_what_training_sees(exported, model):
    """Jokebot's own dataset class, with the prompt as served, makes exactly so many tokens of a row."""
    from trainer.xtuner.dataset import JokeDataset

    dataset = JokeDataset(
        str(model), data_paths=str(exported.directory / "train.json"), image_folders=str(exported.directory)
    )
    for place, row in enumerate(read_dataset(exported.directory).train):
        assert len(dataset[place]["input_ids"]) == row["length"]


async def test_a_broken_picture_after_the_export_is_found_by_the_check(exported, memory):
    row = read_dataset(exported.directory).train[0]
    path = exported.directory / row["image"]
    data = path.read_bytes()
    path.unlink()
    assert any("its picture is missing" in problem for problem in check_dataset(exported.directory, memory.budget))
    path.write_bytes(data[: len(data) // 2])
    assert any(
        "its picture is not the one that was stored" in problem
        for problem in check_dataset(exported.directory, memory.budget)
    )
