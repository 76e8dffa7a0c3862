"""/status: how everything is."""
from telegram import Update

from bot.handlers.admin import answer
from bot.parts import Parts
from bot.status import Status


async def show_status(parts: Parts, update: Update) -> None:
    """A line for each thing, at once."""
    message = update.effective_message
    if message:
        await answer(parts, message, await Status(parts, parts.language(message.from_user)).text())
