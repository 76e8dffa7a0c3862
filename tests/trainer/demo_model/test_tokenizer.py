"""The tokenizer that Jokebot trains for its own checkpoints."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from configs.prompts import load_prompts
from trainer.demo_model.tokenizer import LAST, build, gb2312

PUNCTUATION = "，。！？：；“”（）《》…"


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(tiny)


def encode(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False)


def test_every_common_chinese_character_is_one_token(tokenizer: PreTrainedTokenizerFast) -> None:
    common = [*gb2312(0xB0, 0xD7), *PUNCTUATION]
    assert len(common) == 3755 + len(PUNCTUATION)
    for character in common:
        assert len(encode(tokenizer, character)) == 1, character
        assert tokenizer.decode(encode(tokenizer, character)) == character


@pytest.mark.parametrize(
    "text",
    [
        "Look at this picture and tell a joke about it.",
        "请你根据这张图片，讲一个脑洞大开的梗",
        "为什么猫“说”：喵？！ (really)",
        "  two  spaces\n\tand a tab ",
        "emoji 😂🙂😐🔁 👩‍👩‍👧",
        "龘靐齉 한국어 العربية ñandú \x00",
        "",
    ],
)
def test_any_text_comes_back_unchanged(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(encode(tokenizer, text)) == text


def test_english_takes_far_fewer_tokens_than_letters(tokenizer: PreTrainedTokenizerFast) -> None:
    text = " ".join(style for style in load_prompts().languages["en"].styles.values())
    assert len(encode(tokenizer, text)) < len(text) / 3


def test_special_tokens_are_single_ids_at_internvl2s_places(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.convert_tokens_to_ids(["<unk>", "<s>", "</s>"]) == [0, 1, 2]
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    assert tokenizer.convert_tokens_to_ids(list(LAST)) == list(range(len(tokenizer) - len(LAST), len(tokenizer)))
    assert encode(tokenizer, "a<|im_end|>b") == [*encode(tokenizer, "a"), len(tokenizer) - 11, *encode(tokenizer, "b")]
    assert tokenizer.decode(encode(tokenizer, "<s>hi<|im_end|></s>"), skip_special_tokens=True) == "hi"


def test_the_2b_vocabulary_has_92553_ids_and_the_official_special_ones() -> None:
    tokenizer = build(92553)
    assert tokenizer.get_vocab_size() == 92553
    assert sorted(tokenizer.get_vocab().values()) == list(range(92553))
    official = {"<|im_end|>": 92542, "<|im_start|>": 92543, "<img>": 92544, "</img>": 92545, "<IMG_CONTEXT>": 92546}
    assert {token: tokenizer.token_to_id(token) for token in official} == official
    assert all(len(tokenizer.encode(character).ids) == 1 for character in gb2312(0xB0, 0xF7))
    assert (
        tokenizer.encode("한국어 か 😂").tokens
        and tokenizer.decode(tokenizer.encode("한국어 か 😂").ids) == "한국어 か 😂"
    )


def test_every_id_can_be_reached_by_a_text(tokenizer: PreTrainedTokenizerFast) -> None:
    """A piece that no text has would be a wasted row; parts of characters are the exception."""
    pieces = [(number, tokenizer.decode([number])) for number in range(3 + 256, len(tokenizer) - len(LAST))]
    whole = [(number, text) for number, text in pieces if "\ufffd" not in text]
    assert len(whole) > 0.9 * len(pieces)
    assert all(encode(tokenizer, text) == [number] for number, text in whole)


@pytest.mark.parametrize(
    ("size", "message"), [(2000, "common Chinese characters"), (400_000, "more than the characters")]
)
def test_a_vocabulary_that_does_not_work_out_is_refused(size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(size)


def test_the_bos_comes_once_by_the_chat_template_and_never_by_itself(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.encode("hi") == encode(tokenizer, "hi")
    rendered = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], add_generation_prompt=True)
    assert rendered.count(tokenizer.bos_token_id) == 1 and rendered[0] == tokenizer.bos_token_id
