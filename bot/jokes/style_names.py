"""The styles of jokes by the names that people know them by: in menus, and in a caption for one photo."""

import re

from bot.chats.chat_settings import SURPRISE
from bot.i18n.translator import Translator
from configs.prompts import Prompts

TAG = re.compile(r"(?<!\S)[#＃](\w+)(?!\w)")


def available_styles(prompts: Prompts) -> tuple[str, ...]:
    """The styles on offer, over all languages, and a surprise."""
    every = dict.fromkeys(style for language in prompts.languages for style in prompts.language(language).joke_styles)
    return (*every, SURPRISE)


def style_label(words: Translator, language: str, style: str) -> str:
    """A style's name for people; its own where there are no words for it yet."""
    try:
        return words.format(language, f"style-{style}")
    except KeyError:
        return style


def style_from_caption(words: Translator, prompts: Prompts, caption: str | None) -> tuple[str | None, str | None]:
    """The style that a caption asks for, None for none, and what is left of the caption as a hint.

    It does by a hashtag anywhere (`#pun`), or where it is nothing but a style's name; in any of the languages.
    """
    if not caption:
        return None, caption
    names = _names(words, prompts)
    if whole := names.get(caption.strip(" .!?。！？…").casefold()):
        return whole, None
    for tag in TAG.finditer(caption):
        if style := names.get(tag[1].casefold()):
            return style, " ".join(f"{caption[: tag.start()]} {caption[tag.end() :]}".split()) or None
    return None, caption


def _names(words: Translator, prompts: Prompts) -> dict[str, str]:
    names = {}
    for style in available_styles(prompts):
        names[style] = style
        for language in words.languages:
            try:
                line = words.format(language, f"style-{style}-words")
            except KeyError:
                continue
            names |= {word.strip().casefold(): style for word in line.split(",")}
    return names
