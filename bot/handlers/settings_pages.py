"""The pages of /settings: what they show, the choices they offer, and how a choice is stored.

Their buttons are `SettingsButton`s: a page to open, or a page and a value to choose on it.
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
from configs.settings import Settings
from storage.database import Database

MAIN, CLOSE = "main", "close"
USUAL, ANY, AS_APP, NO_LIMIT, OFF, ON = "usual", "any", "app", "none", "off", "on"
LIMITS = ("5", "10", "20", "50", "100")
HOURS = (8, 9, 10, 12, 14, 16, 18, 19, 20, 21, 22, 23)
"""The hours that are offered for rounds of Oogiri, besides the default of the settings."""
CHOSEN_MARK = "✓ "
PRIVATE_CHAT_PAGES = ("language", "style", "gentle", "weekly")
"""The pages in a private chat; groups have all pages."""


@dataclass(frozen=True)
class SettingsContext:
    """The chat whose settings are shown, and the user who pressed last."""

    chat_id: int
    user: User
    private: bool


@dataclass(frozen=True)
class SettingsPage:
    """One setting. `options` are its values in order, `chosen` is the current one."""

    options: Callable[[SettingsContext], tuple[str, ...]]
    chosen: Callable[[SettingsContext], str]
    name: Callable[[User, str], str]
    """A value's label, in a user's language."""
    wide: int = 1
    """Buttons in a row."""


class SettingsPages:
    """Makes the pages and stores choices. `settings` has what the pages show and their defaults."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        languages: LanguagePreferences,
        chats: ChatSettingsStore,
        prompts: Prompts,
        settings: Settings,
    ) -> None:
        self._messenger, self._database, self._languages = messenger, database, languages
        self._chats, self._prompts, self._digest, self._gentle = chats, prompts, settings.digest, settings.safety.gentle
        self._oogiri, self._may_better = settings.oogiri, settings.punchlines.per_day > 0
        self._pages = self._make_pages()

    def names(self, context: SettingsContext) -> tuple[str, ...]:
        """The pages of the chat."""
        if context.private:
            return PRIVATE_CHAT_PAGES
        plays = self._oogiri.pack and self._oogiri.rounds_per_day and self._may_better
        absent = {"punchlines": not self._may_better, "oogiri": not plays}
        return tuple(name for name in self._pages if not absent.get(name))

    def summary(self, context: SettingsContext) -> str:
        """All settings, one line each."""
        return "\n".join([self._title(context), "", *(self._line(context, name) for name in self.names(context))])

    def main(self, context: SettingsContext) -> tuple[str, InlineKeyboardMarkup]:
        """All settings, each on a button that opens its page."""
        rows = [[_button(self._line(context, name), name)] for name in self.names(context)]
        rows.append([_button(self._messenger.text(context.user, "settings-close"), CLOSE)])
        return self._title(context), InlineKeyboardMarkup(rows)

    def page(self, context: SettingsContext, name: str, note: str = "") -> tuple[str, InlineKeyboardMarkup]:
        """One page: its question, the choices, and a button back to the main page."""
        page, user = self._pages[name], context.user
        chosen = page.chosen(context)
        buttons = [
            _button((CHOSEN_MARK if value == chosen else "") + page.name(user, value), name, value)
            for value in page.options(context)
        ]
        rows = [buttons[start : start + page.wide] for start in range(0, len(buttons), page.wide)]
        rows.append([_button(self._messenger.text(user, "settings-back"), MAIN)])
        question = self._messenger.text(user, f"settings-{name}-ask", **self._question_values(name))
        return f"{question}\n\n{note}" if note else question, InlineKeyboardMarkup(rows)

    def is_offered(self, context: SettingsContext, name: str, value: str | None) -> bool:
        """Whether such a chat has that page, and the page that choice."""
        if name in (MAIN, CLOSE):
            return value is None
        return name in self.names(context) and (value is None or value in self._pages[name].options(context))

    def _make_pages(self) -> dict[str, SettingsPage]:
        messenger, chats, prompts = self._messenger, self._chats, self._prompts
        return {
            "language": SettingsPage(self._language_options, self._chosen_language, self._language_name),
            "style": SettingsPage(
                lambda context: (USUAL, *available_styles(prompts)),
                lambda context: chats.get(context.chat_id).style or USUAL,
                lambda user, value: style_label(messenger.translator, messenger.language(user), value),
                wide=2,
            ),
            "gentle": self._switch("gentle", self._is_gentle),
            "answers": SettingsPage(
                lambda _: ("called", "photos"),
                lambda context: chats.get(context.chat_id).answers,
                self._labels("answers"),
            ),
            "daily": SettingsPage(
                lambda context: (NO_LIMIT, *LIMITS),
                lambda context: str(chats.get(context.chat_id).daily or NO_LIMIT),
                self._daily_name,
                wide=3,
            ),
            "punchlines": self._switch("punchlines", lambda chat_id: chats.get(chat_id).takes_punchlines),
            "oogiri": SettingsPage(self._hour_options, self._chosen_hour, self._hour_name, wide=4),
            "weekly": self._switch("weekly", lambda chat_id: chats.get(chat_id).weekly_since is not None),
            "changers": SettingsPage(
                lambda context: ("admins", "all"),
                lambda context: chats.get(context.chat_id).changers,
                self._labels("changers"),
            ),
        }

    def _switch(self, name: str, is_on: Callable[[int], bool]) -> SettingsPage:
        """A page with the choices OFF and ON."""
        return SettingsPage(
            lambda _: (OFF, ON), lambda context: ON if is_on(context.chat_id) else OFF, self._labels(name)
        )

    async def choose(self, context: SettingsContext, name: str, value: str) -> None:
        """Store a choice; `value` is one that the page offers."""
        if name == "language" and context.private:
            await self._languages.choose(self._database, context.user.id, None if value == AS_APP else value)
            return
        new: dict[str, object] = {name: value}
        if name == "daily":
            new = {name: None if value == NO_LIMIT else int(value)}
        elif name == "weekly":
            new = {
                "weekly_since": (self._chats.get(context.chat_id).weekly_since or time.time()) if value == ON else None
            }
        elif name in ("gentle", "punchlines"):
            new = {name: value == ON}
        elif name == "oogiri":
            new = {"oogiri_hour": -1 if value == OFF else int(value), "oogiri_since": time.time()}
        elif value in (USUAL, ANY):
            new = {name: None}
        await self._chats.change(context.chat_id, **new, speaks=self._messenger.language(context.user))

    def _language_options(self, context: SettingsContext) -> tuple[str, ...]:
        """The bot's languages in a private chat, the languages of jokes in a group."""
        return (*self._messenger.translator.languages, AS_APP) if context.private else (*self._prompts.languages, ANY)

    def _chosen_language(self, context: SettingsContext) -> str:
        if context.private:
            return self._languages.chosen(context.user.id) or AS_APP
        return self._chats.get(context.chat_id).language or ANY

    def _language_name(self, user: User, value: str) -> str:
        if value in (AS_APP, ANY):
            return self._messenger.text(user, "language-app" if value == AS_APP else "settings-language-any")
        return self._messenger.translator.format(value, "language-name")

    def _is_gentle(self, chat_id: int) -> bool:
        chosen = self._chats.get(chat_id).gentle
        return self._gentle if chosen is None else bool(chosen)

    def _daily_name(self, user: User, value: str) -> str:
        return self._messenger.text(user, "settings-daily-none") if value == NO_LIMIT else value

    def _hour_options(self, context: SettingsContext) -> tuple[str, ...]:
        hours = sorted({*HOURS, *([self._oogiri.hour] if self._oogiri.hour >= 0 else [])})
        return (*map(str, hours), OFF)

    def _chosen_hour(self, context: SettingsContext) -> str:
        chosen = self._chats.get(context.chat_id).oogiri_hour
        hour = self._oogiri.hour if chosen is None else chosen
        return OFF if hour < 0 else str(hour)

    def _hour_name(self, user: User, value: str) -> str:
        return self._messenger.text(user, "settings-oogiri-off") if value == OFF else f"{int(value):02}:00"

    def _labels(self, name: str) -> Callable[[User, str], str]:
        return lambda user, value: self._messenger.text(user, f"settings-{name}-{value}")

    def _question_values(self, name: str) -> dict[str, Any]:
        zone = datetime.now().astimezone().tzname() or ""
        if name in ("daily", "oogiri"):
            return {"zone": zone}
        return {"day": self._digest.day, "hour": self._digest.hour, "zone": zone} if name == "weekly" else {}

    def _title(self, context: SettingsContext) -> str:
        return self._messenger.text(context.user, "settings-private" if context.private else "settings-group")

    def _line(self, context: SettingsContext, name: str) -> str:
        page = self._pages[name]
        return self._messenger.text(
            context.user, f"settings-{name}", value=page.name(context.user, page.chosen(context))
        )


def _button(text: str, page: str, value: str | None = None) -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=SettingsButton(page, value).encode())
