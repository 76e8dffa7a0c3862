"""`jokebot backup` beside a running bot, `jokebot restore` only without one."""

import asyncio
from pathlib import Path

import pytest

from bot.maintenance import backup_job as clockwork
from configs.settings import Settings
from storage.database import Database
from storage.maintenance.backup import list_backups
from tests.bot.cli.command import jokebot
from tests.waiting import until


async def command(settings: Settings, *arguments: str) -> tuple[int, str]:
    """A command's exit code and all it said."""
    code, out, err = await jokebot(*arguments, JOKEBOT_STORAGE_DIRECTORY=str(settings.storage.directory))
    return code, out + err


async def test_a_running_bot_is_backed_up_and_not_restored_over(stage, tmp_path):
    joke = await stage.joke(stage.send_photo())
    await stage.press(joke, 0)
    code, said = await command(stage.settings, "backup")
    assert (code, "1 photos, 1 ratings" in said) == (0, True), said
    code, said = await command(stage.settings, "restore")
    assert (code, "Another bot is at work" in said) == (2, True), said
    await stage.joke(stage.send_photo())
    elsewhere = stage.settings.model_copy(
        update={"storage": stage.settings.storage.model_copy(update={"directory": tmp_path / "new"})}
    )
    [made] = list_backups(stage.settings.backup_folder)
    code, said = await command(elsewhere, "restore", str(made.directory))
    assert code == 0, said
    restored = await Database.open(elsewhere.storage.database)
    assert [tuple(row) for row in await restored.rows("SELECT person_id, value FROM ratings")] == [(stage.alice, 3)]
    await restored.close()


async def test_a_restore_without_a_backup_says_so(stage_with, tmp_path):
    settings = Settings(storage={"directory": tmp_path / "empty"})
    code, said = await command(settings, "restore")
    assert (code, "There is no backup" in said) == (2, True), said
    code, said = await command(settings, "backup")
    assert (code, "nothing to back up" in said) == (2, True), said
    assert "Traceback" not in said


async def test_backups_are_made_by_the_clock_and_only_when_one_is_due(stage_with, monkeypatch):
    monkeypatch.setattr(clockwork, "START_S", 0.0)
    monkeypatch.setattr(clockwork, "CHECK_INTERVAL_S", 0.05)
    stage = await stage_with(backup={"every_h": 24.0})
    folder: Path = stage.settings.backup_folder
    await until(lambda: list_backups(folder))
    await stage.joke(stage.send_photo())
    [only] = await asyncio.to_thread(list_backups, folder)
    real = clockwork.time.time
    monkeypatch.setattr(clockwork.time, "time", lambda: real() + 25 * 3600)
    await until(lambda: list_backups(folder)[-1] != only)


@pytest.mark.parametrize("wrong", ["every_h = -1", "keep = 0"])
async def test_wrong_settings_are_named(tmp_path, wrong):
    (tmp_path / "jokebot.toml").write_text(f"[backup]\n{wrong}\n")
    code, _, err = await jokebot("backup", JOKEBOT_CONFIG=str(tmp_path / "jokebot.toml"))
    assert code == 2 and f"backup.{wrong.split()[0]}" in err
