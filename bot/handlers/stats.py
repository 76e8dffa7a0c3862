"""/stats: the numbers of a user and of all users; admins get a picture too, in a light or dark theme.

The numbers come at once. A picture that takes longer to draw is added to their message.
"""

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, User
from telegram.error import BadRequest, Forbidden

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
from bot.telegram.text import reply_to
from storage.chat import stats
from storage.database import Database

log = logging.getLogger(__name__)

PICTURE_WAIT_S = 1.0
"""How long the text waits for its picture. Drawing takes about a second of CPU time."""
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
        self._drawn: dict[tuple[str, str], tuple[dict[str, Any], bytes]] = {}
        """The last picture and its content, by language and theme."""

    def routes(self) -> list[Route]:
        return [command("stats", self.on_stats), self._access.button(StatsButton, self.on_theme, accessible=True)]

    async def on_stats(self, incoming: IncomingMessage) -> None:
        """Send a text; to admins in private chats, a picture with the text as caption."""
        message, user = incoming.message, incoming.user
        if not self._access.is_admin(user.id) or not is_private(message):
            await self._messenger.reply_text(message, await self._text(user))
            return
        await self._access.note_language(user)
        drawing = asyncio.create_task(self._draw(user, "light"))
        try:
            await self._answer_admin(message, await self._text(user), drawing)
        except (CallDropped, Forbidden) as error:
            log.info("admin %d gets no numbers: %r", user.id, error)
        finally:
            drawing.cancel()

    async def on_theme(self, press: ButtonPress[StatsButton]) -> None:
        """Replace the picture by one in the other theme."""
        await self._messenger.answer_button(press.query)
        picture, theme = await self._draw(press.user, press.data.theme), press.data.theme
        if picture is None:
            return
        text, keyboard = await self._text(press.user), theme_button(theme)
        await self._messenger.edit_photo(press.user.id, press.message.message_id, picture, text, keyboard)

    async def _answer_admin(self, message: Message, text: str, drawing: asyncio.Task[bytes | None]) -> None:
        """Send the picture with the text; the text at once if the picture takes longer, which is then added to it."""
        chat_id = message.chat.id
        await asyncio.wait({drawing}, timeout=PICTURE_WAIT_S)
        if drawing.done():
            if picture := drawing.result():
                await self._send_picture(message, picture, text)
            else:
                await self._messenger.reply_text(message, text)
            return
        message_id = await self._messenger.send(chat_id, text, quoted_id=message.message_id)
        with suppress(CallDropped):
            await self._messenger.client.send_chat_action(chat_id, "upload_photo", rate_limit_args=Priority.BEST_EFFORT)
        picture = await drawing
        if picture is None:
            return
        try:
            await self._messenger.edit_photo(chat_id, message_id, picture, text, theme_button("light"))
        except BadRequest as error:  # a Bot API server of before 2024 adds no media to a text
            log.info("the picture of /stats is sent by itself: %s", error)
            await self._send_picture(message, picture, None)

    async def _send_picture(self, message: Message, picture: bytes, caption: str | None) -> None:
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
        """The picture as a PNG, the last one if its content is the same; None where drawing failed, which is logged."""
        language = self._messenger.language(user)
        content = await stats_data.stats_content(
            self._database, self._messenger.translator, language, dark=theme == "dark"
        )
        last_content, last_picture = self._drawn.get((language, theme), ({}, b""))
        if content == last_content:
            return last_picture
        try:
            picture = await draw_picture("stats", content, self._folder)
        except RenderError as error:
            log.error("%s", error)
            return None
        self._drawn[language, theme] = content, picture
        return picture


def theme_button(theme: str) -> InlineKeyboardMarkup:
    """The button under a picture in that theme."""
    label, other = BUTTONS[theme]
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=other.encode())]])
