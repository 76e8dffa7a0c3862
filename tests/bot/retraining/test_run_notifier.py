"""A run's messages to admins: one with the progress, a picture after the gate, each outcome once."""

import asyncio
import dataclasses
import io
import json

import pytest
from PIL import Image

from bot.experiments.forecast import forecast_text
from bot.i18n.formatting import duration
from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from bot.retraining.evaluation_summary import EvaluationSummary
from bot.retraining.run_progress import RunProgress, format_progress
from configs.settings import Settings
from configs.trials import CanarySettings
from storage.database import Database
from storage.learning import promotion, run_notices, runs
from storage.learning.trials import TrialRecord
from tests.bot.retraining.conftest import judged_run

WORDS = Translator()
MEASURES = {
    "photos": 40,
    "likelihood": {
        "champion": 2.5,
        "candidate": 2.25,
        "difference": -0.25,
        "interval": [-0.4, -0.1],
        "photos": 40,
        "jokes": 60,
    },
    "variety": {"champion": 40.2, "candidate": 31.0},
    "replies": {
        "champion": {"replies": 40, "empty": 0, "broken": 1, "language": 0},
        "candidate": {"replies": 40, "empty": 0, "broken": 0, "language": 0},
    },
    "distinct": {"champion": 0.8, "candidate": 0.3, "taught": 0.8, "reference": 0.8},
    "copying": {"champion": None, "candidate": None, "taught": None, "reference": None},
}


def texts(stage, person=None):
    return [one.get("text", one.get("caption", "")) for one in stage.world.messages(person or stage.alice)]


async def told(stage, text, person=None):
    await stage.world.wait_for(lambda _: any(text in one for one in texts(stage, person)), 60)


async def noted(stage):
    """Wait until the message about an end is recorded."""
    for _ in range(6000):
        if await stage.value("SELECT count(*) FROM run_news WHERE what = 'ended'"):
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(stage.world.describe())


def write_results(data, run, picture):
    """Write the results of a run's process and the export: losses, and a dataset with its pictures."""
    folder, dataset = data / "runs" / str(run), data / "datasets" / "d"
    (dataset / "images").mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "losses.jsonl").write_text(
        "".join(json.dumps({"step": step, "loss": 3 - step / 10}) + "\n" for step in range(1, 21)) + '{"step": 21, "lo'
    )
    (dataset / "images" / "a.jpg").write_bytes(picture((640, 480)))
    (dataset / "manifest.json").write_text(json.dumps({"counts": {"train": 42, "holdout": 5}}))


async def test_the_picture_comes_when_the_gate_has_spoken_and_each_thing_is_told_once(curtain, tmp_path, picture):
    write_results(tmp_path / "data", 1, picture)
    gallery = [
        {"photo": "images/a.jpg", "language": "zh", "champion": "旧笑话。", "candidate": "新笑话，$5 & <b>！😂"},
        {"photo": "images/gone.jpg", "language": "en", "champion": "Old.", "candidate": "New."},
    ]
    async with curtain() as stage:
        run = await judged_run(stage.app.database, "undecided", measures=MEASURES, codes=["few"], gallery=gallery)
        end = stage.words("run-ended-undecided", run=1)
        message = await stage.world.wait_for(
            lambda world: next((one for one in world.messages(stage.alice) if end in one.get("caption", "")), None), 60
        )
        assert message["caption"].split("\n") == [
            end,
            stage.words("gate-few"),
            stage.words("run-keep", model=run.candidate_id),
        ]
        assert not texts(stage, stage.bob)
        shown = Image.open(io.BytesIO(stage.world.files.get(message["photo"][-1]["file_id"]).data))
        assert shown.width == 1080 and 1000 < shown.height <= 2160
        await noted(stage)
    async with curtain() as stage:
        later = await runs.create_run(stage.app.database, "command")
        await promotion.end_run(stage.app.database, later, "failed", "The disk is full.")
        await told(stage, "The disk is full.")
        assert sum(end in one for one in texts(stage)) == 1


async def test_an_admin_who_cannot_be_reached_costs_the_others_nothing(stage_with, sections):
    sections["telegram"]["admins"].append(1002)
    stage = await stage_with(**sections)
    stage.world.block(stage.alice)
    run = await runs.create_run(stage.app.database, "command")
    await promotion.end_run(stage.app.database, run, "failed", "The disk is full.")
    await told(stage, stage.words("run-ended-failed", run=1), stage.bob)
    await told(stage, "The disk is full.", stage.bob)


async def test_a_bot_that_is_started_again_goes_on_with_the_same_message(curtain, theatre):
    theatre.play({"row": {"state": "training"}}, {"wait": "next"}, {"row": {"state": "merging"}}, {"wait": "never"})
    async with curtain() as stage:
        run = await runs.create_run(stage.app.database, "command")
        await told(stage, stage.words("run-doing-training"))
        await stage.world.wait_for(lambda _: texts(stage), 60)
    theatre.go("next")
    async with curtain() as stage:
        await told(stage, stage.words("run-doing-merging"))
        assert await run_notices.all_tracked_messages(stage.app.database, run.id) == {stage.alice: 1}
        assert len(texts(stage)) == 1


async def test_what_came_of_a_run_while_the_bot_was_down_is_told_at_its_start(curtain, theatre):
    theatre.play({"wait": "never"})
    async with curtain() as stage:
        run = await runs.create_run(stage.app.database, "command")
        await told(stage, stage.words("run-doing-queued"))
    database = await Database.open(stage.settings.storage.database)
    await promotion.end_run(database, run, "failed", "Lightning.")
    await database.close()
    async with curtain() as stage:
        await told(stage, "Lightning.")
        await stage.world.wait_for(lambda _: stage.words("run-state-failed") in texts(stage)[0], 60)


async def test_admins_are_told_in_the_language_they_speak(stage_with, sections):
    sections["telegram"]["admins"] = [1003]
    stage = await stage_with(**sections)
    await stage.answer(stage.world.send_text(stage.ming, stage.ming, "/runs"))
    run = await runs.create_run(stage.app.database, "command")
    await promotion.end_run(stage.app.database, run, "cancelled", "")
    await told(stage, stage.words("run-ended-cancelled", "zh", run=run.id), stage.ming)


@pytest.mark.parametrize("language", WORDS.languages)
def test_measures_are_read_as_people_read_them(language):
    found = {
        row.label: row
        for row in EvaluationSummary(Localizer(WORDS, language)).rows({"measures": MEASURES, "codes": ["distinct"]})
    }
    likelihood = found[WORDS.format(language, "measure-likelihood") + " ↓"]
    assert (likelihood.old, likelihood.new, likelihood.better) == ("2.500", "2.250", True)
    variety = found[WORDS.format(language, "measure-variety") + " ↑"]
    assert (variety.old, variety.new, variety.better) == ("40.2", "31.0", None)
    assert found[WORDS.format(language, "measure-distinct") + " ↑"].better is False
    assert WORDS.format(language, "measure-copying") + " ↓" not in found


def test_what_people_said_in_the_trial_comes_first():
    seen = {
        "champion": {"likes": 30, "ratings": 60, "units": 60},
        "candidate": {"likes": 45, "ratings": 60, "units": 60},
        "reason": "better",
    }
    trial = TrialRecord(**{**dict.fromkeys(TrialRecord.__dataclass_fields__), "measures": json.dumps(seen)})
    first = EvaluationSummary(Localizer(WORDS, "en")).rows({"measures": MEASURES}, trial)[0]
    assert (first.label, first.old, first.new, first.better) == (
        WORDS.format("en", "measure-liking") + " ↑",
        "50%",
        "75%",
        True,
    )


def test_jokes_that_no_judge_chose_are_reported_as_a_check():
    seen = {
        "champion": {"likes": 30, "ratings": 60},
        "candidate": {"likes": 45, "ratings": 60},
        "unchosen": {"champion": {"likes": 4, "ratings": 8}, "candidate": {"likes": 6, "ratings": 10}},
    }
    empty = dict.fromkeys(TrialRecord.__dataclass_fields__)
    for unchosen, rows in ((seen["unchosen"], 1), ({}, 0), ({"champion": {"likes": 0, "ratings": 0}}, 0)):
        trial = TrialRecord(**{**empty, "measures": json.dumps(seen | {"unchosen": unchosen})})
        found = EvaluationSummary(Localizer(WORDS, "en")).rows({"measures": MEASURES}, trial)
        checks = [row for row in found if row.label == WORDS.format("en", "measure-unchosen") + " ↑"]
        assert [(row.old, row.new, row.note) for row in checks] == [("50%", "60%", "18 ratings")][:rows]


@pytest.mark.parametrize(
    ("seconds", "said"), [(5, "a minute"), (600, "10 minutes"), (5400, "1 h 30 min"), (7200, "2 h")]
)
def test_time_is_said_as_people_say_it(seconds, said):
    assert duration(WORDS, "en", seconds) == said


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_message_of_a_short_trial_says_how_many_ratings_are_missing_and_what_to_do(tmp_path, language):
    localize = Localizer(WORDS, language)
    async with Database.connect(Settings(storage={"directory": tmp_path}).storage) as database:
        run = dataclasses.replace(await runs.create_run(database, "command"), state="canary")
    missing = localize("run-missing", missing=5)
    assert "5" in missing and "🅰️" in missing and "😐" in missing
    assert missing in format_progress(run, RunProgress(3, 8), localize)
    assert len(format_progress(run, RunProgress(8, 8), localize).splitlines()) == 3  # nothing is missing
    assert len(format_progress(run, RunProgress(3, 1000), localize).splitlines()) == 3  # it takes days, no user counts
    assert localize("run-doing-canary") in format_progress(run, RunProgress(), localize)  # the model is starting


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_trial_that_guesses_is_announced_as_a_guess(tmp_path, language):
    localize, settings = Localizer(WORDS, language), CanarySettings(max_ratings=8, without_verdict="candidate")
    async with Database.connect(Settings(storage={"directory": tmp_path}).storage) as database:
        said = await forecast_text(database, settings, localize)
        assert said == localize("trial-forecast-guess", ratings=8) and "8" in said
        assert await forecast_text(database, CanarySettings(), localize) == localize("trial-forecast-unknown")
