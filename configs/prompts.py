"""Reads `configs/prompts.toml`, the prompts of serving and of training.

`bot` asks models with them, and `trainer` rebuilds the prompts of stored jokes. `configs/chat_templates.py` puts them
into a model family's chat template.
"""

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from configs.errors import PromptError
from configs.subjects import subject_of

PROMPTS_FILE = Path(__file__).with_name("prompts.toml")
CAPTION_LIMIT = 300
"""Characters of a caption that reach the model; Telegram allows 1,024."""
EXPLAIN = "explain"
"""The style that explains a joke instead of telling one."""
NOTHING_SEEN = ""
"""What the recogniser saw where it is sure of nothing (None: there is no recogniser, or it left the picture alone)."""


@dataclass(frozen=True)
class LanguagePrompts:
    """The prompts of a language: `styles` by name, the default style, and the quotation of a caption or a joke.

    `seen` is the slot for what the recogniser saw in the picture, `unseen` the slot where it is sure of nothing.
    `gentle` is appended to the prompt of a joke that shall spare faces, bodies and children.
    """

    default: str
    seen: str
    unseen: str
    caption: str
    joke: str
    gentle: str
    styles: dict[str, str]

    def slot(self, language: str, seen: str | None) -> str:
        """The slot for what the recogniser saw; empty for None, and for a name that is no longer known."""
        if seen is None:
            return ""
        if seen == NOTHING_SEEN:
            return self.unseen
        subject = subject_of(seen)
        return self.seen.format(seen=subject.phrase(language)) if subject else ""

    @property
    def joke_styles(self) -> tuple[str, ...]:
        """The styles except `explain`, in the order of the file."""
        return tuple(style for style in self.styles if style != EXPLAIN)


@dataclass(frozen=True)
class Prompts:
    """The content of `prompts.toml`."""

    languages: dict[str, LanguagePrompts]

    def language(self, code: str) -> LanguagePrompts:
        """The prompts of a language. Raises PromptError if it is not defined."""
        if code not in self.languages:
            raise PromptError(
                f"There are no prompts for the language {code!r}; prompts.toml has {', '.join(self.languages)}."
            )
        return self.languages[code]

    def ask(
        self,
        language: str,
        style: str | None = None,
        caption: str | None = None,
        joke: str | None = None,
        *,
        gentle: bool = False,
        seen: str | None = None,
    ) -> str:
        """The text of the user turn, without the photo. `caption` and `joke` are quoted as data (see `disarm`).

        `gentle` asks for a joke that spares faces, bodies and children. `seen` is the recogniser's name for the picture
        (English, of configs/subjects.py) or NOTHING_SEEN. Raises PromptError if the language or style is not defined.
        """
        prompts = self.language(language)
        style = style or prompts.default
        if style not in prompts.styles:
            raise PromptError(f"There is no style {style!r}; prompts.toml has {', '.join(prompts.styles)}.")
        text = prompts.styles[style] + (prompts.gentle if gentle else "")
        text += prompts.slot(language, seen)
        if joke:
            text += prompts.joke.format(joke=disarm(joke))
        if caption and (clean := disarm(caption)):
            text += prompts.caption.format(caption=clean)
        return text


@lru_cache(4096)
def caption_of(prompt: str) -> str | None:
    """The caption in a prompt of `Prompts.ask`; None without one."""
    for language in load_prompts().languages.values():
        head, tail = language.caption.split("{caption}")
        before, found, caption = prompt.rpartition(head)
        if before and found and caption.endswith(tail):
            return caption.removesuffix(tail).strip() or None
    return None


def disarm(text: str) -> str:
    """A user's text as data for a prompt or a dataset: one line without markup, control or format characters.

    The special tokens of InternVL2's tokenizer contain `<`, so angle brackets become typographic ones. InternLM2's
    vocabulary also has tokens such as `[UNUSED_TOKEN_145]`, earlier names of tokens such as `<|im_end|>`
    (InternLM/InternLM#693). Double quotation marks become single, so the text can't end its quotation. The result has
    at most CAPTION_LIMIT characters.
    """
    text = unicodedata.normalize("NFC", text).translate(_DISARM)
    text = "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
        for c in text
        if c == "\u200d" or unicodedata.category(c) not in ("Cf", "Cs", "Co", "Cn")
    )
    return " ".join(text.split()).replace("UNUSED_TOKEN", "UNUSED TOKEN")[:CAPTION_LIMIT].strip()


_DISARM = str.maketrans(
    {
        "<": "‹",
        "＜": "‹",
        "﹤": "‹",
        ">": "›",
        "＞": "›",
        "﹥": "›",
        "|": "¦",
        "｜": "¦",
        '"': "'",
        "＂": "'",
        "“": "'",
        "”": "'",
    }
)


@cache
def load_prompts(path: Path = PROMPTS_FILE) -> Prompts:
    """Read and check the prompts file. Raises PromptError if it is invalid or a part is missing."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        languages = {code: LanguagePrompts(**part) for code, part in data["languages"].items()}
        prompts = Prompts(languages)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise PromptError(f"{path.name} can't be used: {error}.") from error
    for code, language in languages.items():
        if language.default not in language.styles:
            raise PromptError(f"{path.name}: the default style {language.default!r} of {code!r} is not defined.")
    return prompts
