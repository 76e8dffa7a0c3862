"""A photo of another joke is decoded once, and its pixels are taken once."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from bot.engine.lmdeploy import launcher, photo_memo
from bot.engine.lmdeploy.gpu_preprocess import GRID
from bot.engine.lmdeploy.photo_memo import PREPARED, PhotoMemo
from bot.engine.lmdeploy.prefix_cache import PIXEL_HASH


def png(colour: str, size: tuple[int, int] = (30, 20)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def test_requests_at_the_same_time_decode_a_photo_once():
    decoded, begun, memo = [], threading.Event(), PhotoMemo()

    def slow(data: bytes) -> Image.Image:
        decoded.append(data)
        begun.wait(60)
        return decode(data)

    with ThreadPoolExecutor(4) as threads:
        found = [threads.submit(memo.load, png("red"), slow) for _ in range(4)]
        other = threads.submit(memo.load, png("red"), slow)
        begun.set()
        images = {id(future.result()) for future in [*found, other]}
    assert len(images) == len(decoded) == 1


def test_the_oldest_photos_are_dropped_by_the_size_of_their_pixels():
    memo, decoded = PhotoMemo(max_bytes=2 * 7 * 600), []

    def counted(data: bytes) -> Image.Image:
        decoded.append(data)
        return decode(data)

    for colour in ("red", "green", "red", "blue", "red", "green"):
        memo.load(png(colour), counted)
    assert decoded == [png(colour) for colour in ("red", "green", "blue", "green")]
    huge = memo.load(png("white", (300, 300)), counted)
    assert memo.load(png("white", (300, 300)), counted) is huge


def test_a_photo_that_can_not_be_decoded_is_tried_again():
    memo = PhotoMemo()
    with pytest.raises(OSError, match="cannot identify"):
        memo.load(b"no picture", decode)
    with pytest.raises(OSError, match="cannot identify"):
        memo.load(b"no picture", decode)


def test_lmdeploy_decodes_through_the_memory_and_the_preprocess_keeps_its_pixels(monkeypatch, tiny):
    image_module = photo_memo.importlib.import_module("lmdeploy.vl.media.image")
    monkeypatch.setattr(image_module.ImageMediaIO, "load_bytes", image_module.ImageMediaIO.load_bytes)
    vision = launcher.importlib.import_module("bot.engine.lmdeploy.vision_model")
    model = vision.PhotoVisionModel(str(tiny), backend="pytorch", trust_remote_code=True)
    model.build_preprocessor(trust_remote_code=True)
    photo_memo.register()
    loader = image_module.ImageMediaIO()
    first, second = (loader.load_bytes(png("red", (900, 450))) for _ in range(2))
    assert first is second and PREPARED in first.info
    entries = [model._entry(image, {"max_dynamic_patch": 12}) for image in (first, second)]
    assert entries[0]["pixel_values"] is entries[1]["pixel_values"]
    assert entries[0][PIXEL_HASH] == entries[1][PIXEL_HASH]
    small = model._entry(second, {"max_dynamic_patch": 1})
    assert small[GRID] != entries[0][GRID] and small[PIXEL_HASH] != entries[0][PIXEL_HASH]
