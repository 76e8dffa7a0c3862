"""A filled database of any older version is migrated without loss."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from storage import database as module
from storage.chat.best import list_best_jokes
from storage.chat.stats import get_overall_stats
from storage.database import Database, migrations

VERSIONS = [number for number, _ in migrations()]
ROWS = {
    1: """INSERT INTO models (id, name, status, directory, created_at)
          VALUES (1, 'base', 'champion', '/models/base', 1);
          INSERT INTO photos
          VALUES (1, 'aa', -5, 640, 480, 9000, 'image/jpeg', 2), (2, 'bb', 5, 64, 48, 900, 'image/webp', 3);
          INSERT INTO photo_senders VALUES (1, 11, 2), (2, 12, 3), (1, 12, 4);
          INSERT INTO jokes (id, photo_id, model_id, person_id, language, style, caption, prompt, text, temperature,
                             top_p, max_tokens, prompt_tokens, completion_tokens, latency_s, created_at)
                            VALUES (1, 1, 1, 11, 'en', 'pun', 'a caption', 'Ask', 'Ha', 0.8, 0.9, 160, 300, 12, 1.5, 5),
                                   (2, 2, 1, 12, 'zh', 'naodong', NULL, 'Ask', '哈', 0.8, 0.9, 160, NULL, NULL, 2.5, 6);
          INSERT INTO deliveries VALUES (1, 1, 11, 101, 7, 5), (2, 2, 12, 102, 8, 6);
          INSERT INTO ratings (joke_id, person_id, value, created_at, updated_at)
          VALUES (1, 11, 3, 7, 7), (1, 12, 1, 8, 9), (2, 12, 2, 9, 9);
          INSERT INTO inbox (update_id, payload, state, received_at)
          VALUES (7, NULL, 'done', 4), (9, '{"update_id": 9}', 'pending', 10);""",
    2: """INSERT INTO photo_groups VALUES (1, 'train', 5), (2, 'holdout', 5);
          INSERT INTO grouped_photos VALUES (1, 1), (2, 2);
          INSERT INTO datasets (id, name, source, state, created_at) VALUES (1, '3f9c', 'ratings', 'trained', 11);
          INSERT INTO dataset_rows (dataset_id, row_id, part, joke_id) VALUES (1, 'joke-1', 'train', 1);
          INSERT INTO dataset_raters VALUES (1, 0, 11);""",
    3: "UPDATE inbox SET joke_id = 2, message_id = 77 WHERE update_id = 9;",
    5: "INSERT INTO private_people VALUES (13, 12);",
    6: """INSERT INTO models (id, name, status, directory, created_at)
          VALUES (2, 'run-1', 'canary', '/models/run-1', 20);
          INSERT INTO runs (id, state, started_by, candidate_id, champion_id, created_at)
          VALUES (1, 'canary', 'admin', 2, 1, 19);
          INSERT INTO run_states VALUES (1, 'queued', 19), (1, 'canary', 21);
          INSERT INTO promotions (id, model_id, kind, at) VALUES (1, 1, 'admin', 1);""",
    7: """INSERT INTO trials (id, run_id, champion_id, candidate_id, began_at) VALUES (1, 1, 1, 2, 21);
          INSERT INTO duels (id, trial_id, update_id, person_id, chat_id, first_model_id, joke_a, joke_b,
          after_delivery, created_at)
              VALUES (1, 1, 30, 11, 11, 2, 1, 2, 2, 22);""",
    9: "INSERT INTO reviews VALUES (2, 0, 11, 23);",
    11: "INSERT INTO chosen_languages VALUES (11, 'zh');",
    21: """INSERT INTO joke_candidates (joke_id, text, score, latency_s) VALUES (1, 'Not shown', 0.2, 1.0);
           INSERT INTO hidden_votes VALUES (1, 99);""",
}
"""What a program of that version had written, statements that its tables take."""


@pytest.fixture
def old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Makes a file as the program of some version left it."""

    async def make(version: int) -> Path:
        folder, path = tmp_path / "migrations", tmp_path / "jokebot.sqlite3"
        folder.mkdir()
        for number, file in migrations():
            if number <= version:
                shutil.copy(file, folder)
        with monkeypatch.context() as patch:
            patch.setattr(module, "MIGRATIONS", folder)
            await (await Database.open(path)).close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.executescript("".join(rows for number, rows in ROWS.items() if number <= version))
        return path

    return make


def shape(path: Path) -> dict[str, list]:
    """Each table's columns, each index's, as SQLite sees them."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'index')").fetchall()
        return {
            name: sorted(
                (row[1:] for row in connection.execute(f"PRAGMA {kind}_{'x' * (kind == 'table')}info('{name}')")),
                key=repr,
            )
            for kind, name in names
        }


def contents(path: Path) -> dict[str, list[dict]]:
    """All rows of all tables but the record of migrations, as {column: value}."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")]
            for table in tables
            if table != "migrations"
        }


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_old_file_becomes_today_s_with_all_that_was_in_it(old_file, tmp_path, version):
    path = await old_file(version)
    before = contents(path)
    await (await Database.open(path)).close()
    await (await Database.open(tmp_path / "new" / "jokebot.sqlite3")).close()
    after = contents(path)
    for table, rows in before.items():
        assert [{name: row[name] for name in old} for row, old in zip(after[table], rows, strict=True)] == rows, table
    assert shape(path) == shape(tmp_path / "new" / "jokebot.sqlite3")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_program_reads_what_an_older_one_wrote(old_file, version):
    database = await Database.open(await old_file(version))
    try:
        stats = await get_overall_stats(database)
        assert (stats.photos, stats.jokes, stats.ratings, stats.liked) == (2, 2, 3, 2)
        assert [told.text for told in await list_best_jokes(database, 11, minimum=1, limit=9)] == ["Ha"]
        assert await database.value("SELECT count(*) FROM inbox WHERE state = 'pending'") == 1
    finally:
        await database.close()
