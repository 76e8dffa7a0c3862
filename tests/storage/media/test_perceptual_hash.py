"""Similar pictures have similar hashes, different pictures have different ones."""

import random

from PIL import Image, ImageEnhance

from storage.media.photos import check_photo, hamming

LIMITS = {"max_bytes": 20_000_000, "max_pixels": 50_000_000}


def random_scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Smooth random blobs, as different from each other as photos are."""
    chance = random.Random(seed)
    return Image.frombytes("RGB", (16, 12), chance.randbytes(576)).resize(size, Image.Resampling.BICUBIC)


def phash(encode, picture: Image.Image, **options) -> int:
    return check_photo(encode(picture, **options), **LIMITS).phash


def test_a_hash_survives_compression_scaling_and_brightness(encode):
    for seed in range(8):
        picture = random_scene(seed)
        original = phash(encode, picture, quality=95)
        for changed in (
            phash(encode, picture, quality=30),
            phash(encode, picture.resize((160, 120))),
            phash(encode, picture.resize((900, 675))),
            phash(encode, ImageEnhance.Brightness(picture).enhance(0.85)),
            phash(encode, picture, kind="PNG"),
        ):
            assert hamming(original, changed) <= 8


def test_different_pictures_are_far_apart(encode):
    hashes = [phash(encode, random_scene(seed)) for seed in range(12)]
    assert min(hamming(a, b) for a in hashes for b in hashes if a is not b and a != b) > 10
    assert len(set(hashes)) == 12


def test_hashes_fit_sqlites_integers_and_both_signs_occur(encode):
    hashes = [phash(encode, random_scene(seed)) for seed in range(12)]
    assert all(-(2**63) <= value < 2**63 for value in hashes)
    assert min(hashes) < 0 < max(hashes)


def test_plain_pictures_have_one_stable_hash(encode):
    assert {phash(encode, Image.new("RGB", (64, 48), colour)) for colour in ("white", "grey", "black")} == {0}


def test_hamming_counts_bits_over_the_sign():
    assert hamming(0, 0) == 0
    assert hamming(-1, 0) == 64
    assert hamming(-(2**63), 0) == 1
    assert hamming(5, 6) == 2
