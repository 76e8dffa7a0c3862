"""The judge is fitted anew by a process of the train environment, and /stats and /status speak of it."""

import json
import time
from datetime import datetime

import numpy as np
import pytest

from bot.jokes.judge_source import JokeContext, StoredJudgeSource
from bot.retraining import judge_fitting
from bot.retraining.judge_fitting import JudgeFitter, last_night
from bot.sandbox.telegram_objects import FIRST_USER_ID
from configs.host_environment import LocalTime
from configs.settings import Settings
from storage.chat.jokes import NewJoke, add_delivery, add_joke
from storage.chat.ratings import record_rating
from storage.database import Database
from storage.judge import registry
from storage.judge.scorer import Judge
from storage.learning.models import register_base
from storage.maintenance.forget_person import forget_user
from tests.judge_texts import LIKED, OPENINGS, made_text

ANN, BOB = 7_654_321_012_345, 43


@pytest.fixture
async def rated(tmp_path):
    """A database with 160 rated jokes of two users in their private chats, and the settings."""
    settings = Settings(storage={"directory": tmp_path}, judge={"min_ratings": 60})
    rng = np.random.default_rng(0)
    async with Database.connect(settings.storage) as database:
        model = (await register_base(database, "base", None)).id
        async with database.write() as connection:
            for number in range(1, 161):
                await connection.execute(
                    "INSERT INTO photos VALUES (?, ?, 0, 1, 1, 1, 'image/jpeg', 0)", (number, f"{number:064x}")
                )
        for number in range(1, 161):
            person, opening = (ANN, BOB)[number % 2], int(rng.integers(len(OPENINGS)))
            text = made_text(rng, opening)
            new = NewJoke(number, model, person, "en", "pun", None, "Ask", text, 1, 1, 9, None, None, 0.1)
            joke = (await add_joke(database, new)).id
            await add_delivery(database, joke, person, number)
            await record_rating(database, joke, person, 3 if rng.random() < LIKED[opening] else 1)
        yield database, settings


def fitter_of(database, settings) -> JudgeFitter:
    return JudgeFitter(database, settings, StoredJudgeSource(database, settings.storage.judges))


async def test_enough_ratings_lead_to_a_judge_in_service_and_forgetting_to_another(rated):
    database, settings = rated
    fitter = fitter_of(database, settings)
    await fitter.step()
    first = await registry.get_serving_judge(database)
    assert fitter.error == "" and first and first.measured["ratings"] == 160 and first.usable
    texts = [f"{OPENINGS[0]} cat really today number 5", f"{OPENINGS[5]} cat really today number 5"]
    scores = fitter.source.current.score(texts, JokeContext(BOB, BOB, "en", "pun", None))
    assert scores[1] > scores[0] and fitter.source.current.id == first.id
    await fitter.step()
    assert (await registry.get_newest_judge(database)).id == first.id  # nothing new
    folder = settings.storage.judges
    await forget_user(database, ANN, settings.storage.photos, settings.storage.datasets, judges=folder)
    await fitter.step()
    second = await registry.get_serving_judge(database)
    assert second and second.id > first.id and not second.stale
    (file,) = folder.glob("*.judge")
    assert file.stem == second.digest and ANN.to_bytes(8, "little") not in file.read_bytes()
    assert Judge.load(file).users.ids.tolist() == [BOB]


async def test_a_fit_that_fails_leaves_the_judge_and_says_why(rated, tmp_path, monkeypatch):
    database, settings = rated
    broken = settings.model_copy(
        update={"environments": settings.environments.model_copy(update={"train_python": tmp_path / "none"})}
    )
    fitter = fitter_of(database, broken)
    await fitter.step()
    assert "can't be started" in fitter.error and await registry.get_newest_judge(database) is None
    monkeypatch.setattr(judge_fitting, "run_program", None)  # not tried again at once
    await fitter.step()


async def test_too_few_ratings_are_no_reason_for_a_fit_and_a_stale_judge_goes(rated):
    database, settings = rated
    few = settings.model_copy(update={"judge": settings.judge.model_copy(update={"min_ratings": 1000})})
    await fitter_of(database, settings).step()
    folder = settings.storage.judges
    await forget_user(database, ANN, settings.storage.photos, settings.storage.datasets, judges=folder)
    fitter = fitter_of(database, few)
    await fitter.step()
    assert await registry.list_judges(database) == [] and list(folder.glob("*.judge")) == []
    assert fitter.source.current is None


@pytest.mark.parametrize(("clock", "day"), [("2026-05-05 04:00", 5), ("2026-05-05 03:59", 4), ("2026-05-05 23:00", 5)])
def test_a_night_is_the_last_one_that_began(clock, day):
    now = datetime.fromisoformat(clock).replace(tzinfo=LocalTime())
    night = datetime.fromtimestamp(last_night(now.timestamp(), 4), LocalTime())
    assert (night.day, night.hour, night.minute) == (day, 4, 0)


async def test_stats_and_status_say_what_the_judge_knows(stage_with):
    stage = await stage_with(telegram={"admins": [FIRST_USER_ID]})
    measures = {"ratings": 321, "pair_accuracy": 0.621, "pair_accuracy_bound": 0.574, "pairs": 4000, "usable": True}

    async def said(command: str) -> str:
        answer = await stage.answer(stage.world.send_text(stage.alice, stage.alice, command))
        return answer.get("text") or answer["caption"]

    assert "No judge yet; it needs 50 ratings" in await said("/status") and "⚖️" not in await said("/stats")
    await registry.register_judge(
        stage.app.database, "ab" * 32, usable=False, reactions=1, measures=measures, began_at=time.time()
    )
    assert "not used until that is surely above 50%" in await said("/status")
    assert stage.words("judge-learning", ratings=321) in await said("/stats")
    await registry.register_judge(
        stage.app.database, "cd" * 32, usable=True, reactions=1, measures=measures, began_at=time.time()
    )
    status, stats = await said("/status"), await said("/stats")
    assert "on 321 ratings · 62% of unseen pairs right, at least 57%" in status and "surely" not in status
    assert stage.words("judge-accuracy", right=62, low=57) in stats and stage.words("judge-gain-few") in stats
    assert json.loads(await stage.value("SELECT measures FROM judges WHERE id = 2"))["pairs"] == 4000


async def test_a_judge_without_proof_chooses_only_where_no_proof_is_required(rated):
    database, settings = rated
    async with database.write() as connection:
        await connection.execute("DELETE FROM ratings WHERE joke_id > 12")
    for proof, used in ((True, False), (False, True)):
        changed = settings.judge.model_copy(update={"min_ratings": 10, "after_ratings": 1, "require_proof": proof})
        fitter = fitter_of(database, settings.model_copy(update={"judge": changed}))
        await fitter.step()
        record = await registry.get_serving_judge(database)
        assert fitter.error == "" and record and record.measured["ratings"] == 12 + (not proof)
        assert record.usable is used and (fitter.source.current is not None) is used
        await record_rating(database, 13, BOB, 3)


async def test_stats_say_of_a_judge_without_proof_that_its_choice_is_a_guess(stage_with):
    stage = await stage_with()
    measures = {"ratings": 12, "pair_accuracy": 0.9, "pair_accuracy_bound": 0.3, "pairs": 30, "usable": False}
    await registry.register_judge(
        stage.app.database, "ab" * 32, usable=True, reactions=12, measures=measures, began_at=time.time()
    )
    answer = await stage.answer(stage.world.send_text(stage.alice, stage.alice, "/stats"))
    assert stage.words("judge-unproven", ratings=12) in answer["text"] and "90%" not in answer["text"]
