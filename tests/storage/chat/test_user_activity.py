"""Users' current names, and users ordered by activity."""

from storage.chat import user_activity
from storage.chat.ratings import record_rating
from storage.chat.user_activity import UserName
from storage.learning import bans

ALICE, BOB, CAROL = 1, 2, 3


async def test_people_come_by_how_much_they_do_with_their_names_and_bans(database, memory):
    photo = await memory.photo(BOB)
    jokes = [await memory.joke(photo, BOB) for _ in range(2)]
    await memory.photo(ALICE, 330)
    for joke, value in zip(jokes, (3, 1), strict=True):
        await record_rating(database, joke, BOB, value)
    await record_rating(database, jokes[0], CAROL, 2)
    await user_activity.record_names(database, [UserName(BOB, "Bob", "bobby")])
    await bans.add_ban(database, CAROL, by=9)
    await bans.add_ban(database, 77, by=9)
    everybody = await user_activity.list_most_active(database, 10)
    assert [
        (one.person_id, one.name, one.username, one.photos, one.jokes, one.ratings, one.liked, one.banned)
        for one in everybody
    ] == [
        (BOB, "Bob", "bobby", 1, 2, 2, 1, False),
        (CAROL, None, None, 0, 0, 1, 1, True),
        (ALICE, None, None, 1, 0, 0, 0, False),
        (77, None, None, 0, 0, 0, 0, True),
    ]
    assert everybody[0].last_at and everybody[3].last_at is None
    assert await user_activity.count_users(database) == 4
    assert [one.person_id for one in await user_activity.list_most_active(database, 1, 1)] == [CAROL]


async def test_a_username_is_found_however_it_is_written_and_moves_to_who_has_it_now(database):
    await user_activity.record_names(database, [UserName(ALICE, "Alice", "Joker"), UserName(BOB, "Bob")])
    assert await user_activity.get_user_by_username(database, "jOKER") == UserName(ALICE, "Alice", "Joker")
    await user_activity.record_names(database, [UserName(BOB, "Bobby", "joker")])
    assert await user_activity.get_user_by_username(database, "joker") == UserName(BOB, "Bobby", "joker")
    assert await user_activity.get_user_name(database, ALICE) == UserName(ALICE, "Alice")
    assert await user_activity.get_user_by_username(database, "nobody") is None


async def test_names_are_forgotten_with_their_person(database, memory):
    await user_activity.record_names(database, [UserName(ALICE, "Alice", "alice")])
    await memory.forget(ALICE)
    assert await user_activity.get_user_name(database, ALICE) is None


async def test_a_look_through_a_connection_of_its_own_sees_what_is_committed(database, memory):
    await memory.photo(ALICE)
    async with database.separate_reader() as beside:
        assert await user_activity.count_users(beside) == 1
        async with beside.write() as connection:
            await connection.execute("DELETE FROM photo_senders")
    assert await user_activity.count_users(database) == 0
