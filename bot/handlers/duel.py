"""A duel: now and then the one who sent a photo gets the champion's joke and the candidate's, in random order, and chooses.

The duel's row is made first and says whose joke is A, so a bot that was killed goes on with the same duel. Where something
is missing (a model doesn't answer, the trial has ended, both jokes are the same) the photo gets a single joke as ever.
"""
import asyncio
import logging
import re
import secrets
from dataclasses import replace

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import Forbidden

from bot.engine.router import Arm
from bot.handlers.live import Live
from bot.handlers.telling import Asked
from bot.outgoing import Priority
from bot.parts import Parts
from storage.duels import Duel, begin_duel, choose, drop_duel, duel_of_update, get_duel, set_joke, show_duel
from storage.jokes import Joke, get_joke
from storage.photos import Photo
from storage.trials import open_trial

log = logging.getLogger(__name__)

SIDES = {"a": "🅰️", "b": "🅱️"}
PRESSED = re.compile(r"d:(?P<duel>\d{1,18}):(?P<choice>a|b|meh)")


async def tell_both(parts: Parts, asked: Asked, photo: Photo) -> bool:
    """Answer a photo with two jokes to choose from; False where it is to get a single one."""
    duel = await _find(parts, asked)
    if duel is None:
        return False
    language = parts.language(asked.person)
    async with Live(parts, asked.update_id, asked.chat_id, asked.message_id, language) as live:
        jokes = await _both(parts, asked, photo, duel, live)
        if jokes is None:
            await drop_duel(parts.database, duel.id)
            return False
        text = parts.words.say(language, "duel", a=jokes[0].text, b=jokes[1].text)
        try:
            await live.end(text, buttons(parts, language, duel.id), lambda message_id: show_duel(parts.database, duel.id, message_id))
        except Forbidden:
            log.info("duel %d can't be delivered: chat %d has shut the bot out", duel.id, asked.chat_id)
            return True
    log.info("update %d: duel %d of jokes %d and %d", asked.update_id, duel.id, jokes[0].id, jokes[1].id)
    return True


async def duel_pressed(parts: Parts, update: Update) -> None:
    """The first choice stands; then the message says what was chosen and loses its buttons."""
    query = update.callback_query
    if query is None:
        return
    language, match = parts.language(query.from_user), PRESSED.fullmatch(query.data or "")
    duel = await get_duel(parts.database, int(match["duel"])) if match else None
    if match is None or duel is None or not await _is_ours(parts, query, duel):
        await parts.messenger.answer_button(query, "button-unknown", alert=True)
        return
    if not await choose(parts.database, duel.id, match["choice"]):
        await parts.messenger.answer_button(query, "duel-again")
        return
    chosen = parts.words.say(language, f"duel-chosen-{match['choice']}")
    await parts.messenger.answer_button(query, f"duel-chosen-{match['choice']}")
    text = await _text(parts, language, duel)
    await parts.bot.edit_message_text(f"{text}\n\n{chosen}", duel.chat_id, query.message.message_id, rate_limit_args=Priority.FINAL)


def buttons(parts: Parts, language: str, duel_id: int) -> InlineKeyboardMarkup:
    """A, B, neither."""
    row = [InlineKeyboardButton(label, callback_data=f"d:{duel_id}:{choice}")
           for choice, label in {**SIDES, "meh": parts.words.say(language, "duel-meh")}.items()]
    return InlineKeyboardMarkup([row])


async def _find(parts: Parts, asked: Asked) -> Duel | None:
    """The duel that was begun for this update before a restart, or a new one where one is due."""
    every, canary = parts.settings.duel.every, parts.servers.router.canary
    begun = await duel_of_update(parts.database, asked.update_id)
    if begun or not every or canary is None or asked.chat_id != asked.person.id:
        return begun
    trial = await open_trial(parts.database)
    if trial is None or trial.candidate_id != canary.model.id:
        return None
    first = secrets.choice((trial.champion_id, trial.candidate_id))
    return await begin_duel(parts.database, trial.id, asked.update_id, asked.person.id, asked.chat_id, first, every=every)


async def _both(parts: Parts, asked: Asked, photo: Photo, duel: Duel, live: Live) -> tuple[Joke, Joke] | None:
    """A and B, made at the same time; None where two different jokes of the two models can't be had."""
    champion, candidate = parts.servers.router.champion, parts.servers.router.canary
    if candidate is None:
        return None
    first, second = (champion, candidate) if duel.first_model_id == champion.model.id else (candidate, champion)
    language = parts.joke_language(asked.person, asked.chat_id)
    asked = replace(asked, style=parts.chats.style(asked.chat_id, language, asked.style))  # one for both
    made = await asyncio.gather(_side(parts, asked, photo, duel, "a", first, live), _side(parts, asked, photo, duel, "b", second, live),
                                return_exceptions=True)
    for one in made:
        if isinstance(one, BaseException):
            log.warning("duel %d becomes a single joke: %s", duel.id, one)
            return None
    a, b = made
    return (a, b) if a.text != b.text and (a.model_id, b.model_id) == (first.model.id, second.model.id) else None


async def _side(parts: Parts, asked: Asked, photo: Photo, duel: Duel, side: str, arm: Arm, live: Live) -> Joke:
    kept = duel.joke_a if side == "a" else duel.joke_b
    if kept and (joke := await get_joke(parts.database, kept)):
        return joke
    joke = await parts.joker.joke(photo, person_id=asked.person.id, language=parts.joke_language(asked.person, asked.chat_id), style=asked.style,
                                  caption=asked.caption, arm=arm, on_place=live.place)
    await set_joke(parts.database, duel.id, side, joke.id)
    return joke


async def _is_ours(parts: Parts, query: CallbackQuery, duel: Duel) -> bool:
    """Whether the button is under that duel's message and pressed by the one who is asked.

    A message that was sent just before a crash is not noted yet: what Telegram's server says of it proves that it is ours.
    """
    message = query.message
    if message is None or query.from_user.id != duel.person_id or message.chat.id != duel.chat_id:
        return False
    if duel.message_id is None:
        markup = getattr(message, "reply_markup", None)
        shown = {button.callback_data for row in markup.inline_keyboard for button in row} if markup else set()
        ours = getattr(message, "from_user", None) and message.from_user.id == parts.bot.id
        if not ours or query.data not in shown:
            return False
        await show_duel(parts.database, duel.id, message.message_id)
        return True
    return duel.message_id == message.message_id


async def _text(parts: Parts, language: str, duel: Duel) -> str:
    a, b = [joke.text if (joke := await get_joke(parts.database, number)) else "…" for number in (duel.joke_a or 0, duel.joke_b or 0)]
    return parts.words.say(language, "duel", a=a, b=b)
