"""Settings of the chat: the connection to Telegram, who may use the bot, limits per user and chat, weekly digest."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from configs.base import Count, Positive, SettingsSection, split_list

TOKEN_FORM = re.compile(r"\d{1,16}:[\w-]+", re.ASCII)
"""The bot's id and a secret part (https://core.telegram.org/bots/api#authorizing-your-bot)."""
MAX_TELEGRAM_ID = 2**52 - 1
"""Ids of users and chats have at most 52 bits (https://core.telegram.org/bots/api#user)."""
SHARED_IDS = frozenset((1087968824, 136817688, 777000))
"""User ids that many share: of anonymous administrators, of messages in a channel's name, and of Telegram itself."""


def check_not_shared(user_id: int) -> int:
    """Raises ValueError for an id of SHARED_IDS, which is no user's own."""
    if user_id in SHARED_IDS:
        raise ValueError(f"{user_id} is shared by all anonymous administrators or channels; use your own id")
    return user_id


UserId = Annotated[int, Field(ge=1, le=MAX_TELEGRAM_ID), AfterValidator(check_not_shared)]
GroupId = Annotated[int, Field(ge=-MAX_TELEGRAM_ID, le=-1)]


class TelegramSettings(SettingsSection):
    """Connection to Telegram or another Bot API server."""

    token: SecretStr = Field(
        SecretStr(""), description="Bot token from @BotFather. Prefer the variable JOKEBOT_TELEGRAM_TOKEN."
    )
    base_url: str = Field("https://api.telegram.org", description="Bot API server. `jokebot sandbox` is one too.")
    proxy: SecretStr = Field(
        SecretStr(""),
        description=(
            "HTTP proxy for calls to Telegram, such as http://127.0.0.1:7890. Empty: HTTPS_PROXY, HTTP_PROXY or "
            "ALL_PROXY, which hold for all other connections too."
        ),
    )
    mode: Literal["polling", "webhook"] = Field("polling", description="How updates arrive.")
    poll_timeout_s: int = Field(30, ge=0, description="Longest wait of one getUpdates call, seconds.")
    webhook_url: str = Field("", description="Public https address that Telegram calls. Only for mode `webhook`.")
    webhook_listen: str = Field(
        "127.0.0.1:8081", description="host:port on which the webhook listens, behind a reverse proxy."
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Secret that Telegram sends with each webhook call. Required in mode `webhook`."
    )
    admins: Annotated[list[UserId], BeforeValidator(split_list)] = Field(
        [], description="Telegram ids of the users who may give admin commands."
    )

    @property
    def has_token_form(self) -> bool:
        """Whether the token looks like one. Telegram decides whether it is."""
        return TOKEN_FORM.fullmatch(self.token.get_secret_value()) is not None

    @property
    def bot_id(self) -> int | None:
        """The bot's Telegram id, which is the part of the token before the colon; None for a token without one."""
        number = self.token.get_secret_value().partition(":")[0]
        return int(number) if number.isdecimal() and len(number) <= 16 else None


class AccessSettings(SettingsSection):
    """Who may use the bot, besides its admins (docs/access.md)."""

    strangers: Literal["ask", "refuse", "allow"] = Field(
        "ask",
        description=(
            "What happens to users and groups that are not known: `ask`: admins are asked with two buttons; `refuse`: "
            "they are turned away; `allow`: everybody may use the bot."
        ),
    )
    users: Annotated[list[UserId], BeforeValidator(split_list)] = Field(
        [], description="Telegram ids of users who may use the bot in any chat."
    )
    chats: Annotated[list[GroupId], BeforeValidator(split_list)] = Field(
        [], description="Telegram ids of groups in which everybody may use the bot. They are negative."
    )
    stranger_jokes_per_day: int = Field(
        0,
        ge=0,
        description="With `allow`: jokes a day for each user, and for each group, that is not known. 0: no limit.",
    )


class LimitSettings(SettingsSection):
    """Telegram's rate limits, and limits per user."""

    messages_per_s: Positive = Field(30.0, description="Calls that send or edit messages per second, over all chats.")
    chat_messages_per_s: Positive = Field(
        1.0, description="Calls that send or edit messages per second in one private chat."
    )
    group_messages_per_min: Positive = Field(
        20.0, description="Calls that send or edit messages per minute in one group."
    )
    concurrent_sends: Count = Field(
        1, description="New messages sent to Telegram concurrently. A killed bot repeats at most this many."
    )
    edit_interval_s: Positive = Field(
        1.2, description="Shortest time between two edits of a joke that is being written."
    )
    photo_bytes: Count = Field(
        20_000_000, description="Largest photo that the bot downloads, bytes. Telegram's own limit is 20 MB."
    )
    photo_pixels: Count = Field(52_000_000, description="Largest photo that the bot decodes, width × height.")
    photo_memory_mb: Count = Field(320, description="Memory for decoding one photo, MB. Larger JPEGs are made smaller.")
    photo_cpu_s: Positive = Field(10.0, description="CPU time for decoding one photo, seconds.")
    decoders: Count = Field(2, description="Photos decoded concurrently, each in a process of its own.")
    max_queued_photos_per_user: Count = Field(20, description="Photos that one user may have in the queue.")
    max_queued_photos: Count = Field(2000, description="Photos of all users in the queue.")
    album_wait_s: float = Field(
        2.0, ge=0, description="Seconds to wait for a caption after the newest photo of an album."
    )
    album_mention_wait_s: float = Field(
        15.0, ge=0, description="Seconds to wait in a group for an album photo that mentions the bot."
    )
    concurrent_updates: Count = Field(
        256, description="Updates handled concurrently. Further updates wait in the inbox."
    )


class PunchlineSettings(SettingsSection):
    """Punchlines: jokes that users write in reply to the bot's, with /better or ✍️ (docs/punchlines.md)."""

    per_day: int = Field(
        10, ge=0, description="Punchlines that one user can write in 24 hours. 0 turns punchlines off."
    )
    max_length: Count = Field(300, description="Longest punchline, characters.")
    edit_s: float = Field(
        60.0, ge=0, description="Seconds in which its author can correct a punchline by editing their message."
    )


class OogiriSettings(SettingsSection):
    """Rounds of Oogiri in groups, begun with /oogiri (docs/punchlines.md)."""

    rounds_per_day: int = Field(20, ge=0, description="Rounds of one group in 24 hours. 0 turns them off.")
    collect_minutes: Positive = Field(5.0, description="Minutes in which a round collects punchlines.")
    vote_minutes: Positive = Field(5.0, description="Minutes in which users vote.")
    pack: str = Field(
        "",
        description=(
            "Folder or zip file of pictures that may be used freely, with a table of their licences (docs/oogiri.md). "
            "/oogiri without a photo and rounds at an hour of the day take a picture from it. Empty: no pack."
        ),
    )
    hour: int = Field(
        -1,
        ge=-1,
        le=23,
        description=(
            "Hour of the day, in the time zone of this machine, at which the bot begins a round in active groups that "
            "have chosen nothing else in /settings. -1: none. Needs `pack`."
        ),
    )
    unplayed_rounds: int = Field(
        3,
        ge=0,
        description=(
            "After so many rounds in succession without a user's entry, a group gets no further rounds at its hour "
            "until a user plays a round of /oogiri or chooses the hour again. 0: rounds go on."
        ),
    )


class DigestSettings(SettingsSection):
    """The best jokes of the week, in chats that turned it on in /settings."""

    day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = Field("sun", description="Day of the post.")
    hour: int = Field(18, ge=0, le=23, description="Hour of the post, in the time zone of this machine.")
    photos: int = Field(3, ge=1, le=5, description="Most photos in one post.")
    rated: Count = Field(
        5, description="Rated jokes that a chat needs in a week. With fewer, the bot posts nothing there."
    )
