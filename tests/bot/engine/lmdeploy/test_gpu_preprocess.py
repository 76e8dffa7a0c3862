"""Our preprocess gives InternVL2 the same values as LMDeploy's own."""

import numpy
import pytest
import torch
from lmdeploy.archs import get_model_arch
from lmdeploy.vl.model.internvl import InternVLVisionModel
from PIL import Image
from skimage import data

from bot.engine.lmdeploy.gpu_preprocess import GRID, normalise_values, photo_tiles
from bot.engine.lmdeploy.prefix_cache import PIXEL_HASH
from bot.engine.lmdeploy.vision_model import PhotoVisionModel

PICTURES = ("astronaut", "coffee", "chelsea", "rocket", "hubble_deep_field")
SIZES = (
    (1280, 960),
    (640, 480),
    (333, 777),
    (100, 50),
    (448, 448),
    (720, 1280),
    (899, 640),
    (1600, 1200),
    (60, 700),
    (500, 375),
)
TILES = (12, 6, 4, 1, 2)


def build(kind, tiny):
    _, config = get_model_arch(str(tiny), trust_remote_code=True)
    model = kind(model_path=str(tiny), hf_config=config, backend="pytorch", trust_remote_code=True)
    model.build_preprocessor(trust_remote_code=True)
    model.set_mm_feature_dtype(torch.bfloat16)
    return model


@pytest.fixture(scope="module")
def stock(tiny):
    return build(InternVLVisionModel, tiny)


@pytest.fixture(scope="module")
def ours(tiny):
    return build(PhotoVisionModel, tiny)


def photo(picture: str, size: tuple[int, int]) -> Image.Image:
    """A photo of that size, with hard edges (where a cubic kernel overshoots) and noise on a part of it."""
    image = numpy.array(Image.fromarray(getattr(data, picture)()).convert("RGB").resize(size, Image.Resampling.BOX))
    rows, columns = image.shape[:2]
    image[: rows // 4, : columns // 4] = numpy.indices((rows // 4, columns // 4)).sum(0)[..., None] % 2 * 255
    image[rows // 2 :, columns // 2 :] = numpy.random.default_rng(1).integers(
        0, 256, image[rows // 2 :, columns // 2 :].shape
    )
    return Image.fromarray(image)


def asked(image: Image.Image, most: int | None) -> list[dict]:
    limit = {} if most is None else {"max_dynamic_patch": most}
    return [
        {
            "role": "user",
            "content": [{"type": "image", "data": image, **limit}, {"type": "text", "text": "Joke, please."}],
        }
    ]


def tiles_of(entry: dict) -> torch.Tensor:
    pixels, (columns, rows, thumbnail) = torch.from_numpy(entry["pixel_values"].copy()), entry[GRID]
    values = (
        pixels.permute(0, 3, 1, 2)
        if pixels.dim() == 4
        else photo_tiles(pixels, (columns, rows), 448, thumbnail=thumbnail)
    )
    return normalise_values(values, torch.bfloat16)


@pytest.mark.parametrize("number", range(50))
def test_the_tiles_of_a_photo_are_lmdeploys_own_to_the_bit(stock, ours, number):
    image, most = photo(PICTURES[number % 5], SIZES[number // 5]), TILES[(number + number // 5) % 5]
    theirs, entry = (
        stock.preprocess(asked(image, most))[-1]["content"][0],
        ours.preprocess(asked(image, most))[-1]["content"][0],
    )
    expected, made = theirs.pop("pixel_values"), tiles_of(entry)
    assert made.shape == expected.shape and made.dtype == expected.dtype == torch.bfloat16
    assert torch.equal(made, expected)
    assert theirs == {name: value for name, value in entry.items() if name not in ("pixel_values", GRID, PIXEL_HASH)}


def test_never_more_bytes_travel_than_the_tiles_have(ours):
    for size in ((4000, 3000), (1280, 960), (3000, 200)):
        entry = ours.preprocess(asked(photo("coffee", size), 12))[-1]["content"][0]
        assert entry["pixel_values"].dtype == numpy.uint8
        assert entry["pixel_values"].nbytes <= entry["image_tokens"] // 256 * 3 * 448 * 448


def test_detail_and_the_checkpoints_own_limit_choose_as_many_tiles_as_they_do_in_lmdeploy(stock, ours):
    image = photo("chelsea", (900, 300))
    for asking in (
        asked(image, None),
        [{"role": "user", "content": [{"type": "image", "data": image, "detail": "low"}]}],
    ):
        counts = [model.preprocess(list(asking))[-1]["content"][0]["image_tokens"] for model in (stock, ours)]
        assert counts[0] == counts[1]


def test_the_engine_gets_the_same_prompt(stock, ours):
    class Words:
        def messages2prompt(self, messages, tools=None):
            return "".join(f"<{message['role']}>{message['content']}" for message in messages)

    class Tokens:
        def encode(self, text, add_bos):
            return [ord(letter) for letter in text]

    image = photo("rocket", (640, 480))
    packed = [model.to_pytorch(model.preprocess(asked(image, 6)), Words(), Tokens()) for model in (stock, ours)]
    assert packed[0]["input_ids"] == packed[1]["input_ids"]
    assert packed[0]["multimodal"][0]["offset"] == packed[1]["multimodal"][0]["offset"] > 0
