"""/status: the state of the bot."""

from collections.abc import Awaitable, Callable

from bot.handlers.admin_access import AdminAccess
from bot.handlers.routes import IncomingMessage, Route
from bot.messaging.messenger import Messenger


class StatusAdmin:
    """Answers /status. `report` returns the text in a language."""

    def __init__(self, messenger: Messenger, access: AdminAccess, report: Callable[[str], Awaitable[str]]) -> None:
        self._messenger, self._access, self._report = messenger, access, report

    def routes(self) -> list[Route]:
        return [self._access.command("status", self.on_status)]

    async def on_status(self, incoming: IncomingMessage) -> None:
        """Reply with the report."""
        await self._messenger.reply_text(incoming.message, await self._report(self._messenger.language(incoming.user)))
