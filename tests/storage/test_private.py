"""Photos, jokes and ratings of private users don't reach the selection."""

import pytest

from storage.chat.consent import is_private, set_private
from storage.chat.jokes import NewJoke, add_joke
from storage.chat.ratings import record_rating
from storage.learning.models import register_base
from storage.learning.rating_arrays import read_ratings_of_photos, read_ratings_since
from storage.maintenance.forget_person import forget_rows
from storage.media.photos import add_photo, check_photo

ALICE, BOB, CAROL = 1, 2, 3


@pytest.fixture
async def joke_id(database, tmp_path, scene, encode) -> int:
    """Alice's photo and joke, rated by Bob and Carol."""
    photo = await add_photo(database, tmp_path, check_photo(encode(scene()), max_bytes=10**6, max_pixels=10**6), ALICE)
    model = await register_base(database, "base", None)
    joke = (
        await add_joke(
            database,
            NewJoke(photo.id, model.id, ALICE, "en", "pun", None, "Tell.", "Ha.", 0.8, 0.9, 160, None, None, 0.1),
        )
    ).id
    for person in (BOB, CAROL):
        await record_rating(database, joke, person, 3)
    return joke


async def people_learnt_from(database) -> set[int]:
    found = {int(person) for person in (await read_ratings_since(database, 0.0)).user_ids}
    assert {int(row[1]) for row in await read_ratings_of_photos(database, [1])} == found
    return found


async def test_nothing_of_a_private_person_is_evidence(database, joke_id):
    assert await people_learnt_from(database) == {BOB, CAROL}
    await set_private(database, BOB, True)
    assert await people_learnt_from(database) == {CAROL}
    await set_private(database, ALICE, True)
    assert await people_learnt_from(database) == set()
    await set_private(database, ALICE, False)
    await set_private(database, BOB, False)
    assert await people_learnt_from(database) == {BOB, CAROL}


async def test_a_photo_that_a_private_person_sent_too_is_not_learnt_from(database, joke_id, tmp_path, scene, encode):
    await add_photo(database, tmp_path, check_photo(encode(scene()), max_bytes=10**6, max_pixels=10**6), CAROL + 1)
    await set_private(database, CAROL + 1, True)
    assert await people_learnt_from(database) == set()


async def test_who_is_forgotten_is_not_remembered_as_private(database, joke_id):
    await set_private(database, BOB, True)
    await set_private(database, BOB, True)
    assert await is_private(database, BOB)
    await forget_rows(database, BOB)
    assert not await is_private(database, BOB)
