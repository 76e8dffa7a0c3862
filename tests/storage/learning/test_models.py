"""The registry has one champion, and a base is registered once."""

import asyncio
import sqlite3

import pytest

from storage.learning.models import get_champion, register_base


async def test_the_first_base_is_the_champion(database):
    assert await get_champion(database) is None
    base = await register_base(database, "InternVL2-2B", "/models/InternVL2-2B", "sha256:ab")
    assert (base.status, base.directory, base.digest, base.parent_id, base.base_id) == (
        "champion",
        "/models/InternVL2-2B",
        "sha256:ab",
        None,
        None,
    )
    assert await get_champion(database) == base


async def test_a_start_registers_nothing_twice(database):
    first = await register_base(database, "base", None)
    assert await asyncio.gather(*(register_base(database, "base", None) for _ in range(10))) == [first] * 10
    assert await database.value("SELECT count(*) FROM models") == 1


async def test_a_second_base_leaves_the_champion_in_service(database):
    first = await register_base(database, "one", None)
    second = await register_base(database, "two", None)
    assert second.status == "base"
    assert await get_champion(database) == first


async def test_there_is_never_a_second_champion(database):
    await register_base(database, "one", None)
    second = await register_base(database, "two", None)
    with pytest.raises(sqlite3.IntegrityError):
        async with database.write() as connection:
            await connection.execute("UPDATE models SET status = 'champion' WHERE id = ?", (second.id,))


async def test_a_status_outside_the_registry_is_refused(database):
    base = await register_base(database, "one", None)
    with pytest.raises(sqlite3.IntegrityError):
        async with database.write() as connection:
            await connection.execute("UPDATE models SET status = 'best' WHERE id = ?", (base.id,))
