"""The button under a run's outcome that leads to all jokes of both models about the same photos, a few on a page."""

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.charts.render import RenderError
from bot.handlers.admin_access import AdminAccess
from bot.handlers.callback_data import BeforeAfterButton
from bot.handlers.routes import ButtonPress, Route
from bot.i18n.localizer import Localizer
from bot.messaging.messenger import Messenger
from bot.retraining.run_report import RunReport
from configs.settings import Settings
from storage.database import Database
from storage.learning import runs


def before_after_keyboard(report: RunReport, localize: Localizer, page: int = 0) -> InlineKeyboardMarkup | None:
    """The buttons under `page`, of which 0 is the outcome's picture; None for a run without jokes to show."""
    pages, run_id = report.pages, report.run_id
    if not pages:
        return None
    if page == 0:
        label = localize("before-after-open", jokes=len(report.pairs))
        return InlineKeyboardMarkup([[_button(label, run_id, 1)]])
    row = [_button("◀", run_id, page - 1), *([_button("▶", run_id, page + 1)] if page < pages else [])]
    return InlineKeyboardMarkup([row])


def _button(label: str, run_id: int, page: int) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=BeforeAfterButton(run_id, page).encode())


class BeforeAfterPages:
    """Turns the pages in an admin's private chat."""

    def __init__(self, messenger: Messenger, database: Database, access: AdminAccess, settings: Settings) -> None:
        self._messenger, self._database, self._access, self._settings = messenger, database, access, settings

    def routes(self) -> list[Route]:
        return [self._access.button(BeforeAfterButton, self.on_page, accessible=True)]

    async def on_page(self, press: ButtonPress[BeforeAfterButton]) -> None:
        """Replace the picture by a page's; the caption stays."""
        localize = Localizer(self._messenger.translator, self._messenger.language(press.user))
        try:
            run = await runs.get_run(self._database, press.data.run_id)
            report, page = RunReport(self._database, self._settings, run, localize), press.data.page
            picture = await (report.before_after(page) if page else report.picture())
        except (runs.RunError, RenderError):
            picture = None
        if picture is None:
            await self._messenger.reject_button(press.query, "before-after-gone")
            return
        await self._messenger.answer_button(press.query)
        caption = getattr(press.message, "caption", None)  # a message that is too old to be read has none
        keyboard = before_after_keyboard(report, localize, page)
        await self._messenger.edit_photo(press.user.id, press.message.message_id, picture, caption, keyboard)
