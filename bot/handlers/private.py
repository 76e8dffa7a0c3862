"""/privacy says what is kept; /private keeps a person out of what the model learns from, and lets them in again."""
from telegram import Update

from bot.parts import Parts
from storage.people import is_private, set_private


async def privacy(parts: Parts, update: Update) -> None:
    """What is kept of a person, for how long, and how to change that."""
    message, person = update.effective_message, update.effective_user
    if message is None or person is None:
        return
    backup = parts.settings.backup
    hours = round(backup.every_h * backup.keep)
    language, retention = parts.language(person), parts.settings.retention
    said = [parts.words.say(language, "private-state-on" if await is_private(parts.database, person.id) else "private-state-off")]
    kept = {"photos": retention.photos_days, "jokes": retention.jokes_days, "ratings": retention.ratings_days}
    said += [parts.words.say(language, f"privacy-kept-{what}", days=max(1, round(days))) for what, days in kept.items() if days]
    await parts.messenger.reply(message, "privacy", state="\n".join(said), days=max(1, round(hours / 24)))


async def private(parts: Parts, update: Update) -> None:
    """Change sides."""
    message, person = update.effective_message, update.effective_user
    if message is None or person is None:
        return
    private_now = not await is_private(parts.database, person.id)
    await set_private(parts.database, person.id, private_now)
    await parts.messenger.reply(message, "private-on" if private_now else "private-off")
