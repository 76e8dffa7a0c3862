"""A candidate on trial: its share, the verdict of users' ratings, and its outcome, also across a restart."""

import json

from storage.learning import datasets, models, promotion, runs
from storage.learning.datasets import RecordRow

OLD, NEW = "A horse walks into a bar.", "Nobody ordered the horse."
CANDIDATE = "candidate"
FUNNY, MEH = 0, 2


async def test_a_candidate_that_is_liked_more_takes_over(chat_with):
    chat = await chat_with()
    run = await chat.put_on_trial()
    await chat.trial(run)
    run = await chat.rate_until(run, old=MEH, new=FUNNY)
    assert run.state == "promoted" and "People like its jokes better." in run.reason
    assert (await models.get_champion(chat.stage.app.database)).name == CANDIDATE
    assert {await chat.rate(MEH, FUNNY) for _ in range(8)} == {NEW}
    trial = await chat.trial(run, lambda trial: trial.outcome == "promoted")
    assert trial.ended_at and json.loads(trial.measures)["answer"] == "promote"


async def test_a_candidate_that_is_liked_less_is_sent_home(chat_with):
    chat = await chat_with()
    run = await chat.put_on_trial()
    await chat.trial(run)
    run = await chat.rate_until(run, old=FUNNY, new=MEH)
    assert run.state == "rejected" and "less" in run.reason
    assert (await models.get_model(chat.stage.app.database, CANDIDATE)).status == "rejected"
    await chat.trial(run, lambda trial: trial.outcome == "rejected")
    assert {await chat.rate(FUNNY, MEH) for _ in range(8)} == {OLD}


async def test_without_a_verdict_the_champion_stays_and_the_candidate_is_kept(chat_with):
    chat = await chat_with(canary={"max_ratings": 24})
    run = await chat.put_on_trial()
    await chat.trial(run)
    run = await chat.rate_until(run, old=FUNNY, new=FUNNY, most=40)
    assert run.state == "undecided" and "so the champion stays" in run.reason
    assert (await models.get_champion(chat.stage.app.database)).name != CANDIDATE
    assert (await models.get_model(chat.stage.app.database, CANDIDATE)).status == "candidate"
    assert (await promotion.promote(chat.stage.app.database, run.candidate_id, "admin")).model_id == run.candidate_id


async def test_a_trial_ends_after_so_many_days(chat_with):
    chat = await chat_with(canary={"max_days": 1e-7})
    assert (await chat.ends(await chat.put_on_trial())).state == "undecided"


async def test_the_candidate_gets_its_larger_share_once_it_has_shown_no_harm(chat_with):
    chat = await chat_with(canary={"initial_share": 0.3, "full_share": 0.6, "initial_ratings": 3})
    run = await chat.put_on_trial()
    assert (await chat.trial(run)).late_at is None
    router = chat.stage.app.servers.router
    assert router.share == 0.3
    while (await chat.trial(run)).late_at is None:
        await chat.rate(FUNNY, FUNNY)
    await chat.stage.until(lambda: router.share == 0.6)


async def test_a_restart_goes_on_with_the_trial(chat_with):
    chat = await chat_with(canary={"initial_ratings": 3})
    run = await chat.put_on_trial()
    before = await chat.trial(run)
    while (await chat.trial(run)).late_at is None:
        await chat.rate(FUNNY, FUNNY)
    late = await chat.trial(run)
    await chat.stage.restart()
    router = chat.stage.app.servers.router
    await chat.stage.until(lambda: router.canary is not None)
    again = await chat.trial(run)
    assert (again.id, again.began_at, again.late_at) == (before.id, before.began_at, late.late_at)
    assert (router.canary.model.name, router.share) == (CANDIDATE, 0.5)


async def test_cancelling_ends_the_trial(chat_with):
    chat = await chat_with()
    run = await chat.put_on_trial()
    await chat.trial(run)
    await runs.request_cancel(chat.stage.app.database, run.id)
    assert (await chat.ends(run)).state == "cancelled"
    await chat.trial(run, lambda trial: trial.outcome == "cancelled")
    assert {await chat.rate(FUNNY, MEH) for _ in range(8)} == {OLD}


async def test_a_candidate_that_cannot_be_served_fails_and_nobody_notices(chat_with):
    chat = await chat_with()
    chat.stage.engine.models.remove(CANDIDATE)
    run = await chat.ends(await chat.put_on_trial())
    assert run.state == "failed" and "can't be served" in run.reason
    assert await chat.rate(FUNNY, MEH) == OLD


async def test_where_memory_holds_no_second_model_the_candidate_is_kept_for_an_admin(chat_with, monkeypatch):
    from bot.engine.servers.base import NoCapacity

    async def serve(model):
        raise NoCapacity("There is no room.")

    chat = await chat_with()
    monkeypatch.setattr(chat.stage.app.servers, "serve", serve)
    run = await chat.ends(await chat.put_on_trial())
    assert run.state == "undecided" and f"/promote {run.candidate_id}" in run.reason
    assert (await models.get_model(chat.stage.app.database, CANDIDATE)).status == "candidate" and await chat.rate(
        FUNNY, MEH
    ) == OLD


async def test_people_get_the_champions_joke_where_the_candidate_gives_none(chat_with):
    from bot.engine.stub.engine import StubRefusal

    chat = await chat_with()
    chat.stage.engine.answers[CANDIDATE] = StubRefusal(500)
    await chat.trial(await chat.put_on_trial())
    assert {await chat.rate(FUNNY, MEH) for _ in range(8)} == {OLD}


async def test_a_candidate_that_learnt_from_somebody_forgotten_since_is_tried_no_longer(chat_with):
    chat = await chat_with()
    run = await chat.put_on_trial()
    await chat.trial(run)
    database = chat.stage.app.database
    await chat.rate(FUNNY, FUNNY)
    await datasets.register_dataset(database, "theirs", "ratings", [RecordRow("joke-1", "train", 1)])
    async with database.write() as connection:
        await connection.execute("UPDATE models SET dataset = 'theirs' WHERE id = ?", (run.candidate_id,))
        await connection.execute("DELETE FROM jokes")
    assert (run := await chat.ends(run)).state == "failed" and "forgotten" in run.reason
    await chat.trial(run, lambda trial: trial.outcome == "failed")


async def test_ratings_from_before_the_trial_do_not_count(chat_with):
    chat = await chat_with()
    for _ in range(12):
        await chat.rate(MEH, MEH)
    run = await chat.put_on_trial()
    await chat.trial(run)
    await chat.rate(FUNNY, FUNNY)
    measures = json.loads((await chat.trial(run, lambda trial: json.loads(trial.measures).get("ratings"))).measures)
    assert measures["ratings"] == 1
