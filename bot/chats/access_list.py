"""Who may use the bot: admins, users and groups in the settings, and those whom an admin has let in."""

from collections.abc import Collection

from configs.chat import AccessSettings
from storage.chat import access
from storage.database import Database


class AccessList:
    """Decides who may use the bot. Users may use it in any chat, and everybody in a known group.

    `known_ids`: admins, users and groups of the settings. `is_open`: everybody may use it.
    `limits_strangers`: then with a limit of jokes a day for unknown chats.

    Decisions are rows; those that let a chat in are cached, because every update is checked against them.
    """

    def __init__(
        self, database: Database, settings: AccessSettings, admins: Collection[int], allowed: Collection[int]
    ) -> None:
        self._database, self._settings, self._admins = database, settings, frozenset(admins)
        self.known_ids = frozenset((*admins, *settings.users, *settings.chats))
        self._allowed = set(allowed)
        self.is_open = settings.strangers == "allow"
        self.limits_strangers = self.is_open and settings.stranger_jokes_per_day > 0

    @classmethod
    async def load(cls, database: Database, settings: AccessSettings, admins: Collection[int]) -> "AccessList":
        """With all decisions from the database."""
        return cls(database, settings, admins, await access.list_allowed(database))

    @property
    def asks_admins(self) -> bool:
        """Whether admins are asked about strangers. Without an admin there is no one to ask."""
        return self._settings.strangers == "ask" and bool(self._admins)

    @property
    def has_no_admin(self) -> bool:
        """Whether strangers would be let in by admins, but there are none."""
        return self._settings.strangers == "ask" and not self._admins

    def is_admin(self, user_id: int) -> bool:
        return user_id in self._admins

    async def may_use(self, user_id: int, chat_id: int) -> bool:
        """Whether a user may use the bot in a chat."""
        if self.is_open or self._is_known(user_id) or self._is_known(chat_id):
            return True
        record = await access.get_access(self._database, chat_id)  # a group may have a new id
        if record is None or record.state != "allowed":
            return False
        self._allowed.add(chat_id)
        return True

    def daily_limit(self, chat_id: int) -> int | None:
        """The most jokes a day of an unknown chat; None for no limit."""
        if not self.limits_strangers or self._is_known(chat_id):
            return None
        return self._settings.stranger_jokes_per_day

    def note_decision(self, chat_id: int, *, allowed: bool) -> None:
        """Apply an admin's decision, which is in the database already."""
        if allowed:
            self._allowed.add(chat_id)
        else:
            self._allowed.discard(chat_id)

    def _is_known(self, chat_id: int) -> bool:
        return chat_id in self.known_ids or chat_id in self._allowed


def describe_access(settings: AccessSettings, admins: Collection[int]) -> str:
    """Who may use the bot, in one sentence for the log and the doctor."""
    known = f"{len(admins)} admin(s), {len(settings.users)} user(s) and {len(settings.chats)} group(s) of the settings"
    if settings.strangers == "allow":
        limit = settings.stranger_jokes_per_day
        return f"everybody{f', strangers for {limit} jokes a day' if limit else ''}"
    if settings.strangers == "refuse":
        return f"{known}; strangers are refused"
    if admins:
        return f"{known}, and whom an admin lets in; admins are asked about strangers"
    return (
        f"{known}; no admin is configured, so strangers can't be let in. Send the bot a message: it tells you your "
        "Telegram id for JOKEBOT_TELEGRAM_ADMINS. JOKEBOT_ACCESS_STRANGERS=allow opens the bot to everybody"
    )
