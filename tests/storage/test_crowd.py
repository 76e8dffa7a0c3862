"""Who is here: names as they are now, and people by how much they do."""
from storage import bans, crowd
from storage.crowd import Named
from storage.ratings import rate

ALICE, BOB, CAROL = 1, 2, 3


async def test_people_come_by_how_much_they_do_with_their_names_and_bans(database, memory):
    photo = await memory.photo(BOB)
    jokes = [await memory.joke(photo, BOB) for _ in range(2)]
    await memory.photo(ALICE, 330)
    for joke, value in zip(jokes, (3, 1), strict=True):
        await rate(database, joke, BOB, value)
    await rate(database, jokes[0], CAROL, 2)
    await crowd.note_names(database, [Named(BOB, "Bob", "bobby")])
    await bans.ban(database, CAROL, by=9)
    await bans.ban(database, 77, by=9)
    everybody = await crowd.most_active(database, 10)
    assert [(one.person_id, one.name, one.username, one.photos, one.jokes, one.ratings, one.liked, one.banned) for one in everybody] == [
        (BOB, "Bob", "bobby", 1, 2, 2, 1, False), (CAROL, None, None, 0, 0, 1, 1, True), (ALICE, None, None, 1, 0, 0, 0, False), (77, None, None, 0, 0, 0, 0, True)]
    assert everybody[0].last_at and everybody[3].last_at is None
    assert await crowd.people(database) == 4
    assert [one.person_id for one in await crowd.most_active(database, 1, 1)] == [CAROL]


async def test_a_username_is_found_however_it_is_written_and_moves_to_who_has_it_now(database):
    await crowd.note_names(database, [Named(ALICE, "Alice", "Joker"), Named(BOB, "Bob")])
    assert await crowd.find_username(database, "jOKER") == Named(ALICE, "Alice", "Joker")
    await crowd.note_names(database, [Named(BOB, "Bobby", "joker")])
    assert await crowd.find_username(database, "joker") == Named(BOB, "Bobby", "joker")
    assert await crowd.named(database, ALICE) == Named(ALICE, "Alice")
    assert await crowd.find_username(database, "nobody") is None


async def test_names_are_forgotten_with_their_person(database, memory):
    await crowd.note_names(database, [Named(ALICE, "Alice", "alice")])
    await memory.forget(ALICE)
    assert await crowd.named(database, ALICE) is None


async def test_a_look_through_a_connection_of_its_own_sees_what_is_committed(database, memory):
    await memory.photo(ALICE)
    async with database.separate_reader() as beside:
        assert await crowd.people(beside) == 1
        async with beside.write() as connection:
            await connection.execute("DELETE FROM photo_senders")
    assert await crowd.people(database) == 0
