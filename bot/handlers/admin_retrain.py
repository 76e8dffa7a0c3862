"""/retrain asks and begins, /retrain cancel stops, /runs looks back."""
import contextlib
import re

from telegram import Message, Update

from bot.handlers.admin import Decided, answer, ask, words_after
from bot.handlers.privacy import close
from bot.handlers.rating import respond
from bot.handlers.saying import say
from bot.loop import processes
from bot.loop.progress import day_and_time, duration
from bot.loop.reasons import in_words
from bot.outgoing import Shed
from bot.parts import Parts
from storage import runs, trials
from storage.learning.retrain_preview import PreviewError, RetrainPreview
from storage.runs import BusyError, Run

MARKS = {"promoted": "✅", "rejected": "🙅", "undecided": "🤷", "failed": "⚠️", "cancelled": "✋", "canary": "🧪"}
SHOWN = 10


async def retrain(parts: Parts, update: Update) -> None:
    """Ask first, with what it would learn from; or say why not now."""
    message = update.effective_message
    if message is None:
        return
    match words_after(message):
        case []:
            run = await runs.current_run(parts.database)
            if run:
                await _busy(parts, message, run)
            else:
                await _ask(parts, message)
        case ["cancel"]:
            await _cancel(parts, message)
        case _:
            await say(parts, message, "retrain-how")


async def _ask(parts: Parts, message: Message) -> None:
    with contextlib.suppress(Shed):
        await parts.bot.send_chat_action(message.chat.id, "typing")
    language, wanted = parts.language(message.from_user), parts.settings.retrain.minimum_pairs
    try:
        found = await processes.look(parts.settings)
    except PreviewError as error:
        await say(parts, message, "retrain-cannot-look", why=str(error))
        return
    if found.new < wanted:
        await say(parts, message, "retrain-too-little", new=found.new, wanted=wanted)
        return
    await ask(parts, message, "retrain", found.new, await _question(parts, found, language))


async def _question(parts: Parts, found: RetrainPreview, language: str) -> str:
    """How many pairs, from how many people, how long, and what happens to service."""
    return parts.words.say(language, "retrain-ask", new=found.new, replayed=found.replayed, people=found.people,
                           time=await _how_long(parts, found, language),
                           service=parts.words.say(language, f"retrain-service-{service(parts)}"))


async def _how_long(parts: Parts, found: RetrainPreview, language: str) -> str:
    """By the last runs here; before the first by what was measured elsewhere, which is named."""
    seconds = await runs.expected_seconds(parts.database, found.new + found.replayed)
    if seconds is not None:
        return parts.words.say(language, "retrain-time", time=duration(parts.words, language, seconds))
    if found.training is None:
        return parts.words.say(language, "retrain-time-unknown")
    return parts.words.say(language, f"retrain-time-by-{found.training['basis']}", time=duration(parts.words, language, found.training["seconds"]))


def service(parts: Parts) -> str:
    """What happens to the service during a run: `url` (not ours), `sleep` or `beside`."""
    if parts.settings.engine.kind == "url":
        return "url"
    return "sleep" if parts.settings.servers.sleep_while_training else "beside"


async def retrain_decided(parts: Parts, update: Update, pressed: Decided) -> None:
    """Begin a run, unless another one has begun since the question; in a private chat its message is the question's."""
    query = update.callback_query
    if query is None or query.message is None:
        return
    language, chat_id = parts.language(query.from_user), query.message.chat.id
    if not pressed.yes:
        await close(parts, query, parts.words.say(language, "retrain-left"))
        return
    try:
        run = await runs.create_run(parts.database, "admin", asked_by=query.from_user.id)
    except BusyError as error:
        await close(parts, query, parts.words.say(language, "retrain-busy", run=error.run.id, what=parts.words.say(language, f"run-state-{error.run.state}")))
        return
    if chat_id == query.from_user.id:
        await runs.follow(parts.database, run.id, chat_id, query.message.message_id)
        await respond(query, "")
    else:
        await close(parts, query, parts.words.say(language, "retrain-started", run=run.id))
    if parts.conductor:
        parts.conductor.wake()


async def _busy(parts: Parts, message: Message, run: Run) -> None:
    language = parts.language(message.from_user)
    if run.state != "canary":
        await say(parts, message, "retrain-busy", run=run.id, what=parts.words.say(language, f"run-state-{run.state}"))
        return
    trial = await trials.trial_of_run(parts.database, run.id)
    await say(parts, message, "retrain-on-trial", model=run.candidate_id or 0, wanted=parts.settings.canary.ratings,
              ratings=await trials.trial_ratings(parts.database, trial) if trial else 0)


async def _cancel(parts: Parts, message: Message) -> None:
    run = await runs.current_run(parts.database)
    if run is None:
        await say(parts, message, "retrain-cancel-none")
        return
    await runs.request_cancel(parts.database, run.id)
    if parts.conductor:
        parts.conductor.wake()
    await say(parts, message, "retrain-cancelling", run=run.id)


async def show_runs(parts: Parts, update: Update) -> None:
    """The latest runs, newest first, and why those ended that came to nothing."""
    message = update.effective_message
    if message is None:
        return
    language, lines = parts.language(message.from_user), []
    for run in await runs.history(parts.database, SHOWN):
        took = duration(parts.words, language, run.finished_at - run.created_at) if run.finished_at else "none"
        lines.append(parts.words.say(language, "runs-line", mark=MARKS.get(run.state, "🎓"), run=run.id, when=day_and_time(run.created_at),
                                     what=parts.words.say(language, f"run-state-{run.state}"), time=took))
        if run.reason and run.finished:
            lines.append(f"    {first_sentence(in_words(parts.words, language, run.why))}")
    if lines:
        await answer(parts, message, "\n".join(lines))
    else:
        await say(parts, message, "runs-none")


def first_sentence(text: str, most: int = 160) -> str:
    """The beginning of a reason, short enough for a list."""
    line = text.strip().splitlines()[0]
    sentence = re.split(r"(?<=[.!?]) |(?<=。)", line)[0]
    return f"{sentence[:most].rstrip()}…" if len(sentence) > most else sentence


