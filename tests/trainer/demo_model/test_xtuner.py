"""XTuner 0.2.0 takes our checkpoints for InternVL2, and cuts photos as Jokebot does."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from skimage import data

from configs.tiling import cut_tiles, tile_count, tile_grid
from trainer.xtuner import compat

compat.apply_repairs()

from peft import LoraConfig  # noqa: E402
from xtuner.dataset.collate_fns import default_collate_fn  # noqa: E402
from xtuner.dataset.internvl_dataset import dynamic_preprocess, find_closest_aspect_ratio  # noqa: E402
from xtuner.model import InternVL_V1_5  # noqa: E402

from trainer.xtuner.dataset import JokeDataset  # noqa: E402

SIZES = [
    (1, 1),
    (448, 448),
    (1280, 960),
    (960, 1280),
    (640, 480),
    (3000, 100),
    (100, 3000),
    (10_000, 1),
    (1, 10_000),
    (449, 448),
    (896, 448),
    (897, 449),
    (1345, 448),
    (600, 400),
    (500, 700),
    (1000, 999),
    (336, 1008),
    (2000, 1500),
    (1280, 1024),
    (500, 400),
    (400, 500),
    (250, 200),
]


@pytest.fixture
def dataset(tiny: Path, tmp_path: Path) -> JokeDataset:
    Image.fromarray(data.chelsea()).save(tmp_path / "cat.jpg")
    rows = [
        {
            "image": "cat.jpg",
            "conversations": [{"from": "human", "value": "<image>\n讲一个笑话"}, {"from": "gpt", "value": text}],
        }
        for text in ("喵", "a much longer joke")
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    return JokeDataset(
        model_path=str(tiny), data_paths=str(tmp_path / "rows.json"), image_folders=str(tmp_path), max_length=2048
    )


@pytest.mark.parametrize("quantised", [False, True])
def test_xtuners_model_learns_from_xtuners_dataset(tiny: Path, dataset: JokeDataset, quantised: bool) -> None:
    lora = LoraConfig(r=4, lora_alpha=8, lora_dropout=0.0, task_type="CAUSAL_LM")
    model = InternVL_V1_5(
        str(tiny), freeze_llm=True, freeze_visual_encoder=True, llm_lora=lora, quantization_llm=quantised
    )
    compat.single_process_group()
    batch: Any = default_collate_fn([dataset[0], dataset[1]])["data"]
    loss = model(batch)["loss"]
    loss.backward()
    assert 8.0 < loss.item() < 9.5  # ln(6144) = 8.72: a model that knows nothing
    trained = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert any("mlp1" in name for name in trained) and any("wqkv.lora_B" in name for name in trained)
    assert not any("vision_model" in name for name in trained)


def test_only_the_joke_is_supervised(dataset: JokeDataset) -> None:
    row = dataset[1]
    learnt = [token for token in row["labels"] if token != -100]
    assert dataset.tokenizer.decode(learnt) == "a much longer joke<|im_end|>"


@pytest.mark.parametrize("most", [1, 2, 6, 12])
@pytest.mark.parametrize("size", SIZES)
def test_tiles_are_cut_as_xtuner_cuts_them(size: tuple[int, int], most: int) -> None:
    photo = Image.radial_gradient("L").resize(size).convert("RGB")
    theirs = dynamic_preprocess(photo, 1, most, 448, use_thumbnail=True)
    ours = cut_tiles(photo, most)
    assert len(theirs) == len(ours) == tile_count(*size, most)
    assert all(left.tobytes() == right.tobytes() for left, right in zip(theirs, ours, strict=True))


@pytest.mark.parametrize("most", [1, 4, 6, 12, 20, 40])
def test_grids_are_chosen_as_xtuner_chooses_them_for_many_sizes(most: int) -> None:
    """Also for 5:4, where two grids are equally near and the order in which they are looked at decides."""
    ratios = {(x, y) for n in range(1, most + 1) for x in range(1, n + 1) for y in range(1, n + 1) if x * y <= most}
    ratios = sorted(ratios, key=lambda ratio: ratio[0] * ratio[1])  # XTuner's own lines
    sizes = [(width, height) for width in range(10, 3000, 137) for height in range(10, 3000, 131)]
    for width, height in [
        *sizes,
        *((5 * n, 4 * n) for n in range(1, 400, 7)),
        *((4 * n, 5 * n) for n in range(1, 400, 7)),
    ]:
        expected = find_closest_aspect_ratio(width / height, ratios, width, height, 448)
        assert tile_grid(width, height, most) == expected, (width, height)


def test_the_process_group_is_made_once() -> None:
    compat.single_process_group()
    compat.single_process_group()
    assert torch.distributed.get_rank() == 0
