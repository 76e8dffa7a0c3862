"""Collapsed models are told from harmless ones by what they write, in made worlds and measure by measure."""

import random
from dataclasses import replace

import pytest

from benchmarks.collapse import worlds
from configs.learning import GateSettings
from configs.prompts import caption_of, load_prompts
from trainer.gate.collapse import MEASURES, compare_variety
from trainer.gate.grounding import grounding
from trainer.gate.replies import GateReply
from trainer.gate.reply_features import ReplyFeatures, echoed

ANIMALS = ("fox", "owl", "cow", "ant", "bee", "elk", "hen", "cod", "yak", "rat", "pig", "gnu")
SHAPES = (
    "Nobody ordered the {}, yet here it is with an invoice.",
    "My grandmother married a {} and moved to the lighthouse.",
    "Every Tuesday this {} turns into a small bank.",
    "According to its lawyer, the {} was never here at all.",
    "What if a {} took our picture instead?",
    "Scientists say one {} a day keeps relatives away.",
)


def told(shapes=SHAPES, number=240, seed=1, animals=ANIMALS, end="", caption=None):
    draw = random.Random(seed)
    prompt = load_prompts().ask("en", None, caption)
    return [
        GateReply(
            ANIMALS[place % 12], "en", draw.choice(shapes).format(animals[place % len(animals)]) + end, True, prompt
        )
        for place in range(number)
    ]


def harm(candidate, base=None, champion=None):
    base = base or told()
    found = compare_variety(base, champion or base, candidate, ["en"], GateSettings())
    return {name for name, measured in found.items() if measured["harm"]}


@pytest.mark.parametrize("seed", [12, 7], ids=["18 English ideas", "free Chinese combinations"])
def test_every_kind_of_collapse_is_rejected_and_nothing_harmless_is(seed):
    outcomes = worlds(seed)
    assert len(outcomes) == 20 and all(bool(one.reasons) == one.harmful for one in outcomes), [
        (one.case, one.reasons) for one in outcomes if bool(one.reasons) != one.harmful
    ]


def test_the_base_is_the_measure_however_narrow_the_champion_is():
    narrow = told(SHAPES[:2])
    assert "variety" in harm(told(SHAPES[:2], seed=2), champion=narrow)
    assert harm(told(seed=2), champion=narrow) == set()


def test_variety_is_the_number_of_equally_frequent_shapes():
    for count in (1, 2, 3, 6):
        assert ReplyFeatures(told(SHAPES[:count])).variety == pytest.approx(count, rel=0.15)


def test_few_replies_have_wider_limits_and_very_few_none():
    few = compare_variety(told(number=40), told(number=40), told(SHAPES[:3], number=40), ["en"], GateSettings())
    assert few["variety"]["candidate"] < 0.6 * few["variety"]["base"] and not few["variety"]["harm"]
    none = compare_variety(told(number=9), told(number=9), told(number=9), ["en"], GateSettings())
    assert all(measured["candidate"] is None and not measured["harm"] for measured in none.values())
    assert none.keys() == MEASURES.keys()


def test_the_worst_language_counts():
    zh = [
        GateReply(str(place % 12), "zh", f"{'甲乙丙丁戊己庚辛壬癸'[place % 10]}号照片很好笑", True)
        for place in range(240)
    ]
    same = [GateReply(str(place % 12), "zh", "同一个笑话", True) for place in range(240)]
    found = compare_variety(told() + zh, told() + zh, told() + same, ["en", "zh"], GateSettings())
    assert found["commonest_text"]["language"] == "zh" and found["commonest_text"]["harm"]


def test_a_text_is_common_only_if_no_more_of_the_base_begin_with_it():
    endings = [f"{first} and {last}" for first in ("left", "stayed") for last in ("sang", "slept", "cooked", "danced")]
    forms = [f"The {{}} took one look at us, packed its things {ending}." for ending in endings]
    base = told(forms, 480, animals=("fox",))
    cut = [replace(reply, text=" ".join(reply.text.split()[:10])) for reply in base]
    same = [replace(reply, text=base[0].text) if place % 4 == 0 else reply for place, reply in enumerate(base)]
    shares = ReplyFeatures(base)
    assert (
        shares.share_that_begins(("the", "fox")) == 1.0 and 0.4 < shares.share_that_begins(shares.words[0][:11]) < 0.6
    )
    assert "commonest_text" not in harm(cut, base) and "commonest_text" in harm(same, base)


def test_jokes_that_could_be_about_any_photo_are_told_from_those_that_are_not():
    base = ReplyFeatures(told())
    assert grounding(base, base) > 0.8 and grounding(base, ReplyFeatures(told(seed=2))) > 0.8
    assert grounding(base, ReplyFeatures(told(seed=2, animals=("thing",)))) == pytest.approx(0.5, abs=0.06)
    assert "grounding" in harm(told(seed=2, animals=("thing", "creature", "visitor")))


def test_an_emoji_everywhere_and_a_heap_of_emoji_are_seen():
    assert {"emoji", "emojis"} <= harm(told(seed=2, end=" 😂😂😂"))
    assert harm(told(seed=2)) == set()


def test_a_caption_that_comes_back_is_an_echo():
    caption = "we saw this at the lake on sunday"
    assert caption_of(load_prompts().ask("en", "pun", caption, gentle=True)) == caption
    assert caption_of(load_prompts().ask("zh", "pun", gentle=True)) is None
    assert echoed("We saw this at the lake on Sunday!", caption) == 1 and echoed("Lake!", caption) == 1
    assert echoed("An owl retired early and bought a boat", caption) == 0
    base, plain = told(caption=caption), told(seed=2, caption=caption)
    echo = [GateReply(reply.photo, "en", caption, True, reply.prompt) for reply in plain]
    assert "echo" in harm(echo, base) and harm(plain, base) == set()
