"""The engine process gives InternVL2's vision model the tiles of 8-bit photos, and stock requests as they are."""

from types import SimpleNamespace

import numpy
import pytest
import torch
from lmdeploy.pytorch.multimodal.data_type import MultiModalData

from bot.engine.lmdeploy import input_processor, vision_model
from bot.engine.lmdeploy.gpu_preprocess import normalise_values, photo_tiles
from bot.engine.lmdeploy.input_processor import GRID, PhotoInputProcessor, PhotoInternVLChatModel

TOKEN = 92546


@pytest.fixture
def chat_model():
    """The class without its weights: LMDeploy builds those only on a GPU."""
    made = PhotoInternVLChatModel.__new__(PhotoInternVLChatModel)
    torch.nn.Module.__init__(made)
    made.config = SimpleNamespace(vision_config=SimpleNamespace(image_size=448))
    made.vision_model = SimpleNamespace(
        embeddings=SimpleNamespace(patch_embedding=torch.nn.Conv2d(3, 4, 14, 14, dtype=torch.bfloat16))
    )
    made.flash_mode = None
    return made


@pytest.fixture
def processor():
    config = SimpleNamespace(vision_config=SimpleNamespace(image_size=448, patch_size=14))
    return PhotoInputProcessor(config, torch.bfloat16)


def picture(pixels: numpy.ndarray, grid: tuple[int, int, bool], tiles: int) -> dict:
    return {
        "pixel_values": pixels,
        GRID: grid,
        "image_tokens": 256 * tiles,
        "image_token_id": TOKEN,
        "image_size": (1, 1),
        "offset": 3,
    }


def step(*pictures: MultiModalData) -> SimpleNamespace:
    """LMDeploy's input to the model for one prefill step."""
    ids = torch.tensor([[1] * 3 + [TOKEN] * sum(one.end - one.start for one in pictures) + [2]])
    return SimpleNamespace(
        input_ids=ids,
        position_ids=None,
        attn_metadata=None,
        input_embeddings=None,
        model_metas=None,
        input_multimodals=[{"image": list(pictures)}, {}],
        is_decoding=False,
        q_seqlens=None,
    )


def test_both_sides_name_the_grid_alike():
    assert input_processor.GRID == vision_model.GRID


def test_a_photo_becomes_tiles_where_the_model_is(chat_model, processor):
    photo = numpy.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=numpy.uint8)
    cut = numpy.random.default_rng(1).integers(0, 256, (1, 448, 448, 3), dtype=numpy.uint8)
    kept = processor.preprocess_input(
        [1], [picture(photo, (2, 1, True), 3), picture(cut, (1, 1, True), 1)]
    ).input_multimodals["image"]
    assert [(one.start, one.end, one.data.dtype) for one in kept] == [(3, 771, torch.uint8), (3, 259, torch.uint8)]
    made = chat_model.prepare_inputs_for_generation(None, context=step(*kept))["pixel_values"]
    expected = torch.cat(
        [photo_tiles(torch.from_numpy(photo), (2, 1), 448, thumbnail=True), torch.from_numpy(cut).permute(0, 3, 1, 2)]
    )
    assert torch.equal(made, normalise_values(expected, torch.bfloat16))


def test_a_step_that_is_prepared_twice_gives_the_same(chat_model, processor):
    photo = numpy.full((448, 448, 3), 7, dtype=numpy.uint8)
    context = step(*processor.preprocess_input([1], [picture(photo, (1, 1, True), 1)]).input_multimodals["image"])
    first = chat_model.prepare_inputs_for_generation(None, context=context)["pixel_values"]
    assert torch.equal(first, chat_model.prepare_inputs_for_generation(None, context=context)["pixel_values"])


def test_a_stock_request_and_a_text_pass_unchanged(chat_model, processor):
    values = torch.rand(2, 3, 448, 448)
    stock = {"pixel_values": values, "offset": 0, "image_token_id": TOKEN, "image_tokens": 512}
    kept = processor.preprocess_input([1], [stock]).input_multimodals["image"]
    assert torch.equal(
        chat_model.prepare_inputs_for_generation(None, context=step(*kept))["pixel_values"], values.bfloat16()
    )
    text = step()
    text.input_multimodals = None
    assert chat_model.prepare_inputs_for_generation(None, context=text)["pixel_values"] is None
