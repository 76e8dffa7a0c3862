"""The best liked jokes of a chat's week, and the progress of their posts."""

import pytest

from storage.chat import weekly_digest
from storage.chat.best import RatingCounts
from storage.chat.chats import change_chat, move_chat
from storage.chat.consent import set_private
from storage.chat.jokes import NewJoke, add_delivery, add_joke
from storage.chat.ratings import record_rating
from storage.learning import bans
from storage.learning.models import register_base
from storage.maintenance.forget_person import forget_rows
from storage.media.photos import add_photo, check_photo

GROUP, ALICE, BOB, MING, DUE, WEEK_S = -100, 7, 8, 9, 1_800_000_000.0, 7 * 86400.0


@pytest.fixture
async def tell(database, tmp_path, scene, encode):
    """Stores a rated joke about a new photo in the group, returns its id: `tell(text, {person: value}, sender=…)`."""
    model = await register_base(database, "base", None)

    async def tell(text, verdicts, *, sender=ALICE, asked_by=ALICE, width=320, at=DUE - 3600):
        data = encode(scene(width, 240))
        photo = await add_photo(database, tmp_path, check_photo(data, max_bytes=10**6, max_pixels=10**6), sender)
        joke = (
            await add_joke(
                database,
                NewJoke(photo.id, model.id, asked_by, "en", "pun", None, "Tell.", text, 0.8, 0.9, 160, None, None, 0.1),
            )
        ).id
        await add_delivery(database, joke, GROUP, joke)
        async with database.write() as connection:
            await connection.execute("UPDATE deliveries SET created_at = ? WHERE joke_id = ?", (at, joke))
        for person, value in verdicts.items():
            await record_rating(database, joke, person, value)
        return joke

    return tell


async def liked(database, chat=GROUP, least=2):
    rated, found = await weekly_digest.list_most_liked(database, chat, DUE - WEEK_S, DUE, minimum=least)
    return rated, [one.text for one in found]


async def test_everybodys_ratings_count_and_the_best_come_first(database, tell):
    await tell("Loved.", {ALICE: 3, BOB: 3, MING: 3})
    await tell("Liked.", {ALICE: 2, BOB: 3})
    await tell("Disliked.", {ALICE: 1, BOB: 1})
    await tell("One laugh.", {BOB: 3})
    assert await liked(database) == (4, ["Loved.", "Liked."])
    _, found = await weekly_digest.list_most_liked(database, GROUP, DUE - WEEK_S, DUE, minimum=2)
    assert found[0].counts == RatingCounts(3, 0, 0)
    assert await liked(database, GROUP - 1) == (0, [])


async def test_only_what_was_told_in_that_week(database, tell):
    await tell("Before.", {ALICE: 3, BOB: 3}, at=DUE - WEEK_S - 1)
    await tell("In it.", {ALICE: 3, BOB: 3}, at=DUE - WEEK_S)
    await tell("After.", {ALICE: 3, BOB: 3}, at=DUE)
    assert await liked(database) == (1, ["In it."])


async def test_nothing_of_private_and_banned_people_and_nothing_that_was_dropped(database, tell):
    both = {ALICE: 3, BOB: 3}
    await tell("Bob's photo.", both, sender=BOB)
    await tell("A photo that Bob sent too.", both, width=330)
    await tell("Bob's photo.", both, sender=BOB, width=330)
    await tell("For Bob.", both, asked_by=BOB, width=340)
    dropped = await tell("Dropped.", both, width=350)
    await tell("Alice's.", both, width=360)
    async with database.write() as connection:
        await connection.execute("INSERT INTO reviews VALUES (?, 0, NULL, 0)", (dropped,))
    await set_private(database, BOB, True)
    assert await liked(database) == (1, ["Alice's."])
    await set_private(database, BOB, False)
    assert (await liked(database))[0] == 5
    await bans.add_ban(database, BOB, by=1)
    assert await liked(database, least=1) == (1, ["Alice's."])
    assert await liked(database) == (1, [])  # and a banned person's rating doesn't count either


async def test_a_week_is_due_once_where_it_was_wanted_before(database):
    assert await weekly_digest.list_due_chats(database, DUE) == []
    await change_chat(database, GROUP, weekly_since=DUE + 1)
    assert await weekly_digest.list_due_chats(database, DUE) == []
    await change_chat(database, GROUP, weekly_since=DUE)
    assert await weekly_digest.list_due_chats(database, DUE) == [GROUP] and not await weekly_digest.is_digest_planned(
        database, GROUP, DUE
    )
    await weekly_digest.plan_digest(database, GROUP, DUE, [])
    assert await weekly_digest.is_digest_planned(database, GROUP, DUE)
    assert [await weekly_digest.list_due_chats(database, DUE + days * 86400) for days in (0, 1, -1, 7)] == [
        [],
        [],
        [],
        [GROUP],
    ]


async def test_what_is_begun_is_never_posted_again_and_the_rest_is(database, tell):
    await change_chat(database, GROUP, weekly_since=0.0)
    jokes = [await tell(text, {ALICE: 3, BOB: 3}, width=width) for text, width in (("A", 310), ("B", 320), ("C", 330))]
    await weekly_digest.plan_digest(database, GROUP, DUE, jokes)
    first = await weekly_digest.get_next_post(database, GROUP)
    assert (first.place, first.first, first.liked.text, first.liked.counts) == (1, True, "A", RatingCounts(2, 0, 0))
    await weekly_digest.mark_post_begun(database, GROUP, 1)
    assert await weekly_digest.list_due_chats(database, DUE) == [GROUP]
    second = await weekly_digest.get_next_post(database, GROUP)
    assert (second.place, second.first) == (2, False)
    await weekly_digest.mark_post_begun(database, GROUP, 2)
    await weekly_digest.mark_post_begun(database, GROUP, 2, begun=False)
    assert (await weekly_digest.get_next_post(database, GROUP)).place == 2
    await weekly_digest.delete_unsent_posts(database, GROUP)
    assert (
        await weekly_digest.get_next_post(database, GROUP) is None
        and await weekly_digest.list_due_chats(database, DUE) == []
    )


async def test_who_is_forgotten_or_private_meanwhile_is_not_shown(database, tell):
    jokes = [
        await tell("Alice's.", {BOB: 3}),
        await tell("Bob's.", {BOB: 3}, sender=BOB, asked_by=BOB, width=330),
        await tell("Ming's.", {}, sender=MING, asked_by=MING, width=340),
    ]
    await change_chat(database, GROUP, weekly_since=0.0)
    await weekly_digest.plan_digest(database, GROUP, DUE, [*jokes, 12345])
    await forget_rows(database, ALICE)
    await set_private(database, BOB, True)
    assert (await weekly_digest.get_next_post(database, GROUP)).liked.text == "Ming's."
    await forget_rows(database, MING)
    assert await weekly_digest.get_next_post(database, GROUP) is None


async def test_a_week_goes_on_in_the_supergroup(database, tell):
    joke = await tell("Ours.", {ALICE: 3, BOB: 3})
    await change_chat(database, GROUP, weekly_since=0.0)
    await move_chat(database, GROUP, -1_000_100)
    assert await liked(database, -1_000_100) == (1, ["Ours."])
    await weekly_digest.plan_digest(database, -1_000_100, DUE, [joke])
    await move_chat(database, -1_000_100, -1_000_200)
    assert (await weekly_digest.get_next_post(database, -1_000_200)).liked.text == "Ours."
    assert await weekly_digest.is_digest_planned(database, -1_000_200, DUE)
