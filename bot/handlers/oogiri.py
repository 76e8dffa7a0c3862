"""/oogiri: a round in which the users of a group and the bot write punchlines for one photo, and the users vote."""

import logging
import time
from dataclasses import dataclass
from typing import Any

from telegram import Message
from telegram.error import TelegramError

from bot.chats.daily_quota import DailyQuota
from bot.chats.group_admins import GroupAdmins
from bot.handlers.admin_access import AdminAccess
from bot.handlers.callback_data import EndRoundButton, VoteButton
from bot.handlers.error_messages import error_message_key, error_text
from bot.handlers.membership import is_member
from bot.handlers.oogiri_pictures import RoundPictures
from bot.handlers.oogiri_rounds import START_PREFIX, OogiriRounds
from bot.handlers.oogiri_start import RoundRequest, RoundStarter
from bot.handlers.punchline_request import PunchlineRequests
from bot.handlers.routes import ButtonPress, IncomingMessage, Route, button, command
from bot.jokes.generator import JokeGenerator
from bot.jokes.pack_photos import PackPhotos
from bot.jokes.photo_intake import PhotoDownloadError, PhotoIntake
from bot.jokes.user_limiter import TooManyPending, UserLimiter
from bot.messaging.messenger import Messenger
from bot.telegram.message_parsing import command_arguments, find_image, is_private
from bot.telegram.rate_limiter import CallDropped
from configs.errors import JokebotError
from configs.settings import LimitSettings, OogiriSettings
from storage.chat import rounds
from storage.chat.jokes import get_joke
from storage.chat.punchlines import find_shown_joke
from storage.database import Database
from storage.media.photos import Photo, PhotoError, SenderForgotten
from storage.media.picture_pack import PackError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RoundParts:
    """What a round is made of: photo intake, limits per user and chat, the generator, the pack of pictures."""

    intake: PhotoIntake
    limiter: UserLimiter
    quota: DailyQuota
    generator: JokeGenerator
    pack: PackPhotos
    pictures: RoundPictures


class OogiriHandlers:
    """Begins and ends rounds, and takes votes."""

    def __init__(
        self,
        messenger: Messenger,
        database: Database,
        parts: RoundParts,
        starter: RoundStarter,
        course: OogiriRounds,
        requests: PunchlineRequests,
        group_admins: GroupAdmins,
        access: AdminAccess,
        settings: OogiriSettings,
        limits: LimitSettings,
    ) -> None:
        self._messenger, self._database, self._starter = messenger, database, starter
        self._intake, self._limiter, self._quota, self._pack = parts.intake, parts.limiter, parts.quota, parts.pack
        self._course, self._requests, self._group_admins, self._access = course, requests, group_admins, access
        self._settings, self._limits = settings, limits

    def routes(self) -> list[Route]:
        return [
            command("oogiri", self.on_oogiri),
            button(EndRoundButton, self.on_end),
            button(VoteButton, self.on_vote),
        ]

    async def on_oogiri(self, incoming: IncomingMessage) -> None:
        """Begin a round about the photo that the command replies to, or explain how to."""
        message = incoming.message
        if self._messenger.client.write_access.is_refused(message.chat.id):
            return
        if key := await self._refusal(incoming):
            await self._messenger.reply(message, key, rounds=self._settings.rounds_per_day)
            return
        try:
            with self._limiter.acquire(incoming.user.id):
                if photo := await self._photo(incoming):
                    await self._begin(incoming, photo, message.reply_to_message)
                elif self._pack.exists and not command_arguments(message) and not message.reply_to_message:
                    await self._begin(incoming, await self._pack.next_photo(message.chat.id), None)
                else:
                    await self._explain(incoming)
        except TooManyPending:
            await self._messenger.reply(message, "queue-mine", limit=self._limiter.limit)
        except PackError as error:
            log.warning("update %d begins no round: %s", incoming.update_id, error)
            await self._messenger.reply(message, "oogiri-no-picture")
        except (PhotoError, PhotoDownloadError) as error:
            key, values = error_message_key(error, self._limits)
            await self._messenger.reply(message, key, **values)
        except SenderForgotten as error:
            log.info("update %d begins no round: %s", incoming.update_id, error)

    async def on_end(self, press: ButtonPress[EndRoundButton]) -> None:
        """End the present state early: for who began the round, and for administrators."""
        found = await rounds.get_round(self._database, press.data.round_id)
        if found is None or not _is_current(found, press):
            await self._messenger.reject_button(press.query)
        elif found.person_id != press.user.id and not await self._is_administrator(press):
            await self._messenger.reject_button(press.query, "oogiri-not-yours")
        else:
            await self._messenger.answer_button(press.query)
            await self._course.advance(found)

    async def on_vote(self, press: ButtonPress[VoteButton]) -> None:
        """Give a vote, or take it back."""
        found = await rounds.get_round(self._database, press.data.round_id)
        if found is None or (found.chat_id, found.ballot_id) != (press.message.chat.id, press.message.message_id):
            await self._messenger.reject_button(press.query, "oogiri-vote-closed")
            return
        outcome, given = await rounds.vote(self._database, found.id, press.data.position, press.user.id)
        votes = ", ".join(map(str, given)) or "0"
        refused = outcome in ("own", "limit", "closed")
        await self._messenger.answer_button(press.query, f"oogiri-vote-{outcome}", alert=refused, votes=votes)

    async def ask_secretly(self, incoming: IncomingMessage) -> bool:
        """Ask for an entry in the private chat, where /start has a link's payload; False for another /start."""
        payload = next(iter(command_arguments(incoming.message)), "")
        number = payload.removeprefix(START_PREFIX)
        if number == payload or not number.isdecimal() or len(number) > 18 or not is_private(incoming.message):
            return False
        found = await rounds.get_round(self._database, int(number))
        if found is None or found.state != "collecting" or not await self._is_member(found.chat_id, incoming.user.id):
            await self._messenger.reply(incoming.message, "oogiri-late")
            return True
        chat_id, message_id = incoming.message.chat.id, incoming.message.message_id
        await self._requests.ask(chat_id, incoming.user, found.joke_id, message_id)
        return True

    async def _explain(self, incoming: IncomingMessage) -> None:
        """Say how a round begins, with the points of the week and of all time."""
        table = await self._course.table(incoming.message.chat.id, self._messenger.language(incoming.user))
        how = self._messenger.text(incoming.user, "oogiri-what-pack" if self._pack.exists else "oogiri-what")
        await self._messenger.reply_text(incoming.message, f"{how}\n\n{table}".rstrip())

    async def _refusal(self, incoming: IncomingMessage) -> str | None:
        """The key of the message that refuses a round; None where one can begin."""
        chat_id, since = incoming.message.chat.id, time.time() - 86400
        if is_private(incoming.message):
            return "oogiri-groups"
        if incoming.resume:
            return None
        if await rounds.get_open_round(self._database, chat_id):
            return "oogiri-running"
        if await rounds.count_rounds(self._database, chat_id, since) >= self._settings.rounds_per_day:
            return "oogiri-enough"
        return None

    async def _photo(self, incoming: IncomingMessage) -> Photo | None:
        """The photo of the joke or in the message that the command replies to."""
        replied, chat_id = incoming.message.reply_to_message, incoming.message.chat.id
        if replied is None:
            return None
        joke_id = await find_shown_joke(self._database, chat_id, replied.message_id)
        joke = await get_joke(self._database, joke_id) if joke_id else None
        if joke:
            return await self._intake.find_stored(joke.photo_id)
        picture = find_image(replied)
        return await self._intake.receive(picture, incoming.user.id, incoming.update) if picture else None

    async def _begin(self, incoming: IncomingMessage, photo: Photo, quoted: Message | None) -> None:
        """Begin a round about a photo, or say why none begins. `quoted`: the message that shows the photo."""
        message, user = incoming.message, incoming.user
        stored_id = incoming.resume.joke_id if incoming.resume else None
        quoted_id = quoted.message_id if quoted else None
        request = RoundRequest(message.chat.id, user, incoming.update_id, photo, quoted_id, stored_id)
        try:
            outcome = await self._starter.start(request)
        except JokebotError as error:
            text = error_text(self._messenger.translator, self._limits, self._messenger.language(user), error)
            await self._messenger.reply_text(message, text)
            return
        except CallDropped as error:
            log.info("chat %d: a round is opened later: %r", message.chat.id, error)
            return
        if outcome == "full":
            await self._messenger.reply(message, "daily-full", jokes=self._quota.limit(message.chat.id) or 0)
        elif outcome == "running":
            await self._messenger.reply(message, "oogiri-running")

    async def _is_administrator(self, press: ButtonPress[Any]) -> bool:
        if self._access.is_admin(press.user.id):
            return True
        try:
            return await self._group_admins.is_administrator(press.message.chat.id, press.user.id)
        except TelegramError as error:
            log.info("chat %d: whether a user is its administrator is unknown: %s", press.message.chat.id, error)
            return False

    async def _is_member(self, chat_id: int, user_id: int) -> bool:
        try:
            return is_member(await self._messenger.client.get_chat_member(chat_id, user_id))
        except TelegramError as error:
            log.info("chat %d: whether a user is its member is unknown: %s", chat_id, error)
            return False


def _is_current(found: rounds.Round, press: ButtonPress[EndRoundButton]) -> bool:
    """Whether the button is under the message of the round's present state."""
    messages = {"collecting": found.message_id, "voting": found.ballot_id}
    return (found.chat_id, messages.get(found.state)) == (press.message.chat.id, press.message.message_id)
