"""🔁: another joke about the same photo, in another style, in a message of its own."""
from collections.abc import Awaitable, Callable

from telegram import CallbackQuery, Message, Update

from bot.handlers.callback_data import AnotherJokeButton
from bot.handlers.routing import ButtonPress
from bot.handlers.telling import Asked, tell
from bot.hands import HandsFull
from bot.parts import Parts
from storage.jokes import get_joke
from storage.photos import Photo, get_photo, photo_path


async def another(parts: Parts, update: Update) -> None:
    """Answer the press at once; the joke comes when it comes."""
    query = update.callback_query
    if query is None:
        return
    data = AnotherJokeButton.decode(query.data)
    ours = data and query.message and await parts.keyboards.is_joke_button(
        ButtonPress(update.update_id, query, query.message, query.from_user, data), data.joke_id)
    joke = await get_joke(parts.database, data.joke_id) if data and ours else None
    if joke is None:
        await parts.messenger.answer_button(query, "button-unknown", alert=True)
        return
    chat_id, number = query.message.chat.id, photo_message(query.message)

    async def tell_another(photo: Photo) -> None:
        await parts.messenger.answer_button(query, "another-coming")
        async with parts.styles.another(parts.joke_language(query.from_user, chat_id), chat_id, photo.id, pressed=joke.style) as style:
            await tell(parts, Asked(update.update_id, query.from_user, chat_id, number, joke.caption, style), photo)
    await tell_about(parts, update, query, joke.photo_id, tell_another)


async def tell_about(parts: Parts, update: Update, query: CallbackQuery, photo_id: int, tell_it: Callable[[Photo], Awaitable[None]]) -> None:
    """Call `tell_it` with the photo, where it is still kept, the chat has a joke left today and the person a hand free; else say why not."""
    photo = await kept_photo(parts, photo_id)
    if photo is None:
        await parts.messenger.answer_button(query, "photo-gone", alert=True)
        return
    try:
        if not await is_full(parts, update, query):
            with parts.hands.hold(query.from_user.id):
                await tell_it(photo)
    except HandsFull:
        await say_hands_full(parts, query)


async def is_full(parts: Parts, update: Update, query: CallbackQuery) -> bool:
    """Whether the chat has had all of today's jokes; then that is said."""
    if not await parts.daily.is_full(query.message.chat.id, update.update_id):
        return False
    jokes = parts.chats.of(query.message.chat.id).daily
    await parts.messenger.answer_button(query, "daily-full", alert=True, jokes=jokes)
    return True


async def say_hands_full(parts: Parts, query: CallbackQuery) -> None:
    """Say to whoever pressed that they have enough in work."""
    limit = parts.settings.limits.photos_waiting_per_person
    await parts.messenger.answer_button(query, "queue-mine", limit=limit, alert=True)


async def kept_photo(parts: Parts, photo_id: int) -> Photo | None:
    """The photo, if its file is still there as well."""
    photo = await get_photo(parts.database, photo_id)
    return photo if photo and photo_path(parts.settings.storage.photos, photo).exists() else None


def photo_message(message: Message) -> int:
    """The message with the photo: what the joke replies to; the joke itself where that is gone."""
    photo_message = getattr(message, "reply_to_message", None)
    return photo_message.message_id if photo_message else message.message_id
