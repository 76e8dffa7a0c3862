"""A joke ends before the first control token, however it comes, and holds only valid characters."""

import pytest

from configs.control_tokens import ORDINARY, readable_part

JOKE = "A fine joke."
TOKENS = (
    "<|im_end|>",
    "<|im_start|>",
    "<|endoftext|>",
    "[UNUSED_TOKEN_145]",
    "</s>",
    "<end_of_turn>",
    "[/INST]",
    "<eos>",
)


@pytest.mark.parametrize("token", TOKENS)
def test_a_text_ends_before_the_first_control_token(token):
    assert readable_part(f"{JOKE}{token}", finished=True) == JOKE
    assert readable_part(f"{JOKE}{token}\nuser\nWhat can you do?{token}", finished=False) == JOKE
    assert readable_part(token * 5, finished=True) == ""


@pytest.mark.parametrize("token", TOKENS)
def test_no_part_of_a_token_that_comes_in_pieces_is_ever_shown(token):
    for length in range(1, len(token)):
        assert readable_part(JOKE + token[:length], finished=False) == JOKE


@pytest.mark.parametrize(
    "text", ["I <3 cats", "1 < 2", "He said [sic", "a | b", "x <", "<- this way", "[USA]", "a </b"]
)
def test_what_only_looks_like_one_is_part_of_the_joke(text):
    assert readable_part(text, finished=True) == text
    assert readable_part(f"{text} and so on", finished=False) == f"{text} and so on"


def test_ordinary_texts_are_their_own_readable_part():
    for text in ("A cat walks in.\nIt leaves. 😂 (1 > 0)", "一只猫走进酒吧。", "", "\ttab"):
        assert ORDINARY.fullmatch(text) and readable_part(text, finished=True) == text
    assert not any(ORDINARY.fullmatch(text) for text in (*TOKENS, "\ud83d", "\x00", "\ufffd", "a <"))


@pytest.mark.parametrize("cut", ["<|im_", "<|im_end|", "[UNUSED_TOKEN_14"])
def test_a_token_that_is_cut_off_at_the_end_is_left_out(cut):
    assert readable_part(JOKE + cut, finished=True) == JOKE


def test_halves_of_an_emoji_are_joined_and_what_is_left_alone_is_replaced():
    assert readable_part("Ha \ud83d\ude02!", finished=True) == "Ha 😂!"
    assert readable_part("A fine \ud83d joke", finished=True) == "A fine \ufffd joke"
    assert readable_part("Ha \ud83d", finished=False) == "Ha "
    assert readable_part("Ha \ud83d", finished=True) == "Ha "
    readable_part("\udc00\ud800 x", finished=True).encode()


def test_control_characters_are_left_out_and_lines_stay():
    assert readable_part("A\x00 fine\x1b\n\tjoke", finished=True) == "A fine\n\tjoke"
