"""The tokenizer of the checkpoints that Jokebot writes: byte-level BPE with InternVL2's special tokens.

English pieces are learnt from `configs/demo-model/words.txt`. Every common Chinese character is one token; merges join
its UTF-8 bytes. The rest of the vocabulary consists of further characters, so that each id occurs in text. `2b` has
InternVL2-2B's 92,553 ids, with the special tokens at their official ids.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

WORDS = Path(__file__).parents[2] / "configs" / "demo-model" / "words.txt"
ENGLISH_MERGES = 1700
FIRST = ("<unk>", "<s>", "</s>")
"""Special tokens with the ids 0, 1 and 2."""
LAST = (
    "<|plugin|>",
    "<|interpreter|>",
    "<|action_end|>",
    "<|action_start|>",
    "<|im_end|>",
    "<|im_start|>",
    "<img>",
    "</img>",
    "<IMG_CONTEXT>",
    "<quad>",
    "</quad>",
    "<ref>",
    "</ref>",
    "<box>",
    "</box>",
)
"""Special tokens with the last ids, in InternVL2's order."""
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
    "'<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""InternLM2's chat template. It adds the BOS; the tokenizer adds none (docs/checkpoints.md)."""
PUNCTUATION = "，。！？：；、“”‘’（）《》〈〉【】「」『』…—–·～￥¥€£°×÷©®™№"
RANGES = (
    (0x3041, 0x3096),
    (0x30A1, 0x30FA),
    (0x4E00, 0x9FA5),
    (0xAC00, 0xD7A3),
    (0x3400, 0x4DB5),
    (0x1F300, 0x1F64F),
    (0x1F680, 0x1F6C5),
    (0x1F900, 0x1F9FF),
    (0x1F1E6, 0x1F1FF),
    (0x2600, 0x27BF),
    (0xA000, 0xA48C),
    (0x1200, 0x135A),
    (0x20000, 0x2A6D6),
    (0x2A700, 0x2B734),
)
"""Characters of a large vocabulary: kana, ideographs, hangul, emoji, further scripts, rare ideographs."""
SMALL = range(0xA1, 0x500)
"""Characters of two bytes, which need one id each and fill the remaining vocabulary."""


def build(vocabulary: int) -> Tokenizer:
    """A tokenizer with exactly `vocabulary` ids; deterministic.

    Raises ValueError if the number is too small for the bytes, the English pieces and the common characters, or larger
    than the number of all available characters.
    """
    pieces = VocabularyPieces(vocabulary - len(FIRST) - len(LAST))
    for left, right in english_merges():
        pieces.merge(left, right)
    for character in characters(gb2312(0xB0, 0xD7), PUNCTUATION):
        if not pieces.add(character):
            raise ValueError(f"A vocabulary of {vocabulary} can't hold the common Chinese characters.")
    for character in characters(gb2312(0xD8, 0xF7), *(map(chr, range(first, last + 1)) for first, last in RANGES)):
        if pieces.left == 0:
            break
        pieces.add(character)
    for character in map(chr, SMALL):
        pieces.add(character)
    if pieces.left:
        raise ValueError(
            f"A vocabulary of {vocabulary} is more than the characters known here: {pieces.left} ids are left."
        )
    tokens = [*FIRST, *pieces.tokens, *LAST]
    return assemble({token: number for number, token in enumerate(tokens)}, pieces.merges)


def assemble(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in (*FIRST, *LAST)])
    return tokenizer


class VocabularyPieces:
    """A growing BPE vocabulary of up to `size` pieces in the byte alphabet of byte-level BPE."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.tokens = sorted(pre_tokenizers.ByteLevel.alphabet())
        self.known = set(self.tokens)
        self.merges: list[tuple[str, str]] = []

    @property
    def left(self) -> int:
        return self.size - len(self.tokens)

    def merge(self, left: str, right: str) -> None:
        """Add a piece that joins two others, unless it exists."""
        if left + right not in self.known:
            self.known.add(left + right)
            self.tokens.append(left + right)
            self.merges.append((left, right))

    def add(self, character: str) -> bool:
        """Add a character and the prefixes of its bytes as pieces. False if the vocabulary has no room for them."""
        units = spell(character)
        steps = [
            (units[:place], units[place]) for place in range(1, len(units)) if units[: place + 1] not in self.known
        ]
        if len(steps) > self.left:
            return False
        for left, right in steps:
            self.merge(left, right)
        return True


def spell(text: str) -> str:
    """Text in the byte alphabet: one visible character for each UTF-8 byte."""
    return "".join(
        piece for piece, _ in pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    )


def characters(*groups: "str | Iterator[str]") -> Iterator[str]:
    for group in groups:
        yield from group


def gb2312(first_row: int, last_row: int) -> Iterator[str]:
    """GB2312's ideographs of these rows: 0xB0 to 0xD7 are the 3,755 most common ones, 0xD8 to 0xF7 the others."""
    for row in range(first_row, last_row + 1):
        for cell in range(0xA1, 0xFF):
            try:
                yield bytes((row, cell)).decode("gb2312")
            except UnicodeDecodeError:
                continue


def english_merges() -> list[tuple[str, str]]:
    """The first merges that BPE learns from words.txt, in which earlier words have a higher weight."""
    words = list(dict.fromkeys(WORDS.read_text(encoding="utf-8").split()))
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=256 + ENGLISH_MERGES,
        show_progress=False,
        min_frequency=1,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    learner.train_from_iterator(spellings(words), trainer)
    merges = json.loads(learner.to_str())["model"]["merges"]
    return [(left, right) for left, right in merges]


def spellings(words: list[str]) -> Iterator[str]:
    for place, word in enumerate(words):
        for _ in range(1 + 400 // (place + 20)):
            yield f" {word}"
            yield f" {word}"
            yield f"{word.capitalize()} {word}, {word.capitalize()}."


def write(directory: Path, vocabulary: int) -> Tokenizer:
    """Write tokenizer.json and its settings in a form that transformers 4.48 and 5 load."""
    tokenizer = build(vocabulary)
    (directory / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    special = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "</s>",
        "unk_token": "<unk>",
        "additional_special_tokens": list(LAST),
    }
    dump(directory / "special_tokens_map.json", special)
    dump(
        directory / "tokenizer_config.json",
        {
            **special,
            "add_bos_token": False,
            "add_eos_token": False,
            "chat_template": CHAT_TEMPLATE,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 32768,
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
    )
    return tokenizer


def dump(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
