"""The best jokes of a chat: many good ratings count for more than a single very good one."""

import pytest

from storage.chat.best import list_best_jokes, list_latest_jokes
from storage.chat.jokes import NewJoke, add_delivery, add_joke
from storage.chat.ratings import record_rating
from storage.learning.models import register_base
from storage.media.photos import add_photo, check_photo

CHAT = 7


@pytest.fixture
async def tell(database, tmp_path, scene, encode):
    """Stores a joke shown in the chat with ratings: `tell(text, values)`."""
    photo = await add_photo(database, tmp_path, check_photo(encode(scene()), max_bytes=10**6, max_pixels=10**6), 1)
    model = await register_base(database, "base", None)

    async def tell(text, values):
        joke = (
            await add_joke(
                database,
                NewJoke(photo.id, model.id, 1, "en", "pun", None, "Tell.", text, 0.8, 0.9, 160, None, None, 0.1),
            )
        ).id
        await add_delivery(database, joke, CHAT, joke)
        for person, value in enumerate(values, 1):
            await record_rating(database, joke, person, value)

    return tell


async def test_one_laugh_does_not_beat_nine_of_ten(database, tell):
    for text, values in (
        ("Poor.", [1] * 6),
        ("Lone laugh.", [3]),
        ("Nine of ten.", [3] * 9 + [1]),
        ("So-so.", [2, 2, 2, 1]),
    ):
        await tell(text, values)
    assert [one.text for one in await list_best_jokes(database, CHAT, minimum=1, limit=9)] == [
        "Nine of ten.",
        "Lone laugh.",
        "So-so.",
    ]
    assert [one.text for one in await list_best_jokes(database, CHAT, minimum=2, limit=1)] == ["Nine of ten."]
    assert await list_best_jokes(database, CHAT + 1, minimum=1, limit=9) == []


async def test_a_persons_latest_come_first_rated_or_not(database, tell):
    for text, values in (("Old.", [3, 2]), ("New.", [])):
        await tell(text, values)
    found = await list_latest_jokes(database, 1, chat_id=CHAT, limit=9)
    assert [(one.text, one.counts.funny, one.counts.somewhat) for one in found] == [("New.", 0, 0), ("Old.", 1, 1)]
    assert await list_latest_jokes(database, 1, chat_id=None, limit=1) == found[:1]
    assert await list_latest_jokes(database, 2, chat_id=None, limit=9) == []
