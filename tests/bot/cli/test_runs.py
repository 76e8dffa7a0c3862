"""`jokebot runs` and `jokebot models` show in a terminal what the chat shows: state, trial, measures, gallery, who
serves.
"""

import argparse

import pytest
from rich.console import Console

from bot.cli import models as models_command
from bot.cli import runs as runs_command
from configs.settings import Settings
from storage.database import Database
from storage.learning import models, promotion, runs
from storage.learning.models import NewModel
from storage.learning.trials import begin_trial, record_trial_measures

VERDICT = {
    "answer": "promote",
    "reasons": ["Nothing speaks against it."],
    "measures": {"likelihood": {"champion": 1.5, "candidate": 1.25, "interval": None}, "seconds": 3.0},
    "gallery": [
        {
            "photo": "images/0123456789abcdef.jpg",
            "language": "en",
            "champion": "Old [bold]joke[/]",
            "candidate": "New joke",
        }
    ],
}


@pytest.fixture
def settings(tmp_path):
    return Settings(storage={"directory": tmp_path})


@pytest.fixture
async def on_trial(settings):
    """A run in canary whose trial has begun; its database stays open for the test."""
    database = await Database.open(settings.storage.database)
    base = await models.register_base(database, "base", None)
    run = await runs.create_run(database, "admin", asked_by=7)
    for state, changes in (
        ("exporting", {"model_name": "run-1"}),
        ("training", {"dataset": "f" * 64, "start_id": base.id}),
        ("merging", {}),
    ):
        run = await runs.advance(database, run, state, **changes)
    run = await promotion.record_merge(
        database, run, NewModel("run-1", base.id, base.id, base.id, "f" * 64, run.id, "/models/run-1", "sha", "{}")
    )
    run = await promotion.record_verdict(database, run, base.id, VERDICT)
    trial = await begin_trial(database, run.id, base.id, run.candidate_id)
    await record_trial_measures(
        database, trial.id, {"champion": {"ratings": 40, "likes": 20}, "candidate": {"ratings": 10, "likes": 7}}
    )
    yield run
    await database.close()


async def said(settings, *arguments):
    parser = argparse.ArgumentParser()
    runs_command.add_arguments(parser)
    console = Console(width=200, record=True, file=None, quiet=False)
    await runs_command.show(parser.parse_args(list(arguments)), settings, console)
    return console.export_text()


async def test_a_run_is_shown_with_its_trial_measures_and_gallery(settings, on_trial):
    text = await said(settings, "1")
    for line in (
        "canary",
        "50 of 1,000 ratings: champion 50% liked, candidate 70% liked",
        "1.5 → 1.25",
        "0123456789ab",
        "Old [bold]joke[/]",
        "→ New joke",
        "1 (base)",
        "2 (run-1)",
        "Nothing speaks against it.",
    ):
        assert line in text
    with pytest.raises(runs.RunError, match="no run 9"):
        await said(settings, "9")


async def test_runs_are_listed_and_so_are_models(settings, on_trial, capsys):
    assert "canary" in await said(settings)
    await models_command.show(argparse.Namespace(), settings)
    lines = capsys.readouterr().out.splitlines()
    assert any("base" in line and "champion" in line for line in lines) and any(
        "run-1" in line and "candidate" in line for line in lines
    )


async def test_nothing_yet_is_said_in_words(settings, capsys):
    assert "There were no runs yet" in await said(settings)
    await models_command.show(argparse.Namespace(), settings)
    assert "There are no models yet" in capsys.readouterr().out


async def test_a_run_on_trial_keeps_others_waiting(settings, on_trial):
    database = await Database.open(settings.storage.database)
    with pytest.raises(runs.RunInProgress, match="Run 1 is on trial in the chats"):
        await runs.create_run(database, "command")
    await database.close()


@pytest.mark.parametrize("number", [99, 2**63, -(2**70)])
async def test_a_number_of_no_run_is_said_to_be_none(tmp_path, number):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    try:
        with pytest.raises(runs.RunError, match=f"no run {number}"):
            await runs.get_run(database, number)
        assert await runs.list_runs(database, 2**64) == []
    finally:
        await database.close()
