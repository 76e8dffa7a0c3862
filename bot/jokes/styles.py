"""Styles of jokes: their names in menus and captions, and the choice of one for another joke."""

import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot.chats.chat_settings import SURPRISE
from bot.i18n.translator import Translator
from configs.prompts import Prompts
from storage.chat.jokes import list_shown_styles
from storage.database import Database

HASHTAG = re.compile(r"(?<!\S)[#＃](\w+)(?!\w)")


class StyleRotation:
    """Chooses styles for further jokes. Jokes that are being made count too, so concurrent presses get different ones.

    The counts of these jokes are in memory; the styles of delivered jokes are in the database.
    """

    def __init__(self, database: Database, prompts: Prompts) -> None:
        self._database, self._prompts = database, prompts
        self._in_progress: Counter[tuple[str, int, int, str]] = Counter()

    @asynccontextmanager
    async def another(
        self, language: str, chat_id: int, photo_id: int, *, pressed: str | None = None, first: str | None = None
    ) -> AsyncIterator[str]:
        """A style for a further joke about a photo in a chat, reserved until the block ends.

        `pressed` is the style of the joke under which the button was pressed. `first` is chosen where the chat has had
        no joke about the photo. Once all styles were delivered, it is the one delivered longest ago. Raises
        PromptError for an unknown language.
        """
        delivered = await list_shown_styles(self._database, photo_id, chat_id, language)
        photo_key = (language, chat_id, photo_id)
        avoided = [style for (*key, style), count in self._in_progress.items() if tuple(key) == photo_key and count]
        if pressed:
            avoided.append(pressed)
        if first and not (delivered or avoided):
            style = first
        else:
            style = choose_style(self._prompts.language(language).joke_styles, delivered, avoided)
        key = (*photo_key, style)
        self._in_progress[key] += 1
        try:
            yield style
        finally:
            self._in_progress[key] -= 1
            if not self._in_progress[key]:
                del self._in_progress[key]


def choose_style(styles: Sequence[str], delivered: Sequence[str], avoided: Sequence[str]) -> str:
    """A random style that is neither delivered nor avoided; else the allowed one delivered longest ago.

    `delivered` has the oldest first.
    """
    if new := [style for style in styles if style not in delivered and style not in avoided]:
        return secrets.choice(new)
    allowed = [style for style in styles if style not in avoided] or list(styles)
    return min(allowed, key=lambda style: delivered.index(style) if style in delivered else -1)


def available_styles(prompts: Prompts) -> tuple[str, ...]:
    """The styles of all languages, and SURPRISE."""
    styles = dict.fromkeys(style for language in prompts.languages for style in prompts.language(language).joke_styles)
    return (*styles, SURPRISE)


def style_label(translator: Translator, language: str, style: str) -> str:
    """A style's label for users; its name in the prompts where the translations have none."""
    try:
        return translator.format(language, f"style-{style}")
    except KeyError:
        return style


def style_from_caption(translator: Translator, prompts: Prompts, caption: str | None) -> tuple[str | None, str | None]:
    """The style that a caption asks for, None for none, and the rest of the caption as a hint.

    A caption asks for a style with a hashtag (`#pun`), or by being a style's name and nothing else, in any language.
    """
    if not caption:
        return None, caption
    styles = _styles_by_word(translator, prompts)
    if style := styles.get(caption.strip(" .!?。！？…").casefold()):
        return style, None
    for tag in HASHTAG.finditer(caption):
        if style := styles.get(tag[1].casefold()):
            return style, " ".join(f"{caption[: tag.start()]} {caption[tag.end() :]}".split()) or None
    return None, caption


def _styles_by_word(translator: Translator, prompts: Prompts) -> dict[str, str]:
    """Each word, in any language, that stands for a style."""
    styles = {}
    for style in available_styles(prompts):
        styles[style] = style
        for language in translator.languages:
            try:
                line = translator.format(language, f"style-{style}-words")
            except KeyError:
                continue
            styles |= {word.strip().casefold(): style for word in line.split(",")}
    return styles
