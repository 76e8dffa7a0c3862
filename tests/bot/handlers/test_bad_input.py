"""Whatever isn't a usable photo gets a friendly, specific answer, and nothing of it is kept."""

import gzip
import io
import zlib
from pathlib import Path

import pytest
from PIL import Image


def bomb() -> bytes:
    """A PNG of 30,000 × 30,000 pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (30_000).to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 3751 * 100))
        + chunk(b"IEND", b"")
    )


def mp4() -> bytes:
    return b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0" * 500


def files_below(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def assert_nothing_kept(stage) -> None:
    await stage.quiet()
    for table in ("photos", "photo_senders", "jokes", "deliveries"):
        assert await stage.value(f"SELECT count(*) FROM {table}") == 0
    assert files_below(stage.settings.storage.photos) == []
    assert await stage.value("SELECT count(*) FROM inbox WHERE state = 'failed'") == 0


def bad_pictures(picture) -> dict[str, tuple[bytes, str]]:
    whole = picture((640, 480))
    return {
        "empty": (b"", "empty"),
        "corrupt": (b"\xff\xd8\xff" + b"nonsense" * 400, "broken"),
        "truncated": (whole[: len(whole) // 2], "broken"),
        "huge": (bomb(), "too_many_pixels"),
        "1x1": (picture((1, 1), kind="PNG"), "too_small"),
        "10000x1": (picture((10_000, 1), kind="PNG"), "too_narrow"),
        "10000x20": (picture((10_000, 20), kind="PNG"), "too_narrow"),
        "a video": (mp4(), "video"),
        "text": (b"Dear Sir or Madam, " * 50, "not_a_picture"),
    }


@pytest.mark.parametrize(
    "name", ["empty", "corrupt", "truncated", "huge", "1x1", "10000x1", "10000x20", "a video", "text"]
)
async def test_a_bad_file_gets_its_own_answer(stage, picture, name):
    data, reason = bad_pictures(picture)[name]
    file = stage.world.send_document(stage.alice, stage.alice, data, "photo.png", "image/png")
    answer = await stage.answer(file)
    assert answer["text"] == stage.words(f"photo-{reason}", megabytes=20, megapixels=52)
    await assert_nothing_kept(stage)


async def test_a_file_over_20_mb_is_not_even_fetched(stage):
    file = stage.world.send_document(
        stage.alice, stage.alice, b"\xff\xd8\xff" + bytes(20_000_001), "photo.jpg", "image/jpeg"
    )
    answer = await stage.answer(file)
    assert answer["text"] == stage.words("photo-too_many_bytes", megabytes=20)
    assert not stage.calls("getFile")
    await assert_nothing_kept(stage)


def odd_pictures(picture) -> dict[str, tuple[bytes, tuple[int, int]]]:
    rotated, animated, deep = io.BytesIO(), io.BytesIO(), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (300, 200), "navy").save(rotated, "JPEG", exif=exif)
    frames = [Image.new("RGB", (100, 100), colour) for colour in ("red", "green", "blue")]
    frames[0].save(animated, "GIF", save_all=True, append_images=frames[1:], duration=100)
    Image.new("I;16", (120, 90), 40_000).save(deep, "PNG")
    return {
        "rotated": (rotated.getvalue(), (200, 300)),
        "animated": (animated.getvalue(), (100, 100)),
        "16-bit": (deep.getvalue(), (120, 90)),
        "CMYK": (picture((80, 60), (0, 100, 200, 50), mode="CMYK"), (80, 60)),
    }


@pytest.mark.parametrize("name", ["rotated", "animated", "16-bit", "CMYK"])
async def test_an_odd_picture_gets_a_joke(stage, picture, name):
    data, size = odd_pictures(picture)[name]
    await stage.joke(stage.world.send_document(stage.alice, stage.alice, data, f"{name}.img", "image/jpeg"))
    assert stage.engine.asked[-1].size == size
    row = await stage.app.database.row("SELECT width, height FROM photos")
    assert tuple(row) == size


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("video", "not-a-photo-video"),
        ("animation", "not-a-photo-animation"),
        ("sticker", "not-a-photo-sticker"),
        ("sticker of video", "not-a-photo-sticker"),
        ("document", "not-a-photo-document"),
        ("text", "say-photo"),
        ("command", "command-unknown"),
    ],
)
async def test_what_is_no_photo_gets_an_answer_of_its_own(stage, kind, words):
    alice, world = stage.alice, stage.world
    message = {
        "video": lambda: world.send_video(alice, alice, mp4()),
        "animation": lambda: world.send_animation(alice, alice, mp4()),
        "sticker": lambda: world.send_sticker(alice, alice, gzip.compress(b"{}")),
        "sticker of video": lambda: world.send_sticker(alice, alice, b"\x1aE\xdf\xa3" + bytes(64)),
        "document": lambda: world.send_document(alice, alice, b"%PDF-1.7", "letter.pdf", "application/pdf"),
        "text": lambda: world.send_text(alice, alice, "Tell me a joke!"),
        "command": lambda: world.send_text(alice, alice, "/sing"),
    }[kind]()
    assert (await stage.answer(message))["text"] == stage.words(words)
    await assert_nothing_kept(stage)
