"""The photographs of the demo's photo benchmark: the rule that fixed them, and the pictures made of them."""

import hashlib
import io
import tomllib

import numpy as np
import pytest
from PIL import Image

from benchmarks.photo_set import FILE, PASTED_SHARE, SIZE, accepted, load_photos, paste

TABLE = tomllib.loads(FILE.read_text(encoding="utf-8"))


def test_the_list_keeps_its_rule():
    stamps = TABLE["stamps"]
    assert all(hashlib.sha256(name.split("/")[-1].encode()).hexdigest()[-1] in "012" for name in stamps)
    things = [words for group in ("skimage", "stamps") for words in TABLE[group].values()]
    assert len(things) >= 60 and len({english for english, _ in things}) >= 40
    assert 2 * TABLE["grounds"]["composited"] == len(things), "half of them stand on a photograph"


@pytest.mark.parametrize("group", ["skimage", "stamps"])
def test_each_thing_has_words_in_both_languages_and_none_that_fits_anything(group):
    for words in TABLE[group].values():
        by_language = accepted(words)
        assert all(word == word.strip() and word for part in by_language.values() for word in part)
        assert not {"animal", "vehicle", "food", "thing", "object"} & set(by_language["en"])
        assert all(any("\u4e00" <= sign <= "\u9fff" for sign in word) for word in by_language["zh"])


def test_a_stamp_stands_in_the_middle_of_white_or_of_the_ground():
    stamp = Image.new("RGBA", (30, 60), "red")
    plain = np.asarray(paste(stamp, None))
    assert plain.shape[:2] == SIZE[::-1] and (plain[0, 0] == 255).all()
    red = (np.asarray(paste(stamp, Image.new("RGB", (100, 90), "blue"))) == (255, 0, 0)).all(2)
    rows, columns = np.nonzero(red)
    assert len(np.unique(rows)) == pytest.approx(PASTED_SHARE * SIZE[1], abs=1)
    assert rows.mean() == pytest.approx(SIZE[1] / 2, abs=1) and columns.mean() == pytest.approx(SIZE[0] / 2, abs=1)


def test_photographs_are_made_from_the_packages_folders(tmp_path, monkeypatch):
    """With packages of plain pictures under the same names: each photograph is a JPEG of its kind."""
    import benchmarks.photo_set as module

    skimage, stamps, grounds = tmp_path / "skimage", tmp_path / "stamps", tmp_path / "grounds"
    for name in TABLE["skimage"]:
        skimage.mkdir(exist_ok=True)
        Image.new("L", (90, 60), 90).save(skimage / f"{name}.png")
    for name in TABLE["stamps"]:
        (stamps / module.STAMP_FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (20, 10), "red").save(stamps / module.STAMP_FOLDER / f"{name}.png")
    (grounds / module.GROUND_FOLDER).mkdir(parents=True)
    for name in TABLE["grounds"]["files"]:
        Image.new("RGB", (80, 60), "blue").save(grounds / module.GROUND_FOLDER / f"{name}.jpg")
    monkeypatch.setattr(module, "unpack", lambda package, work: stamps if package == module.STAMPS else grounds)
    photos = list(load_photos(tmp_path, skimage))
    kinds = [photo.kind for photo in photos]
    assert (kinds.count("whole"), kinds.count("pasted"), kinds.count("plain")) == (13, 40, 27)
    assert len({photo.name for photo in photos}) == len(photos)
    corners = {photo.kind: Image.open(io.BytesIO(photo.jpeg)).getpixel((0, 0)) for photo in photos}
    assert corners["plain"][1] > 250 and corners["pasted"][2] > 200 > corners["pasted"][1]
