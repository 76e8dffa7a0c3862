"""/retrain asks and starts a run, /retrain cancel stops it, /runs lists the latest ones."""

import contextlib
import re

from telegram import Message, User

from bot.experiments.forecast import forecast_text
from bot.handlers.admin_access import AdminAccess
from bot.handlers.callback_data import RetrainConfirmation
from bot.handlers.routes import ButtonPress, IncomingMessage, Route
from bot.i18n.formatting import day_and_time, duration
from bot.i18n.localizer import Localizer
from bot.i18n.reasons import reason_text
from bot.messaging.messenger import Messenger
from bot.retraining import pipeline_process
from bot.retraining.orchestrator import RunOrchestrator
from bot.telegram.message_parsing import command_arguments
from bot.telegram.rate_limiter import CallDropped
from configs.settings import Settings
from storage.database import Database
from storage.learning import run_notices, runs, trials
from storage.learning.retrain_preview import PreviewError, RetrainPreview
from storage.learning.runs import Run, RunInProgress

MARKS = {"promoted": "✅", "rejected": "🙅", "undecided": "🤷", "failed": "⚠️", "cancelled": "✋", "canary": "🧪"}
MAX_SHOWN = 10
LEFT_OUT = {
    "photo held out": "held-out",
    "photo near to both sides": "near",
    "enough of its photo": "photo",
    "enough of its text": "text",
    "enough decided by one person": "user",
    "no room": "room",
}
"""The message part for each reason why a liked joke is not taken, in the order of the text."""


def left_out_text(preview: RetrainPreview, localize: Localizer) -> str:
    """Why some liked jokes are not learnt, with their numbers; empty if all are."""
    parts = [
        localize(f"retrain-left-{name}", count=preview.left_out[reason])
        for reason, name in LEFT_OUT.items()
        if preview.left_out.get(reason)
    ]
    if not parts:
        return ""
    liked = preview.new + preview.replayed + sum(preview.left_out.get(reason, 0) for reason in LEFT_OUT)
    return localize("retrain-left-out", liked=liked, parts=localize("list-comma").join(parts))


class RetrainAdmin:
    """Starts, cancels and lists runs; wakes `orchestrator` after each change."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        access: AdminAccess,
        orchestrator: RunOrchestrator,
        settings: Settings,
    ) -> None:
        self._messenger, self._database, self._access = messenger, database, access
        self._orchestrator, self._settings = orchestrator, settings

    def routes(self) -> list[Route]:
        access = self._access
        return [
            access.command("retrain", self.on_retrain),
            access.command("runs", self.on_runs),
            access.confirmation(RetrainConfirmation, self.on_retrain_answer),
        ]

    async def on_retrain(self, incoming: IncomingMessage) -> None:
        """Ask for confirmation of a run, cancel one, or reply why none can start."""
        match command_arguments(incoming.message):
            case []:
                run = await runs.current_run(self._database)
                await (self._reply_busy(incoming, run) if run else self._ask(incoming))
            case ["cancel"]:
                await self._cancel(incoming.message)
            case _:
                await self._messenger.reply(incoming.message, "retrain-how")

    async def _ask(self, incoming: IncomingMessage) -> None:
        message, minimum = incoming.message, self._settings.retrain.min_pairs
        with contextlib.suppress(CallDropped):
            await self._messenger.client.send_chat_action(message.chat.id, "typing")
        try:
            preview = await pipeline_process.preview_retraining(self._settings)
        except PreviewError as error:
            await self._messenger.reply(message, "retrain-cannot-look", why=str(error))
            return
        if preview.new < minimum:
            text = self._messenger.text(incoming.user, "retrain-too-little", new=preview.new, wanted=minimum)
            left_out = left_out_text(preview, self._localizer(incoming.user))
            await self._messenger.reply_text(message, "\n\n".join(filter(None, [text, left_out])))
            return
        text = await self._question(preview, incoming.user)
        await self._access.ask_confirmation(incoming, RetrainConfirmation, preview.new, text)

    async def _question(self, preview: RetrainPreview, user: User) -> str:
        """The question: the number of jokes and raters, the duration, and the effect on the service."""
        service = self._messenger.text(user, f"retrain-service-{self._service_during_run()}")
        return self._messenger.text(
            user,
            "retrain-ask",
            new=preview.new,
            replayed=preview.replayed,
            left=left_out_text(preview, self._localizer(user)) or "none",
            people=preview.people,
            time=await self._expected_time(preview, user),
            verdict=await forecast_text(self._database, self._settings.canary, self._localizer(user)),
            service=service,
        )

    async def _expected_time(self, preview: RetrainPreview, user: User) -> str:
        """The estimate from the last runs; before the first run from measurements on a machine that the text names."""
        seconds = await runs.expected_seconds(self._database, preview.new + preview.replayed)
        if seconds is not None:
            return self._messenger.text(user, "retrain-time", time=self._duration(user, seconds))
        if preview.training is None:
            return self._messenger.text(user, "retrain-time-unknown")
        return self._messenger.text(
            user, f"retrain-time-by-{preview.training['basis']}", time=self._duration(user, preview.training["seconds"])
        )

    def _service_during_run(self) -> str:
        """`url` (external servers), `sleep` or `beside`."""
        if self._settings.engine.kind == "url":
            return "url"
        return "sleep" if self._settings.servers.sleep_while_training else "beside"

    async def on_retrain_answer(self, press: ButtonPress[RetrainConfirmation]) -> None:
        """Start a run, unless another has started. In a private chat the question's message shows its progress."""
        query, user, chat_id = press.query, press.user, press.message.chat.id
        if press.data.answer == "no":
            await self._messenger.close_question(query, self._messenger.text(user, "retrain-left"))
            return
        try:
            run = await runs.create_run(self._database, "admin", asked_by=user.id)
        except RunInProgress as error:
            text = self._messenger.text(user, "retrain-busy", run=error.run.id, what=self._state(user, error.run))
            await self._messenger.close_question(query, text)
            return
        if chat_id == user.id:
            await run_notices.track_message(self._database, run.id, chat_id, press.message.message_id)
            await self._messenger.answer_button(query)
        else:
            await self._messenger.close_question(query, self._messenger.text(user, "retrain-started", run=run.id))
        self._orchestrator.wake()

    async def _reply_busy(self, incoming: IncomingMessage, run: Run) -> None:
        if run.state != "canary":
            await self._messenger.reply(
                incoming.message, "retrain-busy", run=run.id, what=self._state(incoming.user, run)
            )
            return
        trial = await trials.get_trial_of_run(self._database, run.id)
        await self._messenger.reply(
            incoming.message,
            "retrain-on-trial",
            model=run.candidate_id or 0,
            wanted=self._settings.canary.max_ratings,
            ratings=await trials.count_trial_ratings(self._database, trial) if trial else 0,
        )

    async def _cancel(self, message: Message) -> None:
        run = await runs.current_run(self._database)
        if run is None:
            await self._messenger.reply(message, "retrain-cancel-none")
            return
        await runs.request_cancel(self._database, run.id)
        self._orchestrator.wake()
        await self._messenger.reply(message, "retrain-cancelling", run=run.id)

    async def on_runs(self, incoming: IncomingMessage) -> None:
        """List the latest runs, newest first, with the reasons of those without a new champion."""
        user, lines = incoming.user, []
        for run in await runs.list_runs(self._database, MAX_SHOWN):
            time = self._duration(user, run.finished_at - run.created_at) if run.finished_at else "none"
            lines.append(
                self._messenger.text(
                    user,
                    "runs-line",
                    mark=MARKS.get(run.state, "🎓"),
                    run=run.id,
                    when=day_and_time(run.created_at),
                    what=self._state(user, run),
                    time=time,
                )
            )
            if run.reason and run.finished:
                reason = reason_text(self._messenger.translator, self._messenger.language(user), run.why)
                lines.append(f"    {first_sentence(reason)}")
        if lines:
            await self._messenger.reply_text(incoming.message, "\n".join(lines))
        else:
            await self._messenger.reply(incoming.message, "runs-none")

    def _localizer(self, user: User) -> Localizer:
        return Localizer(self._messenger.translator, self._messenger.language(user))

    def _state(self, user: User, run: Run) -> str:
        return self._messenger.text(user, f"run-state-{run.state}")

    def _duration(self, user: User, seconds: float) -> str:
        return duration(self._messenger.translator, self._messenger.language(user), seconds)


def first_sentence(text: str, max_length: int = 160) -> str:
    """The first sentence of a reason, cut to `max_length` characters."""
    line = text.strip().splitlines()[0]
    sentence = re.split(r"(?<=[.!?]) |(?<=。)", line)[0]
    return f"{sentence[:max_length].rstrip()}…" if len(sentence) > max_length else sentence
