"""Painted pictures, and the pack of drawings that they are painted from."""

import io
import json
import zipfile

import pytest
import torch
from PIL import Image, ImageDraw

from configs.errors import JokebotError
from configs.subjects import load_subjects
from trainer.demo_model import sources
from trainer.demo_model.augmentation import PicturePainter, to_data_url, to_picture
from trainer.demo_model.picture_pack import SIZE, PictureEntry, load_pack, shrink
from trainer.demo_model.sources import CLIPART_FILE, INK_COLOUR, fill_outline, icon_names

CPU = torch.device("cpu")
COLOURS = {2: "red", 5: "lime", 9: "blue"}


@pytest.fixture(scope="module")
def drawings() -> list[PictureEntry]:
    """Three subjects as plain discs."""
    discs = []
    for subject, colour in COLOURS.items():
        disc = Image.new("RGBA", (SIZE, SIZE - 20))
        ImageDraw.Draw(disc).ellipse((5, 5, SIZE - 5, SIZE - 25), fill=colour)
        discs.append(PictureEntry(subject, "discs", disc))
    return discs


def test_the_same_seed_paints_the_same_pictures(drawings):
    first, second, other = (PicturePainter(drawings, CPU, seed).paint(4, 112) for seed in (1, 1, 2))
    assert torch.equal(first.pictures, second.pictures) and torch.equal(first.subjects, second.subjects)
    assert not torch.equal(first.pictures, other.pictures)
    assert first.pictures.shape == (4, 3, 112, 112) and first.pictures.min() >= 0 and first.pictures.max() <= 1


def test_the_wanted_subject_is_the_main_one(drawings):
    wanted = torch.tensor([2, 9, 5, 2, 9, 5] * 4)
    scene = PicturePainter(drawings, CPU, 3, restyle=0).paint(len(wanted), 224, wanted)
    assert torch.equal(scene.subjects, wanted)
    # What the painter adds to every picture differs; a disc's own colour is what the mean over many pictures shows.
    mean = {subject: scene.pictures[wanted == subject].mean((0, 2, 3)) for subject in COLOURS}
    assert mean[2].argmax() == 0 and mean[5].argmax() == 1 and mean[9].argmax() == 2


def test_subjects_come_evenly_however_many_drawings_they_have(drawings):
    many = [*drawings, *[drawings[0]] * 20]
    subjects = PicturePainter(many, CPU, 4, restyle=0).paint(600, 28).subjects
    assert all(140 < int((subjects == subject).sum()) < 260 for subject in COLOURS)


def test_restyling_changes_drawings_and_keeps_their_form(drawings):
    plain, restyled = PicturePainter(drawings, CPU, 5, restyle=0), PicturePainter(drawings, CPU, 5)
    rows = torch.tensor([0, 1, 2] * 8)
    every = torch.ones(24, 1, 1, 1, dtype=torch.bool)
    assert len({tuple(sprite[:, 70, 70].tolist()) for sprite in plain.sprites(rows, 224, ~every)}) == 3
    changed = restyled.sprites(rows, 224, every)
    assert torch.equal(restyled.sprites(rows, 224, ~every), plain.sprites(rows, 224, ~every))
    assert len({tuple(sprite[:3, 70, 70].tolist()) for sprite in changed}) > 12
    assert changed[:, 3].mean() > 0.6 * plain.sprites(rows, 224, ~every)[:, 3].mean()


def test_a_picture_travels_as_jpeg(drawings):
    picture = PicturePainter(drawings, CPU, 6).paint(1, 448).pictures[0]
    assert to_picture(picture).size == (448, 448)
    assert to_data_url(picture).startswith("data:image/jpeg;base64,/9j/")


def test_a_pack_gives_back_its_drawings(tmp_path):
    source = tmp_path / "large.png"
    large = Image.new("RGBA", (640, 640))
    ImageDraw.Draw(large).rectangle((100, 200, 500, 400), fill="orange")
    large.save(source)
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as pack:
        pack.writestr("00000.webp", shrink(source))
        pack.writestr("index.json", json.dumps([["cat", "noto"]]))
    (drawing,) = load_pack(tmp_path / "pictures.zip")
    assert load_subjects()[drawing.subject].en == "cat" and drawing.set == "noto"
    assert drawing.picture.size[0] == SIZE and drawing.picture.size[1] < 0.55 * SIZE


def test_a_missing_or_foreign_pack_is_explained(tmp_path):
    with pytest.raises(JokebotError, match="demo-model pack"):
        load_pack(tmp_path / "none.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as pack:
        picture = io.BytesIO()
        Image.new("RGBA", (4, 4), "red").save(picture, "WEBP")
        pack.writestr("00000.webp", picture.getvalue())
        pack.writestr("index.json", json.dumps([["submarine", "noto"]]))
    with pytest.raises(JokebotError, match="other subjects"):
        load_pack(tmp_path / "other.zip")


def test_icons_are_looked_for_under_all_their_names():
    ladybird = next(subject for subject in load_subjects() if subject.en == "ladybird")
    assert icon_names("1f41e", {"1f41e": "lady-beetle"}, ladybird) == [
        "lady-beetle",
        "lady-beetle",
        "ladybeetle",
        "ladybeetle",
        "ladybird",
    ]


def test_every_piece_of_clip_art_draws_a_known_subject():
    names = {subject.en for subject in load_subjects()}
    lines = [
        line.split(" ", 1) for line in CLIPART_FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    assert lines and {name for _, name in lines} <= names


def test_an_outline_gets_a_body_and_keeps_its_surroundings(tmp_path):
    file = tmp_path / "ring.png"
    ring = Image.new("RGBA", (288, 288))
    ImageDraw.Draw(ring).ellipse((20, 20, 268, 268), outline=INK_COLOUR, width=16)
    ring.save(file)
    fill_outline(file)
    filled = Image.open(file)
    assert filled.getpixel((144, 144)) == (255, 255, 255, 255)
    assert filled.getpixel((2, 2))[3] == 0 and filled.getpixel((28, 144))[:3] == (32, 32, 32)


def test_drawings_of_one_subject_exchange_their_colours(drawings):
    outline = Image.new("RGBA", (SIZE, SIZE))
    ImageDraw.Draw(outline).ellipse((5, 5, SIZE - 5, SIZE - 5), fill="white", outline="black", width=12)
    painter = PicturePainter([drawings[0], PictureEntry(2, "lucide", outline)], CPU, 7)
    black_and_white = torch.tensor([1] * 200)
    sprites = (painter.sheets[black_and_white] / 255, black_and_white, torch.tensor([0] * 200))
    middle = painter.exchange(*sprites)[:, :3, SIZE // 2, SIZE // 2]
    red = (middle[:, 0] > 0.9) & (middle[:, 1] < 0.3)
    assert 40 < int(red.sum()) < 110 and int((middle.min(1).values > 0.99).sum()) == 200 - int(red.sum())
    picks = painter.pick(torch.zeros(900, dtype=torch.long))
    assert 520 < int((picks == 0).sum()) < 680, "a coloured drawing comes twice as often as an outline"


def test_companions_come_as_often_in_single_pictures_as_in_batches(drawings):
    shown = []

    class Counting(PicturePainter):
        def lay(self, pictures, sprites, changed, main):
            shown.append(main)
            return super().lay(pictures, sprites, changed, main)

    painter = Counting(drawings, CPU, 8)
    for _ in range(200):
        painter.paint(1, 28)
    assert shown.count(True) == 200 and 80 < shown.count(False) < 140


def test_the_notice_names_every_set_with_its_version():
    notice = (CLIPART_FILE.parent / "NOTICE").read_text(encoding="utf-8")
    packages = {f"@iconify-json/{name} {version}" for name, version in (sources.EMOJI | sources.ICONS).items()}
    packages |= {
        f"@lobehub/{sources.SOLID} {sources.SOLID_VERSION}",
        f"@expo-google-fonts/{sources.FONT} {sources.FONT_VERSION}",
    }
    assert [package for package in packages if package not in notice] == []


def test_icons_are_left_out_by_names_that_subjects_have():
    names = {subject.en for subject in load_subjects()}
    assert set(sources.OTHER_MEANING) <= set(sources.ICONS) and "mouse" in names
    assert {name for left_out in sources.OTHER_MEANING.values() for name in left_out} <= names
