"""/models, /promote N, /rollback, /runs."""

import pytest

from bot.i18n.formatting import day_and_time
from storage.learning import models, promotion, runs
from tests.bot.retraining.conftest import add_model, judged_run
from tests.bot.retraining.test_retrain import say, says


@pytest.fixture
async def stage(admins_stage):
    return admins_stage


async def offer(stage, name):
    """A candidate whose name the engine lists, like a proxy with several servers."""
    model = await add_model(stage.app.database, name)
    stage.engine.models = [name]
    return model


async def promoted(stage, model):
    question = await stage.joke(say(stage, f"/promote {model.id}"))
    await stage.press(question, 0)
    await stage.world.wait_for(
        lambda world: world.message(stage.alice, question["message_id"])["text"].startswith(
            f"Model {model.id} is in service"
        ),
        60,
    )


async def test_promote_asks_first_and_then_puts_the_model_into_service(stage):
    model, old = await offer(stage, "run-1"), await models.get_champion(stage.app.database)
    question = await stage.joke(say(stage, f"/promote {model.id}"))
    assert question["text"] == stage.words(
        "promote-ask", model=model.id, called="run-1", champion=old.id, **{"champion-name": old.name}
    )
    await stage.press(question, 1)
    await says(stage, question, stage.words("promote-left"))
    assert (await models.get_champion(stage.app.database)).id == old.id
    await promoted(stage, model)
    assert (await models.get_champion(stage.app.database)).id == model.id == stage.app.servers.router.champion.model.id
    await stage.joke(stage.send_photo())
    assert await stage.value("SELECT model_id FROM jokes") == model.id
    assert (await promotion.list_promotions(stage.app.database))[0].asked_by == stage.alice


async def test_rollback_goes_back_and_the_next_joke_is_the_old_models(stage):
    old, model = await models.get_champion(stage.app.database), await offer(stage, "run-1")
    await promoted(stage, model)
    stage.engine.models = [old.name]
    answer = await stage.answer(say(stage, "/rollback"))
    assert answer["text"].startswith(f"Back to model {old.id} ({old.name})")
    await stage.joke(stage.send_photo())
    assert await stage.value("SELECT model_id FROM jokes") == old.id


async def test_a_model_that_cannot_be_served_changes_nothing_and_says_why(stage):
    model, old = await add_model(stage.app.database, "run-1"), await models.get_champion(stage.app.database)
    question = await stage.joke(say(stage, f"/promote {model.id}"))
    await stage.press(question, 0)
    await stage.world.wait_for(
        lambda world: "nothing has changed" in world.message(stage.alice, question["message_id"])["text"], 60
    )
    assert (await models.get_champion(stage.app.database)).id == old.id == stage.app.servers.router.champion.model.id


async def test_what_cannot_be_promoted_is_said_at_once(stage):
    serving = await models.get_champion(stage.app.database)
    rejected = await add_model(stage.app.database, "run-1")
    await models.retire_model(stage.app.database, rejected.id, "rejected", "It was worse.")
    for words, text in (
        (stage.words("promote-how"), "/promote"),
        (stage.words("promote-how"), "/promote the best"),
        (stage.words("promote-unknown", model=99), "/promote 99"),
        (stage.words("promote-already", model=serving.id), f"/promote {serving.id}"),
    ):
        assert (await stage.answer(say(stage, text)))["text"] == words
    why = stage.words("reason-was-rejected", model=rejected.id)
    assert (await stage.answer(say(stage, f"/promote {rejected.id}")))["text"] == stage.words("promote-failed", why=why)
    assert (await stage.answer(say(stage, "/rollback")))["text"] == stage.words("rollback-none", model=serving.id)


async def test_models_are_listed_with_their_status_and_how_they_are_liked(stage):
    joke = await stage.joke(stage.send_photo())
    await stage.press(joke, 0)
    await stage.press(joke, 2, person=stage.alice)
    candidate, serving = await add_model(stage.app.database, "run-1"), await models.get_champion(stage.app.database)
    lines = (await stage.answer(say(stage, "/models")))["text"].splitlines()
    assert lines[0] == stage.words("models-title")
    assert lines[2:] == [
        stage.words(
            "models-line",
            mark="🆕",
            model=candidate.id,
            called="run-1",
            status=stage.words("model-status-candidate"),
            ratings=0,
            liking=0,
        ),
        stage.words(
            "models-line",
            mark="⭐",
            model=serving.id,
            called=serving.name,
            status=stage.words("model-status-champion"),
            ratings=1,
            liking=0,
        ),
    ]


async def test_runs_are_listed_newest_first_with_why_they_ended(stage):
    assert (await stage.answer(say(stage, "/runs")))["text"] == stage.words("runs-none")
    first = await judged_run(stage.app.database, "reject")
    second = await runs.create_run(stage.app.database, "admin")
    await promotion.end_run(stage.app.database, second, "failed", "The disk is full. Make room.\nTraceback")
    lines = (await stage.answer(say(stage, "/runs")))["text"].splitlines()
    assert lines[0].startswith(f"⚠️ {second.id} · {day_and_time(second.created_at)} · {stage.words('run-state-failed')}")
    assert lines[1:2] == ["    The disk is full."]
    assert lines[2].startswith(f"🙅 {first.id}") and lines[3] == "    It said so."
