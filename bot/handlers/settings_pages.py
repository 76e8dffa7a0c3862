"""The pages of /settings: what they say, the choices they offer, and which of these is made.

A button sends `c:PAGE` to turn to a page, `c:PAGE:VALUE` to choose.
"""
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, User

from bot.parts import Parts
from bot.style_names import label, styles

MAIN, CLOSE = "main", "close"
USUAL, ANY, AS_APP, NO_LIMIT, OFF, ON = "usual", "any", "app", "none", "off", "on"
LIMITS = ("5", "10", "20", "50", "100")
MARK = "✓ "


@dataclass(frozen=True)
class Place:
    """Where a page is shown, and to whom: the one who pressed last."""

    chat_id: int
    person: User
    private: bool


@dataclass(frozen=True)
class Page:
    """What can be set on one page. `options` are values by their labels' order, `chosen` is the one that holds now."""

    options: Callable[[Parts, Place], tuple[str, ...]]
    chosen: Callable[[Parts, Place], str]
    name: Callable[[Parts, str, str], str]
    """A value's label, in a language."""
    wide: int = 1
    """Buttons in a row."""


def _languages(parts: Parts, place: Place) -> tuple[str, ...]:
    return (*parts.words.languages, AS_APP) if place.private else (*parts.prompts.languages, ANY)


def _language(parts: Parts, place: Place) -> str:
    return parts.languages.chosen(place.person.id) or AS_APP if place.private else parts.chats.of(place.chat_id).language or ANY


def _language_name(parts: Parts, language: str, value: str) -> str:
    if value == AS_APP:
        return parts.words.say(language, "language-app")
    return parts.words.say(language, "settings-language-any") if value == ANY else parts.words.say(value, "language-name")


def _style(parts: Parts, place: Place) -> str:
    return parts.chats.of(place.chat_id).style or USUAL


def _daily_name(parts: Parts, language: str, value: str) -> str:
    return parts.words.say(language, "settings-daily-none") if value == NO_LIMIT else value


def _named(page: str) -> Callable[[Parts, str, str], str]:
    return lambda parts, language, value: parts.words.say(language, f"settings-{page}-{value}")


PAGES = {
    "language": Page(_languages, _language, _language_name),
    "style": Page(lambda parts, place: (USUAL, *styles(parts.prompts)), _style, lambda parts, language, value: label(parts.words, language, value), 2),
    "answers": Page(lambda parts, place: ("called", "photos"), lambda parts, place: parts.chats.of(place.chat_id).answers, _named("answers")),
    "daily": Page(lambda parts, place: (NO_LIMIT, *LIMITS), lambda parts, place: str(parts.chats.of(place.chat_id).daily or NO_LIMIT), _daily_name, 3),
    "weekly": Page(lambda parts, place: (OFF, ON), lambda parts, place: OFF if parts.chats.of(place.chat_id).weekly_since is None else ON, _named("weekly")),
    "changers": Page(lambda parts, place: ("admins", "all"), lambda parts, place: parts.chats.of(place.chat_id).changers, _named("changers")),
}
PRIVATE = ("language", "style", "weekly")
"""What can be set in a private chat; in a group everything."""


def pages(place: Place) -> tuple[str, ...]:
    """The pages that there are in such a chat."""
    return PRIVATE if place.private else tuple(PAGES)


def summary(parts: Parts, place: Place) -> str:
    """All that is set, a line each."""
    return "\n".join([_title(parts, place), "", *(_line(parts, place, page) for page in pages(place))])


def main_page(parts: Parts, place: Place) -> tuple[str, InlineKeyboardMarkup]:
    """What is set, each on a button that turns to its page."""
    rows = [[InlineKeyboardButton(_line(parts, place, page), callback_data=f"c:{page}")] for page in pages(place)]
    rows.append([InlineKeyboardButton(_say(parts, place, "settings-close"), callback_data=f"c:{CLOSE}")])
    return _title(parts, place), InlineKeyboardMarkup(rows)


def page_of(parts: Parts, place: Place, name: str, note: str = "") -> tuple[str, InlineKeyboardMarkup]:
    """One page: what it is about, the choices, and the way back."""
    page, language = PAGES[name], parts.language(place.person)
    chosen = page.chosen(parts, place)
    buttons = [InlineKeyboardButton((MARK if value == chosen else "") + page.name(parts, language, value), callback_data=f"c:{name}:{value}")
               for value in page.options(parts, place)]
    rows = [buttons[start:start + page.wide] for start in range(0, len(buttons), page.wide)]
    rows.append([InlineKeyboardButton(_say(parts, place, "settings-back"), callback_data=f"c:{MAIN}")])
    asked = _say(parts, place, f"settings-{name}-ask", **_filled_in(parts, name))
    return f"{asked}\n\n{note}" if note else asked, InlineKeyboardMarkup(rows)


def is_offered(parts: Parts, place: Place, page: str, value: str | None) -> bool:
    """Whether there is such a page in such a chat, and on it that choice."""
    if page in (MAIN, CLOSE):
        return value is None
    return page in pages(place) and (value is None or value in PAGES[page].options(parts, place))


async def choose(parts: Parts, place: Place, page: str, value: str) -> None:
    """Keep a choice; `value` is one that the page offers."""
    if page == "language" and place.private:
        await parts.languages.choose(parts.database, place.person.id, None if value == AS_APP else value)
        return
    new: dict[str, object] = {page: value}
    if page == "daily":
        new = {page: None if value == NO_LIMIT else int(value)}
    elif page == "weekly":
        new = {"weekly_since": (parts.chats.of(place.chat_id).weekly_since or time.time()) if value == ON else None}
    elif value in (USUAL, ANY):
        new = {page: None}
    await parts.chats.change(place.chat_id, **new, speaks=parts.language(place.person))


def _filled_in(parts: Parts, name: str) -> dict[str, object]:
    zone = datetime.now().astimezone().tzname() or ""
    if name == "daily":
        return {"zone": zone}
    weekly = parts.settings.weekly
    return {"day": weekly.day, "hour": weekly.hour, "zone": zone} if name == "weekly" else {}


def _title(parts: Parts, place: Place) -> str:
    return _say(parts, place, "settings-private" if place.private else "settings-group")


def _line(parts: Parts, place: Place, name: str) -> str:
    page, language = PAGES[name], parts.language(place.person)
    return _say(parts, place, f"settings-{name}", value=page.name(parts, language, page.chosen(parts, place)))


def _say(parts: Parts, place: Place, name: str, **values: object) -> str:
    return parts.words.say(parts.language(place.person), name, **values)
