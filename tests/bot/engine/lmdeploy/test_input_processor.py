"""The engine process gives InternVL2's vision model the tiles of 8-bit photos, and stock requests as they are."""

from types import SimpleNamespace

import numpy
import pytest
import torch
from lmdeploy.pytorch.multimodal.data_type import MultiModalData

from bot.engine.lmdeploy import input_processor, vision_model
from bot.engine.lmdeploy.gpu_preprocess import GRID, normalise_values, photo_tiles
from bot.engine.lmdeploy.input_processor import IS_TAIL, PhotoInputProcessor, PhotoInternVLChatModel, image_parts
from bot.engine.lmdeploy.prefix_cache import PIXEL_HASH, PREFIX_CACHE, TailCache

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
    made.tails = TailCache()
    made.seen_tiles = []

    def features(tiles: torch.Tensor) -> torch.Tensor:
        """256 tokens a tile, each of 2 values: the tile's mean and the token's number."""
        made.seen_tiles.append(len(tiles))
        numbers = torch.arange(256.0).expand(len(tiles), 256)
        return torch.stack([tiles.float().mean((1, 2, 3))[:, None].expand(-1, 256), numbers], -1)

    made.extract_feature = features
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
        PIXEL_HASH: vision_model.pixel_hash(pixels, grid),
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


def photo(seed: int) -> numpy.ndarray:
    return numpy.random.default_rng(seed).integers(0, 256, (300, 400, 3), dtype=numpy.uint8)


def image_tokens(chat_model, *parts: MultiModalData) -> torch.Tensor:
    """The embeddings that the language model gets for these parts of pictures in one step."""
    inputs = chat_model.prepare_inputs_for_generation(None, context=step(*parts))
    return chat_model._image_tokens(inputs["image_parts"], inputs["pixel_values"])


def test_a_picture_is_cut_at_the_last_boundary_of_cache_blocks():
    for block, spans in (
        (0, [(3, 771)]),
        (64, [(3, 768), (768, 771)]),
        (16, [(3, 768), (768, 771)]),
        (257, [(3, 771)]),
    ):
        found = image_parts(picture(photo(0), (2, 1, True), 3), block)
        assert [(part.start, part.end) for part in found] == spans
        assert [part.meta[IS_TAIL] for part in found] == [False, True][: len(spans)]
        assert len({part.content_hash for part in found}) == len(spans)


def test_the_processor_cuts_pictures_only_where_the_cache_is_on(processor, monkeypatch):
    asked = [picture(photo(0), (2, 1, True), 3)]
    assert len(processor.preprocess_input([1], asked).input_multimodals["image"]) == 1
    monkeypatch.setenv(PREFIX_CACHE, "64")
    assert len(processor.preprocess_input([1], asked).input_multimodals["image"]) == 2


def test_a_picture_in_two_parts_has_the_tokens_of_the_whole_one(chat_model):
    entry = picture(photo(0), (2, 1, True), 3)
    whole = image_tokens(chat_model, *image_parts(entry, 0))
    head, tail = image_parts(entry, 64)
    assert torch.equal(image_tokens(chat_model, head, tail), whole) and len(whole) == 768
    # The head is in the cache: the tail's tokens are known, and no tile is seen again.
    chat_model.seen_tiles.clear()
    assert torch.equal(image_tokens(chat_model, tail), whole[-3:]) and chat_model.seen_tiles == []
    chat_model.tails = TailCache()
    assert torch.equal(image_tokens(chat_model, tail), whole[-3:]) and chat_model.seen_tiles == [1]


def test_no_pixels_are_moved_or_cut_for_a_tail_that_is_known(chat_model, monkeypatch):
    head, tail = image_parts(picture(photo(0), (2, 1, True), 3), 64)
    moved = [part.to_device("meta") for part in (head, tail)]
    assert [part.data.device.type for part in moved] == ["meta", "cpu"]
    known = image_tokens(chat_model, head, tail)[-3:]
    monkeypatch.setattr(input_processor, "photo_tiles", None)
    assert torch.equal(image_tokens(chat_model, moved[1]), known)


def test_pictures_of_one_step_keep_their_own_tokens(chat_model):
    first, second = (picture(photo(seed), (2, 1, True), 3) for seed in (1, 2))
    tokens = [image_tokens(chat_model, *image_parts(entry, 0)) for entry in (first, second)]
    chat_model.tails = TailCache()
    (head, tail), (other_head, other_tail) = image_parts(first, 64), image_parts(second, 64)
    made = image_tokens(chat_model, head, tail, other_tail, other_head)
    assert torch.equal(made, torch.cat([tokens[0], tokens[1][-3:], tokens[1][:-3]]))
    made = image_tokens(chat_model, other_tail, tail)
    assert torch.equal(made, torch.cat([tokens[1][-3:], tokens[0][-3:]]))


def test_the_oldest_tails_are_dropped_and_a_tail_is_a_copy():
    cache, tokens = TailCache(2), torch.ones(3, 2)
    for key in ("a", "b"):
        cache.add(key, tokens)
    tokens.zero_()
    assert cache.get("a").sum() == 6
    cache.add("c", tokens)
    assert ("a" in cache, "b" in cache, "c" in cache) == (True, False, True)
    with pytest.raises(KeyError):
        cache.get("b")


def test_a_picture_that_differs_in_one_pixel_or_in_its_grid_has_another_hash():
    base, other = photo(0), photo(0)
    other[299, 399, 2] ^= 1
    hashes = {
        vision_model.pixel_hash(pixels, grid) for pixels in (base, other) for grid in ((2, 1, True), (1, 2, True))
    }
    hashes.add(vision_model.pixel_hash(base.reshape(400, 300, 3), (2, 1, True)))
    assert len(hashes) == 5 and vision_model.pixel_hash(photo(0), (2, 1, True)) in hashes
