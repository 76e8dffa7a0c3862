"""The data of all buttons under messages: one class each, `encode` and `decode`.

Telegram keeps old messages, so these formats don't change: r:JOKE:VALUE, a:JOKE, n:ALBUM_PHOTO, d:DUEL:CHOICE,
f:USER:ANSWER, l:USER:LANGUAGE, c:PAGE[:VALUE], v:ANSWER:JOKE, u:PAGE, x:ANSWER:REQUEST, s:THEME,
yes:USER:WHAT:NUMBER, no:USER:WHAT:NUMBER, h:JOKE, y:JOKE, w:ANSWER:JOKE:USER, b:JOKE, p:PUNCHLINE, z:JOKE,
e:ROUND, o:ROUND:NUMBER, m:LIST:USER:PLACE:STEP, k:RUN:PAGE.

A modified client can send any data: decoding proves nothing about who may press the button.
"""

import re
from dataclasses import dataclass, fields
from typing import ClassVar, Self

from storage.chat.duels import Choice

ID = r"\d{1,18}"


@dataclass(frozen=True)
class CallbackData:
    """One kind of button. PATTERN has a named group for each field; fields annotated `int` become numbers."""

    PREFIX: ClassVar[str] = ""
    PATTERN: ClassVar[re.Pattern[str]]
    REJECTION: ClassVar[str] = "button-unknown"
    """The key of the rejection for other users' presses, and for data with this prefix that doesn't decode."""

    def encode(self) -> str:
        """The button's callback_data."""
        values = [getattr(self, field.name) for field in fields(self)]
        return self.PREFIX + ":".join(str(value) for value in values if value is not None)

    @classmethod
    def decode(cls, data: str | None) -> Self | None:
        """The decoded button; None for data of another kind."""
        match = cls.PATTERN.fullmatch(data or "")
        if match is None:
            return None
        values = {field.name: match[field.name] for field in fields(cls)}
        return cls(
            **{
                field.name: int(values[field.name]) if field.type is int else values[field.name]
                for field in fields(cls)
            }
        )


def rejection_key(data: str | None) -> str:
    """The key of the rejection for a button that no route matches."""
    kinds = (kind for kind in CallbackData.__subclasses__() if kind.PREFIX and (data or "").startswith(kind.PREFIX))
    return next(kinds, CallbackData).REJECTION


def _pattern(prefix: str, **groups: str) -> re.Pattern[str]:
    return re.compile(prefix + ":".join(f"(?P<{name}>{pattern})" for name, pattern in groups.items()))


@dataclass(frozen=True)
class RateButton(CallbackData):
    """A rating of a joke."""

    PREFIX, PATTERN = "r:", _pattern("r:", joke_id=ID, value="[123]")
    joke_id: int
    value: int


@dataclass(frozen=True)
class AnotherJokeButton(CallbackData):
    """Another joke about the photo of `joke_id`."""

    PREFIX, PATTERN = "a:", _pattern("a:", joke_id=ID)
    joke_id: int


@dataclass(frozen=True)
class FlagButton(CallbackData):
    """Hides a joke."""

    PREFIX, PATTERN = "h:", _pattern("h:", joke_id=ID)
    joke_id: int


@dataclass(frozen=True)
class UnflagButton(CallbackData):
    """Shows a hidden joke again."""

    PREFIX, PATTERN = "y:", _pattern("y:", joke_id=ID)
    joke_id: int


@dataclass(frozen=True)
class FlagDecisionButton(CallbackData):
    """An admin's decision about a flagged joke: "restore", "keep" (hidden), or "ban" of `user_id`, which is else 0."""

    PREFIX, PATTERN = "w:", _pattern("w:", answer="restore|keep|ban", joke_id=ID, user_id=ID)
    REJECTION = "not-your-button"
    answer: str
    joke_id: int
    user_id: int


@dataclass(frozen=True)
class BetterButton(CallbackData):
    """Asks the user for a punchline, in answer to a joke."""

    PREFIX, PATTERN = "b:", _pattern("b:", joke_id=ID)
    joke_id: int


@dataclass(frozen=True)
class PublishButton(CallbackData):
    """The author's consent to show a first punchline."""

    PREFIX, PATTERN = "p:", _pattern("p:", punchline_id=ID)
    punchline_id: int


@dataclass(frozen=True)
class WithdrawButton(CallbackData):
    """Deletes the punchline `joke_id`."""

    PREFIX, PATTERN = "z:", _pattern("z:", joke_id=ID)
    joke_id: int


@dataclass(frozen=True)
class EndRoundButton(CallbackData):
    """Ends the collecting of entries, or the voting."""

    PREFIX, PATTERN = "e:", _pattern("e:", round_id=ID)
    round_id: int


@dataclass(frozen=True)
class VoteButton(CallbackData):
    """A vote for the entry with that number on the ballot, or its withdrawal."""

    PREFIX, PATTERN = "o:", _pattern("o:", round_id=ID, position=r"\d{1,3}")
    round_id: int
    position: int


@dataclass(frozen=True)
class AlbumPhotoButton(CallbackData):
    """A joke about another photo of the album."""

    PREFIX, PATTERN = "n:", _pattern("n:", album_photo_id=ID)
    album_photo_id: int


@dataclass(frozen=True)
class DuelButton(CallbackData):
    """The choice between two jokes: "a", "b" or "meh"."""

    PREFIX, PATTERN = "d:", _pattern("d:", duel_id=ID, choice="a|b|meh")
    duel_id: int
    choice: Choice


@dataclass(frozen=True)
class ForgetButton(CallbackData):
    """The answer ("yes" or "no") to the confirmation of /forget.

    `user_id`: the user who asked, or the group in whose name an administrator asked.
    """

    PREFIX, PATTERN = "f:", _pattern("f:", user_id=f"-?{ID}", answer="yes|no")
    REJECTION = "forget-not-yours"
    user_id: int
    answer: str


@dataclass(frozen=True)
class LanguageButton(CallbackData):
    """The language that a user has chosen; "app" for that of their app."""

    PREFIX, PATTERN = "l:", _pattern("l:", user_id=ID, language=r"[\w-]{1,32}")
    REJECTION = "not-your-button"
    user_id: int
    language: str


@dataclass(frozen=True)
class SettingsButton(CallbackData):
    """A page of /settings, or the choice of a value on it."""

    PREFIX, PATTERN = "c:", re.compile(r"c:(?P<page>[a-z]{1,16})(?::(?P<value>[\w-]{1,32}))?")
    page: str
    value: str | None = None


@dataclass(frozen=True)
class ReviewButton(CallbackData):
    """An admin's decision ("keep" or "drop") about a joke that a run would learn."""

    PREFIX, PATTERN = "v:", _pattern("v:", answer="keep|drop", joke_id=ID)
    REJECTION = "not-your-button"
    answer: str
    joke_id: int


@dataclass(frozen=True)
class UsersPageButton(CallbackData):
    """A page of /users, from 1 on."""

    PREFIX, PATTERN = "u:", _pattern("u:", page=r"\d{1,6}")
    REJECTION = "not-your-button"
    page: int


@dataclass(frozen=True)
class AccessButton(CallbackData):
    """An admin's answer ("yes" or "no") to whether a stranger or a group may use the bot."""

    PREFIX, PATTERN = "x:", _pattern("x:", answer="yes|no", access_id=ID)
    REJECTION = "not-your-button"
    answer: str
    access_id: int


@dataclass(frozen=True)
class StatsButton(CallbackData):
    """The picture of /stats in the theme "light" or "dark"."""

    PREFIX, PATTERN = "s:", _pattern("s:", theme="light|dark")
    REJECTION = "not-your-button"
    theme: str


@dataclass(frozen=True)
class JokeListButton(CallbackData):
    """The joke at `place` (1 is the first) of /best or of the /mine of `user_id`, which for /best is 0.

    `step` (1 or -1) leads to the one that is shown instead if that joke's photo is gone.
    """

    PREFIX, PATTERN = "m:", _pattern("m:", name="best|mine", user_id=f"-?{ID}", place=r"\d{1,9}", step="-?1")
    REJECTION = "not-your-button"
    name: str
    user_id: int
    place: int
    step: int


@dataclass(frozen=True)
class BeforeAfterButton(CallbackData):
    """Show a page of both models' jokes under a run's outcome; page 0 is the outcome's own picture."""

    PREFIX, PATTERN = "k:", _pattern("k:", run_id=ID, page=r"\d{1,4}")
    run_id: int
    page: int


@dataclass(frozen=True)
class Confirmation(CallbackData):
    """The answer ("yes" or "no") of the admin who was asked about `what` (as "promote") and its `number`.

    Each kind of question is a subclass, which names its `what`.
    """

    PATTERN = _pattern("", answer="yes|no", user_id=ID, what="[a-z]{1,16}", number=ID)
    REJECTION = "not-your-button"
    WHAT: ClassVar[str] = ""
    answer: str
    user_id: int
    what: str
    number: int


class PromoteConfirmation(Confirmation):
    """Whether to deploy model `number`."""

    WHAT = "promote"
    PATTERN = _pattern("", answer="yes|no", user_id=ID, what=WHAT, number=ID)


class RetrainConfirmation(Confirmation):
    """Whether to start a run; `number` is how many new jokes it would learn from."""

    WHAT = "retrain"
    PATTERN = _pattern("", answer="yes|no", user_id=ID, what=WHAT, number=ID)
