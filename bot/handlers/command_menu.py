"""The command menu of Telegram's apps, made from the routes."""

from collections.abc import Collection, Sequence
from contextlib import suppress

from telegram import BotCommand, BotCommandScopeChat
from telegram.error import TelegramError

from bot.handlers.routes import Route
from bot.i18n.translator import Translator
from bot.runtime.periodic import Periodic
from bot.telegram.client import TelegramClient

RETRY_S = 60.0
COMMANDS = (
    "start",
    "help",
    "joke",
    "explain",
    "better",
    "oogiri",
    "best",
    "mine",
    "stats",
    "style",
    "settings",
    "language",
    "privacy",
    "private",
    "forget",
)
ADMIN_COMMANDS = (
    "status",
    "retrain",
    "runs",
    "review",
    "models",
    "promote",
    "rollback",
    "users",
    "ban",
    "unban",
    "requests",
)
"""In the order of the menu. The routes state the commands too; `add_routes` fails where the two differ.

The reference page and the tests of translations need the names without a bot whose handlers could be asked.
"""


def menu_commands(routes: Sequence[Route], *, for_admins: bool = False) -> list[str]:
    """The commands in the order of their routes; those of admins last, and only with `for_admins`."""
    users = [route.command for route in routes if route.command and not route.admin_only]
    admins = [route.command for route in routes if route.command and route.admin_only]
    return [*users, *admins] if for_admins else users


class CommandMenu:
    """The menu of one bot. `admins` are Telegram user ids."""

    def __init__(
        self, client: TelegramClient, translator: Translator, admins: Collection[int], routes: Sequence[Route]
    ) -> None:
        self._client, self._translator, self._admins, self._routes = client, translator, admins, routes

    def job(self) -> Periodic:
        """`publish` once, again after RETRY_S where that fails."""
        return Periodic("command-menu", RETRY_S, self.publish, once=True)

    async def publish(self) -> None:
        """Set the menu in every language, and in the default one for other languages. Admins get their commands too."""
        await self._set(menu_commands(self._routes), None)
        for admin_id in self._admins:
            await self._set(menu_commands(self._routes, for_admins=True), BotCommandScopeChat(admin_id))

    async def _set(self, names: list[str], scope: BotCommandScopeChat | None) -> None:
        translator = self._translator
        for language in translator.languages:
            commands = [BotCommand(name, translator.format(language, f"command-{name}")) for name in names]
            with suppress(TelegramError):  # an admin who never wrote to the bot has no chat
                if language == translator.language(None):
                    await self._client.set_my_commands(commands, scope)
                await self._client.set_my_commands(commands, scope, language_code=language)
