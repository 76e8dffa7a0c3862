"""The pages of /settings: what they show, the choices they offer, and how a choice is stored.

Their buttons are `SettingsButton`s: a page to turn to, or a page and a value to choose on it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, User

from bot.chats.chat_settings import ChatSettingsStore
from bot.chats.languages import LanguagePreferences
from bot.handlers.callback_data import SettingsButton
from bot.jokes.styles import available_styles, style_label
from bot.messaging.messenger import Messenger
from configs.prompts import Prompts
from configs.settings import DigestSettings
from storage.database import Database

MAIN, CLOSE = "main", "close"
USUAL, ANY, AS_APP, NO_LIMIT, OFF, ON = "usual", "any", "app", "none", "off", "on"
LIMITS = ("5", "10", "20", "50", "100")
MARK = "✓ "
PRIVATE = ("language", "style", "weekly")
"""What can be set in a private chat; in a group everything."""


@dataclass(frozen=True)
class SettingsContext:
    """The chat whose settings are shown, and the user they are shown to: the one who pressed last."""

    chat_id: int
    person: User
    private: bool


@dataclass(frozen=True)
class SettingsPage:
    """What can be set on one page. `options` are its values in order, `chosen` is the current one."""

    options: Callable[[SettingsContext], tuple[str, ...]]
    chosen: Callable[[SettingsContext], str]
    name: Callable[[User, str], str]
    """A value's label, in a user's language."""
    wide: int = 1
    """Buttons in a row."""


class SettingsPages:
    """Makes the pages and stores choices. `digest` are the settings of the weekly post, which its page names."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        languages: LanguagePreferences,
        chats: ChatSettingsStore,
        prompts: Prompts,
        digest: DigestSettings,
    ) -> None:
        self._messenger, self._database, self._languages = messenger, database, languages
        self._chats, self._prompts, self._digest = chats, prompts, digest
        self._pages = {
            "language": SettingsPage(self._language_options, self._chosen_language, self._language_name),
            "style": SettingsPage(
                lambda place: (USUAL, *available_styles(prompts)),
                lambda place: chats.of(place.chat_id).style or USUAL,
                lambda user, value: style_label(messenger.translator, messenger.language(user), value),
                wide=2,
            ),
            "answers": SettingsPage(
                lambda place: ("called", "photos"),
                lambda place: chats.of(place.chat_id).answers,
                self._named("answers"),
            ),
            "daily": SettingsPage(
                lambda place: (NO_LIMIT, *LIMITS),
                lambda place: str(chats.of(place.chat_id).daily or NO_LIMIT),
                self._daily_name,
                wide=3,
            ),
            "weekly": SettingsPage(
                lambda place: (OFF, ON),
                lambda place: OFF if chats.of(place.chat_id).weekly_since is None else ON,
                self._named("weekly"),
            ),
            "changers": SettingsPage(
                lambda place: ("admins", "all"), lambda place: chats.of(place.chat_id).changers, self._named("changers")
            ),
        }

    def names(self, place: SettingsContext) -> tuple[str, ...]:
        """The pages of such a chat."""
        return PRIVATE if place.private else tuple(self._pages)

    def summary(self, place: SettingsContext) -> str:
        """All settings, a line each."""
        return "\n".join([self._title(place), "", *(self._line(place, name) for name in self.names(place))])

    def main(self, place: SettingsContext) -> tuple[str, InlineKeyboardMarkup]:
        """All settings, each on a button that turns to its page."""
        rows = [[_button(self._line(place, name), name)] for name in self.names(place)]
        rows.append([_button(self._messenger.text(place.person, "settings-close"), CLOSE)])
        return self._title(place), InlineKeyboardMarkup(rows)

    def page(self, place: SettingsContext, name: str, note: str = "") -> tuple[str, InlineKeyboardMarkup]:
        """One page: its question, the choices, and the way back."""
        page, user = self._pages[name], place.person
        chosen = page.chosen(place)
        buttons = [
            _button((MARK if value == chosen else "") + page.name(user, value), name, value)
            for value in page.options(place)
        ]
        rows = [buttons[start : start + page.wide] for start in range(0, len(buttons), page.wide)]
        rows.append([_button(self._messenger.text(user, "settings-back"), MAIN)])
        question = self._messenger.text(user, f"settings-{name}-ask", **self._values_of_question(name))
        return f"{question}\n\n{note}" if note else question, InlineKeyboardMarkup(rows)

    def is_offered(self, place: SettingsContext, name: str, value: str | None) -> bool:
        """Whether such a chat has that page, and the page that choice."""
        if name in (MAIN, CLOSE):
            return value is None
        return name in self.names(place) and (value is None or value in self._pages[name].options(place))

    async def choose(self, place: SettingsContext, name: str, value: str) -> None:
        """Store a choice; `value` is one that the page offers."""
        if name == "language" and place.private:
            await self._languages.choose(self._database, place.person.id, None if value == AS_APP else value)
            return
        new: dict[str, object] = {name: value}
        if name == "daily":
            new = {name: None if value == NO_LIMIT else int(value)}
        elif name == "weekly":
            new = {"weekly_since": (self._chats.of(place.chat_id).weekly_since or time.time()) if value == ON else None}
        elif value in (USUAL, ANY):
            new = {name: None}
        await self._chats.change(place.chat_id, **new, speaks=self._messenger.language(place.person))

    def _language_options(self, place: SettingsContext) -> tuple[str, ...]:
        """In private what the bot speaks, in groups what jokes can be in."""
        return (*self._messenger.translator.languages, AS_APP) if place.private else (*self._prompts.languages, ANY)

    def _chosen_language(self, place: SettingsContext) -> str:
        if place.private:
            return self._languages.chosen(place.person.id) or AS_APP
        return self._chats.of(place.chat_id).language or ANY

    def _language_name(self, user: User, value: str) -> str:
        if value in (AS_APP, ANY):
            return self._messenger.text(user, "language-app" if value == AS_APP else "settings-language-any")
        return self._messenger.translator.format(value, "language-name")

    def _daily_name(self, user: User, value: str) -> str:
        return self._messenger.text(user, "settings-daily-none") if value == NO_LIMIT else value

    def _named(self, name: str) -> Callable[[User, str], str]:
        return lambda user, value: self._messenger.text(user, f"settings-{name}-{value}")

    def _values_of_question(self, name: str) -> dict[str, Any]:
        zone = datetime.now().astimezone().tzname() or ""
        if name == "daily":
            return {"zone": zone}
        return {"day": self._digest.day, "hour": self._digest.hour, "zone": zone} if name == "weekly" else {}

    def _title(self, place: SettingsContext) -> str:
        return self._messenger.text(place.person, "settings-private" if place.private else "settings-group")

    def _line(self, place: SettingsContext, name: str) -> str:
        page = self._pages[name]
        return self._messenger.text(place.person, f"settings-{name}", value=page.name(place.person, page.chosen(place)))


def _button(text: str, page: str, value: str | None = None) -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=SettingsButton(page, value).encode())
