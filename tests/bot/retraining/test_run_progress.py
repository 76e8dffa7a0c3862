"""The progress of a run: at every moment it says how far it is, or what is done and for how long."""

import json
import time

import pytest

from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from bot.retraining.run_progress import RunProgress, RunProgressReader, format_progress
from storage.database import Database
from storage.learning import runs


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    yield database
    await database.close()


@pytest.fixture
async def shown(database, tmp_path):
    """`await shown(state, file=…, content=…)`: the message's lines for a run in that state."""
    reader = RunProgressReader(database, tmp_path / "runs", 40)
    run = await runs.create_run(database, "command")

    async def show(state, file="", content=None, since_s=0.0):
        async with database.write() as connection:
            await connection.execute("UPDATE runs SET state = ?", (state,))
            await connection.execute("DELETE FROM run_states")
            await connection.execute("INSERT INTO run_states VALUES (?, ?, ?)", (run.id, state, time.time() - since_s))
        if file:
            path = reader.run_folder(run) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({**content, "updated": time.time() - since_s}))
        now = await runs.get_run(database, run.id)
        localize = Localizer(Translator(), "en")
        return format_progress(now, await reader.read(now), localize).split("\n")[1:]

    return show


@pytest.mark.parametrize("state", ["queued", "exporting", "training", "merging", "judging"])
async def test_a_step_that_counts_nothing_says_how_long_it_has_taken(shown, state):
    (short,), (long,), (hour,) = [await shown(state, since_s=seconds) for seconds in (4, 34, 3600)]
    assert short and long == f"{short} · 30 s" and hour == f"{short} · 60 minutes"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"state": "starting", "phase": "checking"}, "Getting ready: checking the jokes and their photos · 20 s"),
        ({"state": "starting", "phase": "library"}, "Getting ready: loading XTuner · 20 s"),
        ({"state": "starting", "phase": "model"}, "Getting ready: loading the model · 20 s"),
        ({"state": "running", "phase": "", "step": 0, "steps": 1}, "The first step · 20 s"),
    ],
)
async def test_getting_ready_says_what_it_does(shown, content, line):
    assert await shown("training", "progress.json", content, since_s=22) == [line]


async def test_after_the_last_step_no_time_is_left_to_go(shown):
    content = {"state": "running", "phase": "", "step": 1, "steps": 1, "loss": 2.0, "eta_s": 0.0}
    bar, counted, note = await shown("training", "progress.json", content, since_s=31)
    assert bar.endswith("100%") and counted == "Step 1 of 1 · loss 2"
    assert note == "All steps are done. Saving what was learnt · 30 s"


async def test_a_training_that_goes_on_after_a_restart_shows_its_bar_while_it_gets_ready(shown):
    content = {"state": "starting", "phase": "model", "step": 5, "steps": 10, "loss": 2.0, "eta_s": 90.0}
    bar, _, note = await shown("training", "progress.json", content, since_s=11)
    assert bar.endswith("50%") and note == "Getting ready: loading the model · 10 s"


@pytest.mark.parametrize(
    ("step", "done", "models", "percent", "note"),
    [
        ("candidate", 5, 3, 8, []),
        ("candidate", 20, 3, 33, ["Loading the next model · 10 s"]),
        ("champion", 10, 3, 50, []),
        ("base", 10, 3, 83, []),
        ("base", 20, 3, 100, ["Comparing their jokes · 10 s"]),
        ("champion", 20, 2, 100, ["Comparing their jokes · 10 s"]),
    ],
)
async def test_the_gates_bar_goes_through_all_models_and_never_back(shown, step, done, models, percent, note):
    content = {"step": step, "done": done, "of": 20, "models": models}
    bar, _, *rest = await shown("judging", "gate/gate_progress.json", content, since_s=12)
    assert bar.endswith(f" {percent}%") and rest == note


async def test_a_trial_with_all_its_ratings_waits_for_its_verdict(database):
    run = await runs.create_run(database, "command")
    async with database.write() as connection:
        await connection.execute("UPDATE runs SET state = 'canary'")
    localize = Localizer(Translator(), "en")
    text = format_progress(await runs.get_run(database, run.id), RunProgress(40, 40, phase="deciding"), localize)
    assert text.endswith("40 of 40 ratings\nThese are enough. The verdict comes in a moment.")
