"""Splits a joke's text into tokens, in English and Chinese, and hashes them.

A token is a word, one Chinese or Japanese character, one punctuation mark or one emoji. Width, case, skin tones and
long repetitions (哈哈哈哈哈, nooooo) are normalised first.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

HashArray = NDArray[np.uint64]

CJK = "\u3040-\u30ff\u3400-\u9fff"
TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]+(?:['’][^\W_{CJK}]+)*|[^\w\s]|_")
IS_CJK = re.compile(rf"[{CJK}]")
INVISIBLE = re.compile("[\ufe0e\ufe0f\u200b-\u200d\U0001f3fb-\U0001f3ff]")
"""Variation selectors, joiners and skin tones: emoji with and without them are one token."""
REPETITION = re.compile(r"(.)\1{3,}")
CACHED_TOKENS = 1 << 17

ODD_A, ODD_B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def tokenize(text: str) -> list[str]:
    """The tokens of a text, in order."""
    plain = INVISIBLE.sub("", unicodedata.normalize("NFKC", text).casefold())
    return TOKEN.findall(REPETITION.sub(r"\1\1\1", plain))


def is_word(token: str) -> bool:
    """Whether a token is a word or a character of a script; punctuation and emoji are none."""
    return token[0].isalnum()


def is_cjk(token: str) -> bool:
    """Whether a token is a single Chinese or Japanese character."""
    return IS_CJK.match(token) is not None


def is_emoji(token: str) -> bool:
    """Whether a token is a pictograph."""
    return unicodedata.category(token[0]) == "So"


@lru_cache(CACHED_TOKENS)
def hash_token(token: str) -> int:
    """A 64-bit hash, the same on every machine (BLAKE2b, RFC 7693)."""
    return int.from_bytes(hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def hash_tokens(tokens: Iterable[str]) -> HashArray:
    """Hashes (n) of n tokens."""
    return np.fromiter(map(hash_token, tokens), np.uint64)


def combine(left: HashArray, right: HashArray) -> HashArray:
    """Hashes (n) of ordered pairs; the finaliser is that of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    mixed = left * ODD_A + right * ODD_B
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
