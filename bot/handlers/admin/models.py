"""/models lists the registry, /promote N and /rollback deploy another one."""

from telegram import User

from bot.handlers.admin_access import AdminAccess
from bot.handlers.callback_data import PromoteConfirmation
from bot.handlers.routes import ButtonPress, IncomingMessage, Route
from bot.i18n.reasons import reason_text
from bot.messaging.messenger import Messenger
from bot.retraining.deployer import Deployment, ModelDeployer
from bot.telegram.message_parsing import command_arguments
from configs.errors import JokebotError
from storage.chat.metrics import count_ratings_by_model
from storage.database import Database
from storage.learning import models, promotion
from storage.learning.models import Model, RegistryError
from storage.learning.reasons import EndReason

MARKS = {"champion": "⭐", "canary": "🧪", "candidate": "🆕", "base": "🧱", "retired": "💤", "rejected": "🙅"}
MAX_SHOWN = 15
ADMIN_REQUEST = EndReason("An admin asked for it.", "admin")


class ModelAdmin:
    """Lists models and deploys them."""

    def __init__(self, messenger: Messenger, database: Database, access: AdminAccess, deployer: ModelDeployer) -> None:
        self._messenger, self._database, self._access, self._deployer = messenger, database, access, deployer

    def routes(self) -> list[Route]:
        access = self._access
        return [
            access.command("models", self.on_models),
            access.command("promote", self.on_promote),
            access.command("rollback", self.on_rollback),
            access.confirmation(PromoteConfirmation, self.on_promote_answer),
        ]

    async def on_models(self, incoming: IncomingMessage) -> None:
        """List the latest models with status, number of ratings and share of liked jokes."""
        known, counted = await models.all_models(self._database), await count_ratings_by_model(self._database)
        if not known:
            await self._messenger.reply(incoming.message, "models-none")
            return
        lines = [self._messenger.text(incoming.user, "models-title"), ""]
        for model in _shown_models(known):
            counts = {value: counted.get((model.name, value), 0) for value in (1, 2, 3)}
            lines.append(self._line(incoming.user, model, counts))
        await self._messenger.reply_text(incoming.message, "\n".join(lines))

    def _line(self, user: User, model: Model, counts: dict[int, int]) -> str:
        ratings = sum(counts.values())
        return self._messenger.text(
            user,
            "models-line",
            mark=MARKS[model.status],
            model=model.id,
            called=model.name,
            status=self._messenger.text(user, f"model-status-{model.status}"),
            ratings=ratings,
            liking=round(100 * (counts[2] + counts[3]) / ratings) if ratings else 0,
        )

    async def on_promote(self, incoming: IncomingMessage) -> None:
        """Ask for confirmation, which names both models."""
        match command_arguments(incoming.message):
            case [number] if number.lstrip("#").isdecimal() and len(number) < 18:
                await self._ask(incoming, int(number.lstrip("#")))
            case _:
                await self._messenger.reply(incoming.message, "promote-how")

    async def _ask(self, incoming: IncomingMessage, number: int) -> None:
        message, serving = incoming.message, await models.get_champion(self._database)
        try:
            model = await models.get_model(self._database, number)
        except RegistryError:
            model = None
        if model is None or model.id != number or serving is None:
            await self._messenger.reply(message, "promote-unknown", model=number)
            return
        if model.id == serving.id:
            await self._messenger.reply(message, "promote-already", model=number)
            return
        try:
            await promotion.ensure_servable(self._database, number)
        except RegistryError as error:
            await self._messenger.reply(message, "promote-failed", why=self._reason(incoming.user, error))
            return
        text = self._messenger.text(
            incoming.user,
            "promote-ask",
            model=number,
            called=model.name,
            champion=serving.id,
            **{"champion-name": serving.name},
        )
        await self._access.ask_confirmation(incoming, PromoteConfirmation, number, text)

    async def on_promote_answer(self, press: ButtonPress[PromoteConfirmation]) -> None:
        """Deploy the model, and show the result in the question's message."""

        async def show(key: str, **values: object) -> None:
            text = self._messenger.text(press.user, key, **values)
            await self._messenger.edit(press.message.chat.id, press.message.message_id, text)

        await self._messenger.answer_button(press.query)
        if press.data.answer == "no":
            await show("promote-left")
            return
        number = press.data.number
        await show("promote-under-way", model=number)
        try:
            change = await self._deployer.promote(number, "admin", reason=ADMIN_REQUEST, asked_by=press.user.id)
        except JokebotError as error:
            await show("promote-failed", why=self._reason(press.user, error))
            return
        await show("promote-done", model=change.model.id, seconds=_seconds(change))

    async def on_rollback(self, incoming: IncomingMessage) -> None:
        """Deploy the previous champion, without confirmation: it is urgent, and /promote undoes it."""
        message = incoming.message
        if await promotion.get_previous_champion(self._database) is None:
            serving = await models.get_champion(self._database)
            await self._messenger.reply(message, "rollback-none", model=serving.id if serving else 0)
            return
        try:
            change = await self._deployer.roll_back(reason=ADMIN_REQUEST, asked_by=incoming.user.id)
        except JokebotError as error:
            await self._messenger.reply(message, "promote-failed", why=self._reason(incoming.user, error))
            return
        await self._messenger.reply(
            message, "rollback-done", model=change.model.id, called=change.model.name, seconds=_seconds(change)
        )

    def _reason(self, user: User, error: JokebotError) -> str:
        return reason_text(self._messenger.translator, self._messenger.language(user), error)


def _shown_models(known: list[Model]) -> list[Model]:
    """The newest models, the champion and the bases."""
    newest = known[::-1]
    return newest[:MAX_SHOWN] + [model for model in newest[MAX_SHOWN:] if model.status == "champion" or model.is_base]


def _seconds(change: Deployment) -> str:
    return f"{change.seconds:.1f}" if change.seconds < 10 else f"{change.seconds:.0f}"
