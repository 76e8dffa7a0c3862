"""/status: how everything is."""
from telegram import Update

from bot.handlers.admin import answer
from bot.parts import Parts


async def show_status(parts: Parts, update: Update) -> None:
    """A line for each thing, at once."""
    message = update.effective_message
    if message and parts.status:
        await answer(parts, message, await parts.status.text(parts.language(message.from_user)))
