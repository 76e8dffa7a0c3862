"""/stats: the numbers of a user and of all users; admins get a picture too, in a light or dark theme."""

import logging
from contextlib import suppress
from pathlib import Path

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto, Message, User
from telegram.error import BadRequest

from bot.charts import stats_data
from bot.charts.render import RenderError, draw_picture
from bot.handlers.admin_access import AdminAccess
from bot.handlers.callback_data import StatsButton
from bot.handlers.routes import ButtonPress, IncomingMessage, Route, command
from bot.messaging.messenger import Messenger
from bot.progress.judge_line import JudgeLine
from bot.progress.progress_line import ProgressLine
from bot.progress.round_line import RoundLine
from bot.telegram.message_parsing import is_private
from bot.telegram.rate_limiter import CallDropped, Priority
from bot.telegram.text import is_unchanged, reply_to
from storage.chat import stats
from storage.database import Database

log = logging.getLogger(__name__)

BUTTONS = {"light": ("🌙", StatsButton("dark")), "dark": ("☀️", StatsButton("light"))}
"""For each theme, the button that switches to the other one."""


class StatsHandlers:
    """Answers /stats. `folder`: where the drawing process may write."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        access: AdminAccess,
        progress: ProgressLine,
        judge: JudgeLine,
        rounds: RoundLine,
        folder: Path,
    ) -> None:
        self._messenger, self._database, self._access = messenger, database, access
        self._progress, self._judge, self._rounds, self._folder = progress, judge, rounds, folder

    def routes(self) -> list[Route]:
        return [command("stats", self.on_stats), self._access.button(StatsButton, self.on_theme, accessible=True)]

    async def on_stats(self, incoming: IncomingMessage) -> None:
        """Send a text; to admins in private chats, a picture with the text as caption."""
        message, user = incoming.message, incoming.user
        text = await self._text(user)
        if not self._access.is_admin(user.id) or not is_private(message):
            await self._messenger.reply_text(message, text)
            return
        await self._access.note_language(user)
        with suppress(CallDropped):
            await self._messenger.client.send_chat_action(
                message.chat.id, "upload_photo", rate_limit_args=Priority.BEST_EFFORT
            )
        picture = await self._draw(user, "light")
        if picture is None:
            await self._messenger.reply_text(message, text)
            return
        await self._send_picture(message, picture, text)

    async def on_theme(self, press: ButtonPress[StatsButton]) -> None:
        """Replace the picture by one in the other theme."""
        await self._messenger.answer_button(press.query)
        picture = await self._draw(press.user, press.data.theme)
        if picture is None:
            return
        media = InputMediaPhoto(picture, caption=await self._text(press.user))
        try:
            await self._messenger.client.edit_message_media(
                media,
                press.user.id,
                press.message.message_id,
                reply_markup=theme_button(press.data.theme),
                rate_limit_args=Priority.ESSENTIAL,
            )
        except BadRequest as error:
            if not is_unchanged(error):
                raise

    async def _send_picture(self, message: Message, picture: bytes, caption: str) -> None:
        await self._messenger.client.send_photo(
            message.chat.id,
            picture,
            caption=caption,
            reply_parameters=reply_to(message.message_id),
            reply_markup=theme_button("light"),
            rate_limit_args=Priority.NORMAL,
        )

    async def _text(self, user: User) -> str:
        """Photos, jokes and ratings of the user and of all users, what learning has gained, what the judge knows."""
        mine, ours = await stats.get_user_stats(self._database, user.id), await stats.get_overall_stats(self._database)
        text = self._messenger.text(
            user,
            "stats",
            photos=mine.photos,
            jokes=mine.jokes,
            ratings=mine.ratings,
            liking=round(100 * mine.liking),
            **{
                "all-photos": ours.photos,
                "all-jokes": ours.jokes,
                "all-ratings": ours.ratings,
                "all-liking": round(100 * ours.liking),
            },
        )
        language = self._messenger.language(user)
        if ours.punchlines:
            text += "\n" + self._messenger.text(user, "stats-punchlines", mine=mine.punchlines, all=ours.punchlines)
        lines = [text, await self._rounds.text(language)]
        lines += [await self._progress.text(language), await self._judge.text(language)]
        return "\n".join(line for line in lines if line)

    async def _draw(self, user: User, theme: str) -> bytes | None:
        """The picture as a PNG; None where drawing failed, which is logged."""
        content = await stats_data.stats_content(
            self._database, self._messenger.translator, self._messenger.language(user), dark=theme == "dark"
        )
        try:
            return await draw_picture("stats", content, self._folder)
        except RenderError as error:
            log.error("%s", error)
            return None


def theme_button(theme: str) -> InlineKeyboardMarkup:
    """The button under a picture in that theme."""
    label, other = BUTTONS[theme]
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=other.encode())]])
