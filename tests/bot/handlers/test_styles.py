"""Styles: everybody can have one for a single photo by a word in its caption."""

import pytest

from bot.i18n.translator import Translator
from bot.jokes.styles import available_styles, style_from_caption, style_label
from configs.prompts import load_prompts

WORDS, PROMPTS = Translator(), load_prompts()


@pytest.mark.parametrize("language", WORDS.languages)
def test_every_style_on_offer_has_a_name_and_a_word_for_captions(language):
    assert "explain" not in available_styles(PROMPTS)
    names = [style_label(WORDS, language, style) for style in available_styles(PROMPTS)]
    assert len(set(names)) == len(names)
    for style in available_styles(PROMPTS):
        first = WORDS.format(language, f"style-{style}-words").split(",")[0].strip()
        assert style_from_caption(WORDS, PROMPTS, f"#{first}") == (style, None)


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        (None, (None, None)),
        ("my boss", (None, "my boss")),
        ("Deadpan!", ("deadpan", None)),
        ("a pun about bread", (None, "a pun about bread")),
        ("my boss #pun on Monday", ("pun", "my boss on Monday")),
        ("#PUN", ("pun", None)),
        ("我老板 #冷笑话", ("deadpan", "我老板")),
        ("我老板 #一本正经", ("deadpan", "我老板")),
        ("一本正经", ("deadpan", None)),
        ("谐音梗", ("pun", None)),
        ("＃脑洞", ("naodong", None)),
        ("#monday #absurd", ("absurd", "#monday")),
        ("C#pun", (None, "C#pun")),
        ("#punished", (None, "#punished")),
        ("#explain", (None, "#explain")),
        ("#surprise", ("surprise", None)),
    ],
)
def test_a_hashtag_anywhere_or_a_name_alone_is_a_wish_and_the_rest_is_the_hint(caption, expected):
    assert style_from_caption(WORDS, PROMPTS, caption) == expected


def test_deadpan_has_its_own_name_in_chinese_and_the_old_one_is_only_an_alias_in_captions():
    assert style_label(WORDS, "zh", "deadpan") == "一本正经"
    texts = (
        WORDS.format("zh", "help", bot="jokebot", album="per_photo"),
        WORDS.format("zh", "settings-look-style"),
        WORDS.format("zh", "settings-style-ask"),
    )
    assert all("#一本正经" in text and "冷笑话" not in text for text in texts)
    assert (
        style_from_caption(WORDS, PROMPTS, "#冷笑话")
        == style_from_caption(WORDS, PROMPTS, "#一本正经")
        == ("deadpan", None)
    )


def test_a_style_without_words_is_called_by_its_own_name():
    assert style_label(WORDS, "en", "limerick") == "limerick"


@pytest.mark.parametrize(("person", "language"), [("alice", "en"), ("ming", "zh")])
async def test_a_photo_gets_the_style_that_its_caption_asks_for(stage, person, language):
    await stage.joke(stage.send_photo("my boss #deadpan", person=getattr(stage, person)))
    assert stage.engine.asked[-1].user.startswith(PROMPTS.ask(language, "deadpan"))
    assert (await stage.value("SELECT style FROM jokes"), await stage.value("SELECT caption FROM jokes")) == (
        "deadpan",
        "my boss",
    )
    await stage.joke(stage.send_photo("my boss", person=getattr(stage, person)))
    assert await stage.value("SELECT style FROM jokes ORDER BY id DESC") == PROMPTS.language(language).default


async def test_a_surprise_is_drawn_from_the_styles_on_offer(stage, monkeypatch):
    offered = []
    monkeypatch.setattr("bot.chats.chat_settings.random.choice", lambda styles: offered.append(styles) or styles[-1])
    await stage.joke(stage.send_photo("#surprise"))
    assert offered == [PROMPTS.language("en").joke_styles]
    assert await stage.value("SELECT style FROM jokes") == offered[0][-1]
