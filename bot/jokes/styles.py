"""The style of another joke: one in which the chat has not heard about that photo yet, while there is one."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from configs.prompts import Prompts
from storage.chat.jokes import list_shown_styles
from storage.database import Database


class StyleRotation:
    """Knows which styles are on their way too, so that two people who press at once don't get the same one."""

    def __init__(self, database: Database, prompts: Prompts) -> None:
        self._database, self._prompts = database, prompts
        self._coming: Counter[tuple[str, int, int, str]] = Counter()

    @asynccontextmanager
    async def another(
        self, language: str, chat_id: int, photo_id: int, *, pressed: str | None = None, first: str | None = None
    ) -> AsyncIterator[str]:
        """A style for a further joke about a photo in a chat, taken until the block ends.

        `pressed` is that of the joke it follows; `first` is taken where the chat has heard none about that photo. Once
        all were heard it is the one that was heard longest ago. Raises PromptError for an unknown language.
        """
        told = await list_shown_styles(self._database, photo_id, chat_id, language)
        coming = [
            style for (*key, style), count in self._coming.items() if key == [language, chat_id, photo_id] and count
        ]
        taken = [*coming, *([pressed] if pressed else [])]
        style = (
            first
            if first and not (told or taken)
            else choose_style(self._prompts.language(language).joke_styles, told, taken)
        )
        key = (language, chat_id, photo_id, style)
        self._coming[key] += 1
        try:
            yield style
        finally:
            self._coming[key] -= 1
            if not self._coming[key]:
                del self._coming[key]


def choose_style(styles: Sequence[str], told: Sequence[str], avoided: Sequence[str]) -> str:
    """Any style that is neither told nor avoided; else the one of the others that was told longest ago (`told` has
    the oldest first).
    """
    if new := [style for style in styles if style not in told and style not in avoided]:
        return secrets.choice(new)
    rest = [style for style in styles if style not in avoided] or list(styles)
    return min(rest, key=lambda style: told.index(style) if style in told else -1)
