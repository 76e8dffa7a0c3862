"""/start and /help."""
from telegram import Update

from bot.handlers.admin import is_admin
from bot.parts import Parts


async def start(parts: Parts, update: Update) -> None:
    if update.effective_message:
        await parts.messenger.reply(update.effective_message, "start")


async def show_help(parts: Parts, update: Update) -> None:
    if update.effective_message:
        name = "help-admin" if is_admin(parts, update.effective_user) else "help"
        await parts.messenger.reply(update.effective_message, name, bot=parts.bot.username, album=parts.settings.joke.album)
