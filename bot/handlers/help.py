"""/start and /help."""

from bot.handlers.admin_access import AdminAccess
from bot.handlers.oogiri import OogiriHandlers
from bot.handlers.routes import IncomingMessage, Route, command
from bot.messaging.messenger import Messenger


class HelpHandlers:
    """Answers /start and /help. `album_mode`: the setting `joke.album_mode`. `rounds` answers links to a round."""

    def __init__(self, messenger: Messenger, access: AdminAccess, rounds: OogiriHandlers, album_mode: str) -> None:
        self._messenger, self._access, self._album_mode, self._rounds = messenger, access, album_mode, rounds

    def routes(self) -> list[Route]:
        return [command("start", self.on_start), command("help", self.on_help)]

    async def on_start(self, incoming: IncomingMessage) -> None:
        if not await self._rounds.ask_secretly(incoming):
            await self._messenger.reply(incoming.message, "start")

    async def on_help(self, incoming: IncomingMessage) -> None:
        """Show how to use the bot; admins see their commands too."""
        key = "help-admin" if self._access.is_admin(incoming.user.id) else "help"
        await self._messenger.reply(incoming.message, key, bot=self._messenger.client.username, album=self._album_mode)
