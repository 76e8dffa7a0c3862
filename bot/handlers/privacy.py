"""/privacy shows what is stored of a user; /private turns the use of their photos and ratings in training off or on."""

from bot.handlers.routes import IncomingMessage, Route, command
from bot.messaging.messenger import Messenger
from bot.telegram.senders import is_chat_sender
from configs.safety import RetentionSettings
from configs.settings import BackupSettings
from storage.chat.consent import is_private, set_private
from storage.database import Database


class PrivacyHandlers:
    """Answers /privacy and /private."""

    def __init__(
        self, messenger: Messenger, database: Database, retention: RetentionSettings, backup: BackupSettings
    ) -> None:
        self._messenger, self._database = messenger, database
        self._retention, self._backup = retention, backup

    def routes(self) -> list[Route]:
        return [command("privacy", self.on_privacy), command("private", self.on_private)]

    async def on_privacy(self, incoming: IncomingMessage) -> None:
        """Show what is stored of the user, for how long, and how to change that."""
        user, retention = incoming.user, self._retention
        key = "private-state-on" if await is_private(self._database, user.id) else "private-state-off"
        lines = [self._messenger.text(user, key)]
        retained_days = {
            "photos": retention.photos_days,
            "jokes": retention.jokes_days,
            "ratings": retention.ratings_days,
        }
        lines += [
            self._messenger.text(user, f"privacy-kept-{what}", days=max(1, round(days)))
            for what, days in retained_days.items()
            if days
        ]
        backup_hours = round(self._backup.every_h * self._backup.keep)
        await self._messenger.reply(
            incoming.message, "privacy", state="\n".join(lines), days=max(1, round(backup_hours / 24))
        )

    async def on_private(self, incoming: IncomingMessage) -> None:
        """Toggle whether the user's data is used for training, or what is sent in the name of the sender's chat."""
        private = not await is_private(self._database, incoming.user.id)
        await set_private(self._database, incoming.user.id, private)
        key = f"private-{'on' if private else 'off'}{'-chat' if is_chat_sender(incoming.user) else ''}"
        await self._messenger.reply(incoming.message, key)
