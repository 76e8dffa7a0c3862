"""Jokes and deliveries are stored with their request, text and message."""

import dataclasses
import sqlite3

import pytest

from storage.chat.jokes import NewJoke, add_delivery, add_joke, get_delivery, get_delivery_of_update, get_joke
from storage.learning.models import register_base
from storage.media.photos import add_photo, check_photo


@pytest.fixture
async def new(database, tmp_path, scene, encode) -> NewJoke:
    photo = await add_photo(database, tmp_path, check_photo(encode(scene()), max_bytes=10**6, max_pixels=10**6), 5)
    model = await register_base(database, "base", None)
    return NewJoke(
        photo_id=photo.id,
        model_id=model.id,
        person_id=5,
        language="zh",
        style="naodong",
        caption="我的猫 <b>",
        prompt="请你根据这张图片",
        text="猫说：我才是老板 😂",
        temperature=0.8,
        top_p=0.9,
        max_tokens=160,
        prompt_tokens=3361,
        completion_tokens=12,
        latency_s=1.25,
    )


async def test_a_joke_comes_back_as_it_was_stored(database, new):
    joke = await add_joke(database, new)
    assert await get_joke(database, joke.id) == joke
    stored = dataclasses.asdict(joke)
    assert {name: stored[name] for name in dataclasses.asdict(new)} == dataclasses.asdict(new)
    assert joke.created_at > 0
    assert await get_joke(database, joke.id + 1) is None


async def test_one_photo_has_as_many_jokes_as_were_made(database, new):
    ids = {
        (await add_joke(database, new)).id,
        (await add_joke(database, dataclasses.replace(new, caption=None, prompt_tokens=None))).id,
    }
    assert len(ids) == 2


@pytest.mark.parametrize("change", [{"text": ""}, {"text": "   "}, {"photo_id": 999}, {"model_id": 999}])
async def test_what_is_no_joke_is_not_stored(database, new, change):
    with pytest.raises(sqlite3.IntegrityError):
        await add_joke(database, dataclasses.replace(new, **change))
    assert await database.value("SELECT count(*) FROM jokes") == 0


async def test_a_delivery_is_found_by_its_message_and_by_its_update(database, new):
    joke_id = (await add_joke(database, new)).id
    await add_delivery(database, joke_id, chat_id=-100, message_id=7, update_id=42)
    delivery = await get_delivery(database, -100, 7)
    assert (delivery.joke_id, delivery.chat_id, delivery.message_id, delivery.update_id) == (joke_id, -100, 7, 42)
    assert await get_delivery_of_update(database, 42) == delivery
    assert await get_delivery(database, -100, 8) is None
    assert await get_delivery_of_update(database, 43) is None


async def test_a_message_shows_one_joke_however_often_it_is_recorded(database, new):
    first, second = (await add_joke(database, new)).id, (await add_joke(database, new)).id
    await add_delivery(database, first, 1, 7, 42)
    await add_delivery(database, first, 1, 7, 42)
    await add_delivery(database, second, 1, 7, 43)
    assert (await get_delivery(database, 1, 7)).joke_id == first
    assert await database.value("SELECT count(*) FROM deliveries") == 1


async def test_a_joke_goes_with_its_photo(database, new):
    joke_id = (await add_joke(database, new)).id
    await add_delivery(database, joke_id, 1, 7)
    async with database.write() as connection:
        await connection.execute("DELETE FROM photos")
    assert await get_joke(database, joke_id) is None and await get_delivery(database, 1, 7) is None
