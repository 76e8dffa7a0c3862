"""Chat settings, and the number of jokes a day."""

import asyncio
import sqlite3

import pytest

from storage.chat.chats import (
    ChatSettings,
    all_chats,
    change_chat,
    claim_quota_notice,
    is_quota_used_up,
    move_chat,
    release_quota,
    reserve_quota,
)
from storage.maintenance.forget_person import forget_rows

GROUP, SUPERGROUP, ALICE, MONDAY, TUESDAY = -100, -1_000_100, 7, "2026-11-23", "2026-11-24"


async def test_a_chat_has_the_usual_settings_until_it_changes_some(database):
    assert await all_chats(database) == {}
    assert await change_chat(database, GROUP, style="pun", daily=5) == ChatSettings(GROUP, style="pun", daily=5)
    assert await change_chat(database, GROUP, style=None) == ChatSettings(GROUP, daily=5)
    assert await all_chats(database) == {GROUP: ChatSettings(GROUP, daily=5)}


@pytest.mark.parametrize("values", [{"answers": "never"}, {"daily": 0}, {"changers": "bob"}])
async def test_a_value_that_none_may_have_is_refused(database, values):
    with pytest.raises(sqlite3.IntegrityError):
        await change_chat(database, GROUP, **values)
    assert await all_chats(database) == {}


async def test_no_other_column_can_be_named(database):
    with pytest.raises(TypeError):
        await change_chat(database, GROUP, **{"style = 'pun' --": 1})


async def test_a_group_that_becomes_a_supergroup_keeps_its_settings_and_its_count(database):
    await change_chat(database, GROUP, style="pun", daily=1)
    assert await reserve_quota(database, GROUP, 1, MONDAY, 1)
    for _ in range(2):
        assert await move_chat(database, GROUP, SUPERGROUP) == ChatSettings(SUPERGROUP, style="pun", daily=1)
    assert list(await all_chats(database)) == [SUPERGROUP]
    assert not await reserve_quota(database, SUPERGROUP, 2, MONDAY, 1)
    assert await move_chat(database, -5, -6) is None


async def test_forgetting_a_person_takes_their_private_chats_settings_and_no_groups(database):
    for chat in (GROUP, ALICE):
        await change_chat(database, chat, style="pun")
        await reserve_quota(database, chat, abs(chat), MONDAY, 5)
    await forget_rows(database, ALICE)
    assert list(await all_chats(database)) == [GROUP]
    assert await database.value("SELECT group_concat(chat_id) FROM chat_jokes") == str(GROUP)


async def test_no_more_jokes_than_the_limit_however_many_ask_at_once(database):
    taken = await asyncio.gather(*(reserve_quota(database, GROUP, update, MONDAY, 3) for update in range(9)))
    assert sum(taken) == 3
    assert await is_quota_used_up(database, GROUP, 99, MONDAY, 3) and not await is_quota_used_up(
        database, GROUP, 99, MONDAY, 4
    )


async def test_an_update_that_is_worked_on_again_counts_once(database):
    assert await reserve_quota(database, GROUP, 1, MONDAY, 2) and await reserve_quota(database, GROUP, 1, MONDAY, 2)
    assert await reserve_quota(database, GROUP, 2, MONDAY, 2) and not await reserve_quota(database, GROUP, 3, MONDAY, 2)
    assert await reserve_quota(database, GROUP, 1, MONDAY, 2) and not await is_quota_used_up(
        database, GROUP, 1, MONDAY, 2
    )


async def test_what_came_to_nothing_is_given_back_and_a_new_day_begins_at_nought(database):
    assert await reserve_quota(database, GROUP, 1, MONDAY, 1)
    await release_quota(database, 1)
    assert await reserve_quota(database, GROUP, 2, MONDAY, 1)
    assert not await is_quota_used_up(database, GROUP, 3, TUESDAY, 1) and await reserve_quota(
        database, GROUP, 3, TUESDAY, 1
    )
    assert await database.value("SELECT count(*) FROM chat_jokes") == 1


async def test_it_is_said_once_a_day_that_they_are_used_up(database):
    await change_chat(database, GROUP, daily=1)
    said = [
        await claim_quota_notice(database, GROUP, update, day)
        for update, day in ((1, MONDAY), (2, MONDAY), (1, MONDAY), (3, TUESDAY), (1, TUESDAY))
    ]
    assert said == [True, False, True, True, False]
