"""/retrain: only for admins, after a confirmation, and one run at a time."""

import json
import re

import pytest

from storage.learning import runs
from tests.bot.retraining.conftest import judged_run


@pytest.fixture
async def stage(admins_stage):
    return admins_stage


def say(stage, text, *, person=None, chat=None):
    person = person or stage.alice
    return stage.world.send_text(person, chat or person, text)


async def says(stage, message, text):
    """Wait until the bot's message has this text and no buttons."""

    def there(world):
        now = world.message(message["chat"]["id"], message["message_id"])
        return now["text"] == text and "reply_markup" not in now

    await stage.world.wait_for(there, 60)


async def test_only_admins_may(stage):
    for command in ("/retrain", "/retrain cancel", "/models", "/runs", "/promote 1", "/rollback"):
        assert (await stage.answer(say(stage, command, person=stage.bob)))["text"] == stage.words("admins-only")


async def test_the_question_says_how_many_pairs_from_how_many_people_how_long_and_what_happens_to_service(
    stage, theatre
):
    theatre.pairs(42, replayed=7, people=5)
    question = await stage.joke(say(stage, "/retrain"))
    assert question["text"] == stage.words(
        "retrain-ask",
        new=42,
        replayed=7,
        left="none",
        people=5,
        time=stage.words("retrain-time-unknown"),
        verdict=stage.words("trial-forecast-unknown"),
        service=stage.words("retrain-service-url"),
    )
    assert stage.labels(question) == [stage.words("retrain-yes"), stage.words("retrain-no")]
    await stage.press(question, 1)
    await says(stage, question, stage.words("retrain-left"))
    assert await runs.current_run(stage.app.database) is None


async def test_the_question_says_how_likely_the_trial_is_to_find_a_better_model(stage, theatre, picture):
    theatre.pairs(42)
    for number in range(3):
        await stage.press(await stage.joke(stage.send_photo(data=picture(colour=(number, 9, 9)))), 0)
    question = await stage.joke(say(stage, "/retrain"))
    # 84 ratings in four weeks can tell little.
    (line,) = [line for line in question["text"].splitlines() if line.startswith("🧪")]
    assert line == "🧪 " + stage.words("trial-forecast", pace=3, days=28, effect=10, power=power_of(line))
    assert 3 < power_of(line) < 60


def power_of(line: str) -> int:
    """The last percentage in a line."""
    return int(re.findall(r"(\d+)\s?%", line)[-1])


@pytest.mark.parametrize("basis", ["h100", "gpu", "cpu"])
async def test_before_the_first_run_the_time_is_told_by_what_was_measured_elsewhere(stage, theatre, basis):
    theatre.pairs(42, training={"seconds": 600.0, "basis": basis})
    question = await stage.joke(say(stage, "/retrain"))
    assert stage.words(f"retrain-time-by-{basis}", time=stage.words("duration-minutes", minutes=10)) in question["text"]


async def test_afterwards_the_time_is_told_by_the_last_runs(stage, theatre):
    theatre.pairs(42, training={"seconds": 600.0, "basis": "cpu"})
    run = await judged_run(stage.app.database, "reject")
    async with stage.app.database.write() as connection:
        await connection.execute(
            "UPDATE run_states SET at = at + 1800 WHERE run_id = ? AND state IN ('merging', 'judging', 'rejected')",
            (run.id,),
        )
    question = await stage.joke(say(stage, "/retrain"))
    assert stage.words("retrain-time", time=stage.words("duration-minutes", minutes=30)) in question["text"]


async def test_too_little_new_is_an_answer(stage, theatre):
    theatre.pairs(9)
    assert (await stage.answer(say(stage, "/retrain")))["text"] == stage.words("retrain-too-little", new=9, wanted=10)


async def test_the_answer_says_why_liked_jokes_are_left_out(stage, theatre):
    left_out = {"photo held out": 12, "enough of its photo": 9}
    parts = f"{stage.words('retrain-left-held-out', count=12)}, {stage.words('retrain-left-photo', count=9)}"
    reasons = stage.words("retrain-left-out", liked=31, parts=parts)
    theatre.pairs(10, left_out=left_out)
    question = (await stage.joke(say(stage, "/retrain")))["text"]
    assert f"↳ {reasons}" in question
    theatre.pairs(8, left_out={**left_out, "enough of its photo": 11})
    assert (await stage.answer(say(stage, "/retrain")))["text"].startswith(
        stage.words("retrain-too-little", new=8, wanted=10) + "\n\n"
    )


async def test_a_yes_begins_a_run_whose_message_goes_on_in_the_questions_place(stage, theatre):
    theatre.pairs(42)
    progress = {"state": "running", "step": 5, "steps": 20, "loss": 1.25, "eta_s": 600}
    theatre.play(
        {"row": {"state": "training"}},
        {"file": "progress.json", "text": json.dumps(progress)},
        {"wait": "end"},
        {"row": {"state": "failed", "reason": "The play is over.", "finished_at": 1}},
    )
    question = await stage.joke(say(stage, "/retrain"))
    await stage.press(question, 0)
    loss = stage.words("run-step", done=5, of=20, loss="1.25")
    await stage.world.wait_for(lambda world: loss in world.message(stage.alice, question["message_id"])["text"], 60)
    text = stage.world.message(stage.alice, question["message_id"])["text"]
    assert "25%" in text and stage.words("duration-minutes", minutes=10) in text
    theatre.go("end")
    sent = [one for one in stage.world.messages(stage.alice) if one["from"]["is_bot"]]
    assert [one["message_id"] for one in sent if "🎓" in one["text"]] == [question["message_id"]]


async def test_a_run_that_is_begun_in_a_group_is_followed_in_private(stage, theatre):
    theatre.pairs(42)
    theatre.play({"row": {"state": "training"}}, {"wait": "never"})
    question = await stage.joke(say(stage, "/retrain", chat=stage.group))
    await stage.press(question, 0)
    await says(stage, question, stage.words("retrain-started", run=1))
    await stage.world.wait_for(
        lambda world: any(
            stage.words("run-doing-training") in one.get("text", "") for one in world.messages(stage.alice)
        ),
        60,
    )


async def test_nobody_else_can_press_an_admins_button(stage, theatre):
    theatre.pairs(42)
    question = await stage.joke(say(stage, "/retrain", chat=stage.group))
    assert await stage.press(question, 0, person=stage.bob) == stage.words("not-your-button")
    forged = f"yes:{stage.bob}:retrain:42"
    assert await stage.press_data(question, forged, person=stage.bob, forged=True) == stage.words("not-your-button")
    assert await runs.current_run(stage.app.database) is None


async def test_a_run_on_trial_is_said_with_its_ratings(stage):
    run = await judged_run(stage.app.database)
    answer = await stage.answer(say(stage, "/retrain"))
    assert answer["text"] == stage.words("retrain-on-trial", model=run.candidate_id, ratings=0, wanted=1000)


async def test_cancel_stops_a_run_cleanly_and_says_so(stage, theatre):
    theatre.play({"row": {"state": "training"}}, {"wait": "never"})
    run = await runs.create_run(stage.app.database, "command")
    await stage.world.wait_for(
        lambda world: any(
            stage.words("run-doing-training") in one.get("text", "") for one in world.messages(stage.alice)
        ),
        60,
    )
    assert (await stage.answer(say(stage, "/retrain cancel")))["text"] == stage.words("retrain-cancelling", run=run.id)
    assert (await stage.answer(say(stage, "/retrain")))["text"] == stage.words(
        "retrain-busy", run=run.id, what=stage.words("run-state-training")
    )


async def test_there_may_be_nothing_to_cancel(stage):
    assert (await stage.answer(say(stage, "/retrain cancel")))["text"] == stage.words("retrain-cancel-none")
