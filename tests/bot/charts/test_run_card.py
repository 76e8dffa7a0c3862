"""The picture of a run's outcome: it shows all parts, no characters without a font, and fits into a chat."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from bot.charts import fonts
from bot.charts.canvas import COLOURS, width_of, wrapped
from bot.charts.fonts import can_write, families, writable
from bot.charts.render import RenderError, draw_picture
from bot.charts.run_card import MAX_HEIGHT, MetricRow, PhotoComparison, RunCard
from bot.charts.run_card import draw as draw_card
from configs.errors import JokebotError

WORDS = {
    "loss": "Loss",
    "steps": "steps",
    "measures": "Old against new",
    "direction": "↑ more is better, ↓ less is better",
    "before": "before",
    "after": "after",
    "photos": "Photos",
}
CHINESE = pytest.mark.skipif(
    len(families()) == 1, reason="no font here holds Chinese; Debian's is installed by `apt-get install fonts-noto-cjk`"
)


def card(**more):
    return RunCard("Model 7 is in service", "Learnt from 412 jokes.", "good", WORDS, **more)


def drawn(**more):
    return np.asarray(Image.open(io.BytesIO(draw_card(card(**more)))).convert("RGB"))


def inked(picture, colour):
    """How many pixels are of a colour."""
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
    return int((np.abs(picture.astype(int) - wanted).max(axis=2) < 8).sum())


def pair(tmp_path, old="Old.", new="New.", name="a.jpg", colour=(200, 30, 60)):
    Image.new("RGB", (640, 480), colour).save(tmp_path / name)
    return PhotoComparison(str(tmp_path / name), old, new)


def test_what_there_is_takes_room_and_what_there_is_not_takes_none(tmp_path):
    plain, curve = drawn(), drawn(losses=[3.0, 2.0, 1.0])
    table, photos = drawn(measures=[MetricRow("Liked", "50 %", "75 %", True)]), drawn(pairs=[pair(tmp_path)])
    assert plain.shape[0] < min(curve.shape[0], table.shape[0], photos.shape[0])
    assert inked(curve, COLOURS.accent) > 500 > inked(plain, COLOURS.accent)
    assert inked(photos, "#c81e3c") > 10_000


def test_better_and_worse_are_told_apart():
    better, worse = (drawn(measures=[MetricRow("Liked", "50 %", "75 %", one)]) for one in (True, False))
    assert inked(worse, COLOURS.worse) > 200 > inked(better, COLOURS.worse)


def test_no_chat_cuts_the_picture_off_however_many_photos_and_however_long_the_jokes(tmp_path):
    many = [pair(tmp_path, "old joke " * 60, "new joke " * 60, f"{number}.jpg") for number in range(8)]
    measures = [MetricRow("Liked", "50 %", "75 %", True, "a note")] * 7
    assert drawn(pairs=many, losses=[2.0, 1.0], measures=measures).shape[0] <= MAX_HEIGHT


def test_a_photo_that_is_gone_is_left_out(tmp_path):
    assert drawn(pairs=[PhotoComparison(str(tmp_path / "gone.jpg"), "Old.", "New.")]).shape == drawn().shape


@CHINESE
def test_every_word_on_it_has_its_font(recwarn):
    chinese = RunCard(
        "模型 7 上岗了",
        "学了 412 个笑话。",
        "good",
        dict.fromkeys(WORDS, "步数"),
        [2.0, 1.0],
        [MetricRow("照搬原话", "1/40", "0/40", None, "越低越好")],
    )
    draw_card(chinese)
    assert not [str(one.message) for one in recwarn if "missing" in str(one.message)]


@CHINESE
def test_chinese_is_written_with_the_characters_and_not_with_boxes(tmp_path):
    one, other = (drawn(pairs=[pair(tmp_path, joke, joke)]) for joke in ("老板说要加班", "咖啡先哭了吗"))
    assert one.shape == other.shape and (one != other).any()
    assert writable("老板😂 ok\ufe0f") in ("老板 ok", "老板😂 ok")


def test_jokes_that_no_font_here_can_write_are_left_out_with_their_photo(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "CJK_FONTS", ())
    for cached in (fonts.families, fonts._characters):
        cached.cache_clear()
    try:
        assert can_write("Plain words, and an emoji 🦄.") and not can_write("老板说要加班")
        assert drawn(pairs=[pair(tmp_path, "老板说要加班", "咖啡先哭了")]).shape == drawn().shape
        with pytest.raises(JokebotError, match="fonts-noto-cjk"):
            draw_card(RunCard("模型 7 上岗了", "", "good", WORDS))
    finally:
        monkeypatch.undo()
        for cached in (fonts.families, fonts._characters):
            cached.cache_clear()


def test_a_dollar_is_a_dollar(tmp_path):
    assert drawn(pairs=[pair(tmp_path, r"$\frac{", "It costs $5, or $6.")]).shape[0] > 0


@pytest.mark.parametrize(
    "text",
    [
        "a few short words that go on and on",
        "Donaudampfschifffahrtsgesellschaftskapitänswitwe" * 2,
        "老板说要加班，咖啡先哭了！" * 3,
    ],
)
def test_lines_are_never_wider_than_their_place(text):
    lines = wrapped(text, 300, 31)
    assert len(lines) > 1 and all(width_of(line, 31) <= 300 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not [line for line in lines if line[0] in "，！"]
    short = wrapped(text, 300, 31, max_lines=1)
    assert len(short) == 1 and short[0].endswith("…") and width_of(short[0], 31) <= 300


async def test_a_process_of_its_own_draws_it_or_says_why_not(tmp_path):
    png = await draw_picture("run", dataclasses.asdict(card(losses=[2.0, 1.0])), tmp_path)
    assert Image.open(io.BytesIO(png)).width == 1080
    with pytest.raises(RenderError, match="KeyError"):
        await draw_picture("nothing", {}, tmp_path)
