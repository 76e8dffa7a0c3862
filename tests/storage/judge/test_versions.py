"""The registry of judges: service, trials, rollback, forgetting, old files, backups."""

import os
import time
from dataclasses import replace

import numpy as np
import pytest

from bot.jokes.judge_source import StoredJudgeSource
from configs.settings import StorageSettings
from storage.chat.ratings import record_rating
from storage.judge import erasure, registry
from storage.judge.features import SIGNATURE_COLUMNS
from storage.judge.scorer import Judge, PersonalEffects
from storage.learning.promotion import promote, rollback
from storage.maintenance.backup import back_up
from storage.maintenance.restore import restore
from tests.bot.judges import judge_that_likes

ANN, BOB, GROUP = 7_654_321_012_345, 42, -100


def judge_of(word: str, *users: int) -> Judge:
    effects = PersonalEffects(np.array(sorted(users)), np.ones(len(users)), np.ones((len(users), SIGNATURE_COLUMNS)))
    group = PersonalEffects(np.array([GROUP]), np.ones(1), np.ones((1, SIGNATURE_COLUMNS)))
    members = np.array([[GROUP, user] for user in sorted(users)]).reshape(-1, 2)
    measures = {"usable": True, "ratings": 100, "pair_accuracy": 0.6, "pair_accuracy_bound": 0.55, "pairs": 500}
    return replace(judge_that_likes(word).judge, users=effects, chats=group, members=members, measures=measures)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "judges"


@pytest.fixture
def add(database, folder):
    """Writes and registers a judge."""

    async def register(word: str = "cat", *users: int, usable: bool = True, began_at: float | None = None):
        judge = judge_of(word, *users)
        judge.save(registry.judge_file(folder, judge.version))
        return await registry.register_judge(
            database,
            judge.version,
            usable=usable,
            reactions=100,
            measures=judge.measures,
            began_at=time.time() if began_at is None else began_at,
        )

    return register


async def add_model(database, name: str) -> int:
    async with database.write() as connection:
        cursor = await connection.execute(
            "INSERT INTO models (name, status, base_id, parent_id, created_at) VALUES (?, 'candidate', 1, 1, 0)",
            (name,),
        )
        return cursor.lastrowid


async def serving(database) -> int | None:
    record = await registry.get_serving_judge(database)
    return record and record.id


async def test_a_new_judge_enters_service_at_once(database, memory, add):
    first = await add("cat")
    second = await add("dog")
    assert await serving(database) == second.id and first.id != second.id
    assert [record.status for record in await registry.list_judges(database)] == ["serving", "kept"]


async def test_the_holder_loads_the_judge_in_service_and_only_a_usable_one(database, memory, add, folder):
    source = StoredJudgeSource(database, folder)
    await source.refresh()
    assert source.current is None
    first = await add("cat")
    await source.refresh()
    assert source.current and source.current.id == first.id
    await add("dog", usable=False)
    await source.refresh()
    assert source.current is None


async def test_a_missing_file_means_no_judge_and_no_error(database, memory, add, folder):
    record = await add("cat")
    registry.judge_file(folder, record.digest).unlink()
    source = StoredJudgeSource(database, folder)
    await source.refresh()
    assert source.current is None
    await erasure.erase_from_judges(database, folder)
    assert await registry.list_judges(database) == []


async def open_trial(database, served_ago_s):
    """Begin a trial a second ago; the judge in service has served for that long."""
    model = await add_model(database, "candidate")
    async with database.write() as connection:
        await connection.execute(
            "INSERT INTO runs (id, state, started_by, created_at) VALUES (1, 'canary', 'admin', 0)"
        )
        await connection.execute(
            "INSERT INTO trials (run_id, champion_id, candidate_id, began_at) VALUES (1, 1, ?, ?)",
            (model, time.time() - 1),
        )
        await connection.execute("UPDATE judges SET served_at = ?", (time.time() - served_ago_s,))


async def test_during_a_trial_one_judge_serves_and_the_next_stage_may_change_it_once(database, memory, add):
    first = await add("cat")
    await open_trial(database, 0.5)
    waiting = await add("dog")
    assert await serving(database) == first.id and waiting.status == "waiting"
    async with database.write() as connection:
        await connection.execute("UPDATE trials SET late_at = ?", (time.time(),))
    await registry.serve_waiting_judge(database)
    assert await serving(database) == waiting.id
    last = await add("bus")
    assert await serving(database) == waiting.id
    async with database.write() as connection:
        await connection.execute("UPDATE trials SET ended_at = ?", (time.time(),))
    await registry.serve_waiting_judge(database)
    assert await serving(database) == last.id


async def test_during_a_trial_a_usable_judge_enters_where_none_serves_and_an_unusable_one_never(database, memory, add):
    unusable = await add("cat", usable=False)
    await open_trial(database, 0.5)
    assert (await add("bus", usable=False)).status == "waiting" and await serving(database) == unusable.id
    usable = await add("dog")
    assert await serving(database) == usable.id
    assert (await add("fox")).status == "waiting" and await serving(database) == usable.id
    async with database.write() as connection:
        await connection.execute("UPDATE judges SET status = 'kept' WHERE status = 'waiting'")
        await connection.execute("UPDATE trials SET late_at = ?", (time.time() + 1,))
    assert (await add("cow", usable=False)).status == "waiting" and await serving(database) == usable.id


async def test_a_rollback_brings_back_the_judge_that_served_with_the_model_and_ratings_stay(database, memory, add):
    joke = await memory.joke(await memory.photo(BOB), BOB)
    await record_rating(database, joke, BOB, 3)
    with_base = await add("cat")
    await promote(database, await add_model(database, "tuned"), "admin")
    assert await serving(database) == with_base.id
    with_tuned = await add("dog")
    assert await serving(database) == with_tuned.id
    await rollback(database)
    assert await serving(database) == with_base.id
    assert await database.value("SELECT count(*) FROM ratings") == 1
    assert await database.value("SELECT count(*) FROM judges WHERE status != 'removed'") == 2


async def test_forget_removes_the_user_from_every_file_and_makes_the_judges_stale(database, memory, add, folder):
    for person in (ANN, BOB):
        joke = await memory.joke(await memory.photo(person, 300 + person % 7), person)
        await record_rating(database, joke, person, 3)
    await add("cat", ANN, BOB)
    await add("dog", ANN, BOB)
    assert any(ANN.to_bytes(8, "little") in file.read_bytes() for file in folder.iterdir())
    await memory.forget(ANN, judges=folder)
    files = list(folder.iterdir())
    assert len(files) == 2 and not [file for file in files if ANN.to_bytes(8, "little") in file.read_bytes()]
    records = await registry.list_judges(database)
    assert all(record.stale for record in records) and {file.stem for file in files} == {r.digest for r in records}
    judge = Judge.load(registry.judge_file(folder, records[0].digest))
    assert judge.users.ids.tolist() == [BOB] and judge.chats.ids.tolist() == []


async def test_an_interrupted_erasure_is_finished_by_the_next(database, memory, add, folder):
    joke = await memory.joke(await memory.photo(BOB), BOB)
    await record_rating(database, joke, BOB, 3)
    record = await add("cat", ANN, BOB)
    half_done = Judge.load(registry.judge_file(folder, record.digest)).without_people([ANN], [GROUP])
    half_done.save(registry.judge_file(folder, half_done.version))  # killed before the row was changed
    await erasure.erase_from_judges(database, folder)
    (left,) = folder.iterdir()
    assert left.stem == half_done.version and (await registry.list_judges(database))[0].digest == half_done.version


async def test_a_judge_whose_data_was_read_before_a_user_was_forgotten_is_stale(database, memory, add):
    await memory.joke(await memory.photo(ANN), ANN)
    began_at = time.time() - 1
    await memory.forget(ANN)
    assert (await add("cat", began_at=began_at)).stale and not (await add("dog", began_at=time.time() + 1)).stale


async def test_a_stale_judge_never_comes_back(database, memory, add):
    old = await add("cat")
    await promote(database, await add_model(database, "tuned"), "admin")
    async with database.write() as connection:
        await erasure.note_erasure(connection)
    fresh = await add("dog", began_at=time.time() + 1)
    await rollback(database)
    assert old.id != fresh.id and await serving(database) == fresh.id


async def test_old_files_are_removed_but_the_last_judge_of_a_model_stays(database, memory, add, folder):
    of_base = await add("first")
    await promote(database, await add_model(database, "tuned"), "admin")
    added = [await add(word) for word in ("a", "b", "c", "d")]
    await erasure.remove_old_judges(database, folder, keep=2)
    left = {record.id for record in await registry.list_judges(database)}
    assert left == {of_base.id, added[2].id, added[3].id}
    assert {file.stem for file in folder.iterdir()} == {r.digest for r in await registry.list_judges(database)}


async def test_the_file_of_a_killed_fit_is_removed_later(database, memory, folder):
    orphan = registry.judge_file(folder, "ab" * 32)
    judge_of("cat", ANN).save(orphan)
    await erasure.erase_from_judges(database, folder)
    assert orphan.exists()  # it may be of a fit that is about to record it
    os.utime(orphan, (time.time() - 2 * erasure.ORPHAN_S,) * 2)
    await erasure.erase_from_judges(database, folder)
    assert not orphan.exists()


async def test_a_backup_has_the_judges_and_a_restore_brings_them_back(tmp_path, database, memory, add, folder):
    record = await add("cat")
    judge_of("start").save(folder / registry.PRIOR)
    storage = StorageSettings(directory=tmp_path)
    backup = back_up(storage, tmp_path / "backups")
    names = {f"{record.digest}.judge", registry.PRIOR}
    assert {file.name for file in (backup.directory / "judges").iterdir()} == names
    other = StorageSettings(directory=tmp_path / "restored")
    restore(backup.directory, other)
    assert {file.name for file in other.judges.iterdir()} == names
