"""Reads `configs/prompts.toml`: what a model is asked, for serving and training alike.

Used by `bot` (to ask), by `trainer` (to rebuild what a joke was asked with) and by the checks that compare token ids.
"""

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from configs.errors import PromptError

PROMPTS_FILE = Path(__file__).with_name("prompts.toml")
CAPTION_LIMIT = 300
"""Characters of a caption that reach the model; Telegram allows 1,024."""
EXPLAIN = "explain"
"""The style that explains a joke and tells none."""


@dataclass(frozen=True)
class PromptTemplate:
    """The chat template's pieces; `{context}` stands for the picture's context tokens."""

    bos: str
    system: str
    user: str
    assistant: str
    end: str
    image: str
    context: str


@dataclass(frozen=True)
class LanguagePrompts:
    """The prompts of one language: `styles` by name, the default style, and how a caption or a joke is quoted."""

    default: str
    caption: str
    joke: str
    styles: dict[str, str]

    @property
    def joke_styles(self) -> tuple[str, ...]:
        """The styles that tell jokes, in the file's order."""
        return tuple(style for style in self.styles if style != EXPLAIN)


@dataclass(frozen=True)
class Prompts:
    """All that `prompts.toml` says."""

    system: str
    template: PromptTemplate
    languages: dict[str, LanguagePrompts]

    def language(self, code: str) -> LanguagePrompts:
        """Raises PromptError for a language that is not defined."""
        if code not in self.languages:
            raise PromptError(
                f"There are no prompts for the language {code!r}; prompts.toml has {', '.join(self.languages)}."
            )
        return self.languages[code]

    def ask(self, language: str, style: str | None = None, caption: str | None = None, joke: str | None = None) -> str:
        """The user turn's text, without the picture. `caption` and `joke` are quoted as data, their markup disarmed.

        Raises PromptError for a language or style that is not defined.
        """
        prompts = self.language(language)
        style = style or prompts.default
        if style not in prompts.styles:
            raise PromptError(f"There is no style {style!r}; prompts.toml has {', '.join(prompts.styles)}.")
        text = prompts.styles[style]
        if joke:
            text += prompts.joke.format(joke=disarm(joke))
        if caption and (clean := disarm(caption)):
            text += prompts.caption.format(caption=clean)
        return text

    def render(self, user: str, context_tokens: int) -> str:
        """The whole prompt as one string, as the model's tokenizer sees it (special tokens written out).

        `context_tokens` is the number of picture tokens (256 a tile for InternVL2); 0 means no picture.
        """
        template = self.template
        image = template.image.format(context=template.context * context_tokens) if context_tokens else ""
        return (
            template.bos
            + template.system.format(system=self.system)
            + template.user.format(user=image + user)
            + template.assistant
        )


def disarm(text: str) -> str:
    """A person's text as harmless data for a prompt or a dataset: one line, no markup, no control or format characters.

    Special tokens of InternVL2's tokenizer are written with `<`, so replacing the angle brackets by their typographic
    twins disarms them. InternLM2's vocabulary also has `[UNUSED_TOKEN_145]` and its like, the first names of
    `<|im_end|>` and its like (InternLM/InternLM#693). Quotation marks can't close the quotation; at most CAPTION_LIMIT
    characters.
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
    """Read and check the prompts file. Raises PromptError when a part is missing."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        languages = {code: LanguagePrompts(**part) for code, part in data["languages"].items()}
        prompts = Prompts(data["system"]["text"], PromptTemplate(**data["template"]), languages)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise PromptError(f"{path.name} can't be used: {error}.") from error
    for code, language in languages.items():
        if language.default not in language.styles:
            raise PromptError(f"{path.name}: the default style {language.default!r} of {code!r} is not defined.")
    return prompts
