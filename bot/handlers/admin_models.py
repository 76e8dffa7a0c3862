"""/models lists the registry, /promote N and /rollback change who is in service."""
from telegram import Message, Update

from bot.handlers.admin import Decided, answer, ask, words_after
from bot.loop.reasons import in_words
from bot.loop.service import Change, Service
from bot.outgoing import Priority
from bot.parts import Parts
from configs.errors import JokebotError
from storage import models, promotion
from storage.measures import ratings_by_model
from storage.models import Model, RegistryError
from storage.reasons import Reason

MARKS = {"champion": "⭐", "canary": "🧪", "candidate": "🆕", "base": "🧱", "retired": "💤", "rejected": "🙅"}
SHOWN = 15
ASKED = Reason("An admin asked for it.", "admin")


async def show_models(parts: Parts, update: Update) -> None:
    """The latest models with their status and how their jokes are liked."""
    message = update.effective_message
    if message is None:
        return
    known, counted = await models.every(parts.database), await ratings_by_model(parts.database)
    if not known:
        await parts.messenger.reply(message, "models-none")
        return
    language = parts.language(message.from_user)
    lines = [parts.words.say(language, "models-title"), ""]
    for model in _latest(known):
        given = {value: counted.get((model.name, value), 0) for value in (1, 2, 3)}
        ratings = sum(given.values())
        lines.append(parts.words.say(language, "models-line", mark=MARKS[model.status], model=model.id, called=model.name,
                                     status=parts.words.say(language, f"model-status-{model.status}"), ratings=ratings,
                                     liking=round(100 * (given[2] + given[3]) / ratings) if ratings else 0))
    await answer(parts, message, "\n".join(lines))


def _latest(known: list[Model]) -> list[Model]:
    """The newest ones, and those that anybody looks for: the one in service and the bases."""
    newest = known[::-1]
    return newest[:SHOWN] + [model for model in newest[SHOWN:] if model.status == "champion" or model.is_base]


async def promote(parts: Parts, update: Update) -> None:
    """Ask first, which model shall take whose place."""
    message = update.effective_message
    if message is None:
        return
    match words_after(message):
        case [number] if number.lstrip("#").isdecimal() and len(number) < 18:
            await _ask(parts, message, int(number.lstrip("#")))
        case _:
            await parts.messenger.reply(message, "promote-how")


async def _ask(parts: Parts, message: Message, number: int) -> None:
    serving = await models.champion(parts.database)
    try:
        model = await models.find(parts.database, number)
    except RegistryError:
        model = None
    if model is None or model.id != number or serving is None:
        await parts.messenger.reply(message, "promote-unknown", model=number)
        return
    if model.id == serving.id:
        await parts.messenger.reply(message, "promote-already", model=number)
        return
    try:
        await promotion.may_serve(parts.database, number)
    except RegistryError as error:
        await parts.messenger.reply(message, "promote-failed", why=in_words(parts.words, parts.language(message.from_user), error))
        return
    text = parts.words.say(parts.language(message.from_user), "promote-ask", model=number, called=model.name, champion=serving.id,
                           **{"champion-name": serving.name})
    await ask(parts, message, "promote", number, text)


async def promote_decided(parts: Parts, update: Update, pressed: Decided) -> None:
    """Change, and say how that went in the question's place."""
    query = update.callback_query
    if query is None or query.message is None:
        return
    language, place = parts.language(query.from_user), (query.message.chat.id, query.message.message_id)

    async def show(name: str, **values: object) -> None:
        await parts.bot.edit_message_text(parts.words.say(language, name, **values), *place, rate_limit_args=Priority.FINAL)

    await parts.messenger.answer_button(query)
    if not pressed.yes:
        await show("promote-left")
        return
    await show("promote-under-way", model=pressed.number)
    try:
        change = await _service(parts).promote(pressed.number, "admin", reason=ASKED, asked_by=query.from_user.id)
    except JokebotError as error:
        await show("promote-failed", why=in_words(parts.words, language, error))
        return
    await show("promote-done", model=change.model.id, seconds=_seconds(change))


async def rollback(parts: Parts, update: Update) -> None:
    """Back at once: whoever asks for this is in a hurry, and /promote undoes it."""
    message, person = update.effective_message, update.effective_user
    if message is None or person is None:
        return
    if await promotion.predecessor(parts.database) is None:
        serving = await models.champion(parts.database)
        await parts.messenger.reply(message, "rollback-none", model=serving.id if serving else 0)
        return
    try:
        change = await _service(parts).roll_back(reason=ASKED, asked_by=person.id)
    except JokebotError as error:
        await parts.messenger.reply(message, "promote-failed", why=in_words(parts.words, parts.language(message.from_user), error))
        return
    await parts.messenger.reply(message, "rollback-done", model=change.model.id, called=change.model.name, seconds=_seconds(change))


def _service(parts: Parts) -> Service:
    if parts.conductor is None:
        raise JokebotError("The bot is only just starting; try again in a moment.", code="starting")
    return parts.conductor.service


def _seconds(change: Change) -> str:
    return f"{change.seconds:.1f}" if change.seconds < 10 else f"{change.seconds:.0f}"
