"""Flags: how often a user may hide jokes, and what a hidden joke is left out of."""

from storage.chat import flags, weekly_digest
from storage.chat.chats import change_chat
from storage.chat.ratings import record_rating
from storage.learning import review_queue

ALICE, BOB, ADMIN, WEEK_S = 7, 8, 9, 7 * 86400.0


async def flag(database, joke, user=BOB, most=2):
    return (await flags.flag_joke(database, joke, user, most=most)).outcome


async def test_a_hidden_joke_is_in_no_weekly_digest_and_no_review(database, memory):
    joke = await memory.joke(await memory.photo(ALICE), ALICE)
    await record_rating(database, joke, ALICE, 3)
    await review_queue.set_review_queue(database, [joke])
    now = await database.value("SELECT created_at FROM jokes")
    await change_chat(database, ALICE, weekly_since=now - 1)
    await weekly_digest.plan_digest(database, ALICE, now + 1, [joke])

    async def shown() -> tuple[int, bool, bool]:
        rated, found = await weekly_digest.list_most_liked(database, ALICE, now - WEEK_S, now + 1, minimum=1)
        post = await weekly_digest.get_next_post(database, ALICE)
        return len(found), post is not None, await review_queue.get_next_item(database) is not None

    assert await shown() == (1, True, True)
    assert await flag(database, joke) == "hidden"
    assert await shown() == (0, False, False)
    await flags.decide(database, joke, hidden=False, asked_by=ADMIN)
    assert await shown() == (1, True, True)


async def test_the_limit_counts_jokes_of_a_day_also_withdrawn_ones(database, memory):
    photo = await memory.photo(ALICE)
    jokes = [await memory.joke(photo, ALICE, f"Joke {number}") for number in range(4)]
    assert [await flag(database, joke) for joke in (*jokes[:2], jokes[0])] == ["hidden"] * 3
    await flags.withdraw_flags(database, jokes[0])
    assert not await flags.is_hidden(database, jokes[0])
    assert await flag(database, jokes[2]) == "limit"
    assert await flag(database, jokes[0]) == "hidden", "it is in the count already"
    assert await flag(database, jokes[2], most=None) == "hidden"
    async with database.write() as connection:
        await connection.execute("UPDATE flags SET flagged_at = flagged_at - 90000")
    assert await flag(database, jokes[3]) == "hidden"


async def test_only_the_first_flag_of_a_user_is_new(database, memory):
    joke = await memory.joke(await memory.photo(ALICE), ALICE)
    assert (await flags.flag_joke(database, joke, BOB, most=2)).first
    assert not (await flags.flag_joke(database, joke, BOB, most=2)).first
    await flags.withdraw_flags(database, joke)
    assert not (await flags.flag_joke(database, joke, BOB, most=2)).first


async def test_what_an_admin_restored_is_settled_for_members_and_not_for_others(database, memory):
    joke = await memory.joke(await memory.photo(ALICE), ALICE)
    await flag(database, joke)
    assert await flags.decide(database, joke, hidden=False, asked_by=ADMIN)
    assert await flag(database, joke) == "settled"
    assert await flag(database, joke, ALICE, most=None) == "hidden"
    assert await flags.get_flag_state(database, joke) == flags.FlagState(None, (BOB, ALICE))
    assert not await flags.decide(database, 99, hidden=True, asked_by=ADMIN)
