"""Duels: rare, never twice in a row in a chat, counted once, and resumed after a restart."""

import asyncio

import pytest

from storage.chat.consent import set_private
from storage.chat.duels import (
    begin_duel,
    delete_duel,
    get_duel,
    get_duel_of_update,
    record_choice,
    record_duel_joke,
    record_duel_message,
)
from storage.chat.flags import flag_joke, withdraw_flags
from storage.chat.jokes import NewJoke, add_delivery, add_joke
from storage.learning.models import register_base
from storage.learning.runs import create_run
from storage.learning.trial_evidence import list_duel_picks
from storage.learning.trials import begin_trial, count_trial_ratings
from storage.maintenance.forget_person import forget_rows
from storage.media.photos import add_photo, check_photo

CHAMPION, CANDIDATE = 1, 2
EVERY = 4


class Chats:
    """Answers photos with single jokes and with duels, as the bot would."""

    def __init__(self, database, trial, joke):
        self.database, self.trial, self.joke, self.messages, self.updates = database, trial, joke, 0, 0

    async def deliver(self, chat: int = 5) -> None:
        self.messages += 1
        await add_delivery(self.database, await self.joke(CHAMPION, chat), chat, self.messages)

    async def begin(self, chat: int = 5, first: int = CHAMPION):
        self.updates += 1
        return await begin_duel(self.database, self.trial.id, self.updates, chat, chat, first, every=EVERY)

    async def duel(self, chat: int = 5, first: int = CHAMPION):
        """A duel that is shown."""
        duel = await self.begin(chat, first)
        assert duel is not None
        second = CANDIDATE if first == CHAMPION else CHAMPION
        await record_duel_joke(self.database, duel.id, "a", await self.joke(first, chat))
        await record_duel_joke(self.database, duel.id, "b", await self.joke(second, chat))
        self.messages += 1
        await record_duel_message(self.database, duel.id, self.messages)
        return duel


@pytest.fixture
async def chats(database, tmp_path, scene, encode) -> Chats:
    for name in ("champion", "candidate"):
        await register_base(database, name, None)

    async def joke(model_id: int, person_id: int) -> int:
        photo = await add_photo(
            database, tmp_path, check_photo(encode(scene()), max_bytes=10**6, max_pixels=10**6), person_id
        )
        return (
            await add_joke(
                database,
                NewJoke(
                    photo_id=photo.id,
                    model_id=model_id,
                    person_id=person_id,
                    language="en",
                    style="neutral",
                    caption=None,
                    prompt="A joke, please.",
                    text="A cat walks into a bar.",
                    temperature=0.8,
                    top_p=0.9,
                    max_tokens=160,
                    prompt_tokens=1,
                    completion_tokens=1,
                    latency_s=0.1,
                ),
            )
        ).id

    return Chats(
        database, await begin_trial(database, (await create_run(database, "command")).id, CHAMPION, CANDIDATE), joke
    )


async def test_at_most_one_photo_in_so_many_is_a_duel(chats):
    await chats.duel(chat=1)
    for chat in range(2, 2 + EVERY - 1):
        assert await chats.begin(chat=chat) is None
        await chats.deliver(chat=chat)
    assert await chats.begin(chat=9) is not None


async def test_a_chat_has_no_two_duels_in_a_row(chats):
    await chats.duel(chat=1)
    for _ in range(EVERY):
        await chats.deliver(chat=2)
    assert await chats.begin(chat=1) is None
    await chats.deliver(chat=1)
    assert await chats.begin(chat=1) is not None


async def test_of_photos_that_come_at_once_one_becomes_a_duel(chats):
    begun = await asyncio.gather(*(chats.begin(chat=chat) for chat in range(1, 9)))
    assert sum(duel is not None for duel in begun) == 1


async def test_a_restart_finds_the_same_duel(chats):
    duel = await chats.begin()
    again = await begin_duel(chats.database, chats.trial.id, duel.update_id, 5, 5, CANDIDATE, every=EVERY)
    assert again == duel == await get_duel_of_update(chats.database, duel.update_id)


async def test_a_dropped_duel_leaves_the_photo_to_a_single_joke(chats):
    duel = await chats.begin()
    await delete_duel(chats.database, duel.id)
    assert await get_duel(chats.database, duel.id) is None
    shown = await chats.duel()
    await delete_duel(chats.database, shown.id)
    assert await get_duel(chats.database, shown.id) is not None


async def test_the_first_choice_stands(chats):
    duel = await chats.duel()
    assert await record_choice(chats.database, duel, 5, "b") == "recorded"
    assert await record_choice(chats.database, duel, 5, "a") == "again"
    assert (await get_duel(chats.database, duel.id)).choice == "b"


async def test_choices_count_for_the_model_whose_joke_it_was(chats):
    for chat, first, choice in (
        (1, CHAMPION, "b"),
        (2, CANDIDATE, "a"),
        (3, CANDIDATE, "b"),
        (4, CHAMPION, "meh"),
        (5, CHAMPION, None),
    ):
        duel = await chats.duel(chat, first)
        if choice:
            await record_choice(chats.database, duel, chat, choice)
        for _ in range(EVERY):
            await chats.deliver(chat=99)
    assert await picks(chats) == [1, 1, -1, 0]
    await set_private(chats.database, 1, True)
    assert await picks(chats) == [1, -1, 0]


async def test_members_of_a_group_choose_too_each_once(chats):
    duel = await chats.duel(chat=-7)
    for user, choice in ((1, "a"), (2, "b"), (2, "a"), (3, "meh")):
        await record_choice(chats.database, duel, user, choice)
    assert await picks(chats) == [-1, 1, 0] and await count_trial_ratings(chats.database, chats.trial) == 3
    await set_private(chats.database, 2, True)
    assert await picks(chats) == [-1, 0]
    await forget_rows(chats.database, 3)
    assert await picks(chats) == [-1]


async def test_while_a_joke_is_hidden_nobody_chooses_and_earlier_choices_stay(chats):
    duel = await chats.duel(chat=-7)
    assert await record_choice(chats.database, duel, 1, "b") == "recorded"
    hidden = (await get_duel(chats.database, duel.id)).joke_b
    await flag_joke(chats.database, hidden, 3, most=5)
    outcomes = [await record_choice(chats.database, duel, user, "a") for user in (1, 2, -7)]
    assert outcomes == ["hidden"] * 3 and await picks(chats) == [1]
    await withdraw_flags(chats.database, hidden)
    assert await record_choice(chats.database, duel, 2, "a") == "recorded"
    assert await picks(chats) == [1, -1]


async def picks(chats) -> list[int]:
    return [row.pick for row in await list_duel_picks(chats.database, chats.trial)]


async def test_a_forgotten_persons_duels_go(chats):
    duel = await chats.duel(chat=5)
    await record_choice(chats.database, duel, 5, "a")
    await forget_rows(chats.database, 5)
    assert await get_duel(chats.database, duel.id) is None
