"""/start, /help and /stats."""
from telegram import Update

from bot.handlers.admin import is_admin
from bot.handlers.saying import say
from bot.parts import Parts
from storage import stats


async def start(parts: Parts, update: Update) -> None:
    if update.effective_message:
        await say(parts, update.effective_message, "start")


async def show_help(parts: Parts, update: Update) -> None:
    if update.effective_message:
        await say(parts, update.effective_message, "help-admin" if is_admin(parts, update.effective_user) else "help", bot=parts.bot.username)


async def show_stats(parts: Parts, update: Update) -> None:
    """The person's numbers and everybody's."""
    message, person = update.effective_message, update.effective_user
    if message is None or person is None:
        return
    mine, ours = await stats.of_person(parts.database, person.id), await stats.overall(parts.database)
    numbers = {"photos": mine.photos, "jokes": mine.jokes, "ratings": mine.ratings, "liking": round(100 * mine.liking),
               "all-photos": ours.photos, "all-jokes": ours.jokes, "all-ratings": ours.ratings, "all-liking": round(100 * ours.liking)}
    await say(parts, message, "stats", **numbers)
