"""Albums: the update to answer, the photos in order, and erasure with their user or photos."""

import time

import pytest

from configs.safety import RetentionSettings
from storage.chat import inbox
from storage.chat.albums import get_album, get_album_of_photo, join_album, list_album_photos, list_photos_under_message
from storage.chat.jokes import add_delivery
from storage.maintenance.forget_person import forget_user
from storage.maintenance.retention import delete_aged_data

ALICE, BOB, GROUP = 7, 8, -100


@pytest.fixture
def join(database, memory):
    """Takes a photo of Alice's into an album, as the update of that number."""

    async def run(update_id, message_id, *, photo=None, chat=ALICE, person=ALICE, caption="Rome"):
        photo = photo or await memory.photo(person, 300 + message_id)
        return await join_album(
            database, chat, "7", update_id, person, message_id=message_id, photo_id=photo.id, caption=caption
        )

    return run


async def received(database, *numbers):
    await inbox.add_updates(database, [{"update_id": number} for number in numbers])


async def test_photos_are_numbered_by_their_messages_in_whatever_order_they_come(database, join):
    for update_id, message_id in ((2, 12), (3, 13), (1, 11), (3, 13)):
        album = await join(update_id, message_id)
    assert [(photo.number, photo.message_id) for photo in await list_album_photos(database, album.id)] == [
        (1, 11),
        (2, 12),
        (3, 13),
    ]


async def test_the_first_update_owes_the_answer_and_another_one_only_where_it_ended_without(database, memory, join):
    await received(database, 1, 2, 3)
    assert [(await join(number, 10 + number)).update_id for number in (1, 2)] == [1, 1]
    await inbox.mark_finished(database, 1, failed=True)
    album = await join(3, 13)
    assert album.update_id == 3
    joke = await memory.joke(await memory.photo(ALICE), ALICE)
    await add_delivery(database, joke, ALICE, 50, album_id=album.id)
    await inbox.mark_finished(database, 3)
    await received(database, 4)
    assert ((await join(4, 14)).update_id, (await join(4, 14)).message_id) == (3, 50)
    assert (
        len(await list_photos_under_message(database, ALICE, 50)) == 4
        and await list_photos_under_message(database, BOB, 50) == []
    )


async def test_albums_of_two_chats_are_two(join):
    assert (await join(1, 11)).id != (await join(2, 12, chat=GROUP)).id


async def test_a_photos_button_leads_to_its_album(database, join):
    album = await join(1, 11)
    photo = (await list_album_photos(database, album.id))[0]
    found, photos = await get_album_of_photo(database, photo.id)
    assert found == album and photos == [photo] and await get_album_of_photo(database, photo.id + 1) is None


async def test_an_album_goes_with_its_last_photo(database, memory, join):
    photos = [await memory.photo(person, 400 + person) for person in (ALICE, BOB)]
    for number, photo in enumerate(photos, 1):
        album = await join(number, number, photo=photo, chat=GROUP)
    for left, photo in ((1, photos[0]), (0, photos[1])):
        async with database.write() as connection:
            await connection.execute("DELETE FROM photos WHERE id = ?", (photo.id,))
        assert len(await list_album_photos(database, album.id)) == left
    assert await get_album(database, album.id) is None


async def test_forgetting_a_person_takes_their_albums_even_where_somebody_else_has_sent_the_same_photo(
    database, memory, join
):
    photo = await memory.photo(ALICE)
    await memory.photo(BOB)
    album = await join(1, 11, photo=photo, chat=GROUP)
    other = await join_album(database, GROUP, "8", 2, BOB, message_id=12, photo_id=photo.id, caption=None)
    await forget_user(database, ALICE, memory.photos, memory.datasets)
    assert await get_album(database, album.id) is None and await list_album_photos(database, album.id) == []
    assert len(await list_album_photos(database, other.id)) == 1


async def test_captions_are_kept_no_longer_than_jokes(database, memory, join):
    album = await join(1, 11)
    for days, left in ((39, 1), (41, 0)):
        async with database.write() as connection:
            await connection.execute("UPDATE albums SET created_at = ?", (time.time() - days * 86400,))
        await delete_aged_data(database, memory.photos, memory.datasets, RetentionSettings(jokes_days=40))
        assert len(await list_album_photos(database, album.id)) == left
    assert await database.value("SELECT count(*) FROM album_photos") == 0
