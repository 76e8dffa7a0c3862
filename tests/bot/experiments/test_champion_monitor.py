"""After a promotion: a suspicion starts a trial of the previous champion, whose verdict restores it or not."""

import pytest

from bot.retraining.deployer import ModelDeployer
from bot.sandbox.telegram_objects import FIRST_USER_ID
from storage.learning import champion_watches, models, promotion, runs, trials
from storage.learning.champion_watches import get_open_monitor
from tests.bot.experiments.conftest import NEW, OLD
from tests.waiting import until

FUNNY, MEH = 0, 2


async def promoted(chat, before: int):
    """A candidate that an admin promoted after 60 of the champion's photos were rated `before`."""
    for _ in range(60):
        await chat.rate(before, before)
    run = await chat.put_on_trial()
    app = chat.stage.app
    await chat.trial(run)
    await ModelDeployer(app.database, app.servers).promote(run.candidate_id, "admin")
    await chat.until(lambda: get_open_monitor(app.database))
    return run


async def suspected(chat):
    """A champion that is suspected because its jokes were rated 😐, and whose predecessor is on trial."""
    run = await promoted(chat, before=FUNNY)
    database, router = chat.stage.app.database, chat.stage.app.servers.router
    while not (watch := await get_open_monitor(database)).suspicion:
        await chat.rate(MEH, MEH)
    await chat.stage.until(lambda: router.canary is not None)
    return run, await trials.get_trial_of_watch(database, watch.id)


async def outcome(chat) -> str | None:
    return await chat.stage.value("SELECT outcome FROM watches ORDER BY id DESC LIMIT 1")


async def until_over(chat, old: int, new: int) -> str:
    """Rate the predecessor `old` and the champion `new` until the monitoring has ended; returns its outcome.

    The joke's model counts: after a restart the stub engine answers for the champion by the name in the settings.
    """
    for _ in range(150):
        joke = await chat.stage.joke(chat.send())
        model = await chat.stage.value("SELECT model_id FROM jokes ORDER BY id DESC LIMIT 1")
        await chat.stage.press(joke, old if model == 1 else new)
        if found := await outcome(chat):
            return found
    raise AssertionError("the watch goes on and on")


async def test_a_champion_that_is_liked_less_is_taken_back_and_the_admins_hear_of_it_once(chat_with):
    chat = await chat_with(telegram={"admins": [FIRST_USER_ID]})
    admin = chat.stage.alice
    run, _ = await suspected(chat)
    assert await until_over(chat, FUNNY, MEH) == "fell"
    database = chat.stage.app.database
    assert (await models.get_champion(database)).name == "base"
    assert (await models.get_model(database, run.candidate_id)).status == "rejected"
    assert (await promotion.list_promotions(database))[0].kind == "watch"
    trial = await chat.stage.value("SELECT outcome FROM trials WHERE watch_id IS NOT NULL")
    assert trial == "promoted" and await trials.get_open_trial(database) is None
    told = chat.stage.words("watch-fell", model=run.candidate_id, back=1, now=0, before=100)
    await chat.stage.world.wait_for(lambda world: [one for one in world.messages(admin) if one.get("text") == told], 60)
    await chat.stage.restart()
    await chat.rate(FUNNY, FUNNY)
    assert sum(one.get("text") == told for one in chat.stage.world.messages(admin)) == 1


async def test_half_of_the_photos_compare_both_and_a_champion_that_is_no_worse_stays(chat_with):
    chat = await chat_with()
    run, trial = await suspected(chat)
    router = chat.stage.app.servers.router
    assert (router.canary.model.name, router.share, trial.champion_id) == ("base", 0.5, run.candidate_id)
    assert {await chat.rate(MEH, MEH) for _ in range(12)} == {OLD, NEW}
    assert await until_over(chat, MEH, FUNNY) == "kept"
    assert (await models.get_champion(chat.stage.app.database)).id == run.candidate_id
    assert {await chat.rate(MEH, MEH) for _ in range(8)} == {NEW} and router.canary is None
    assert await chat.stage.value("SELECT outcome FROM trials WHERE watch_id IS NOT NULL") == "rejected"


async def test_a_champion_that_is_liked_as_much_stays_without_a_trial(chat_with):
    chat = await chat_with(champion_monitor={"ratings": 15})
    run = await promoted(chat, before=FUNNY)
    assert await until_over(chat, FUNNY, FUNNY) == "kept"
    assert (await models.get_champion(chat.stage.app.database)).id == run.candidate_id
    assert await chat.stage.value("SELECT count(*) FROM trials WHERE watch_id IS NOT NULL") == 0


async def test_a_restart_goes_on_watching(chat_with):
    chat = await chat_with()
    await promoted(chat, before=FUNNY)
    await chat.rate(MEH, MEH)
    watch = await get_open_monitor(chat.stage.app.database)
    await chat.stage.restart()
    assert await get_open_monitor(chat.stage.app.database) == watch
    assert await until_over(chat, FUNNY, MEH) == "fell"


async def test_a_restart_goes_on_with_the_predecessors_trial(chat_with):
    chat = await chat_with()
    _, trial = await suspected(chat)
    await chat.stage.restart()
    router = chat.stage.app.servers.router
    await chat.stage.until(lambda: router.canary is not None)
    again = await trials.get_open_trial(chat.stage.app.database)
    assert (again.id, again.began_at, router.canary.model.name) == (trial.id, trial.began_at, "base")
    assert await until_over(chat, FUNNY, MEH) == "fell"


async def test_a_step_back_by_an_admin_ends_the_watch_and_its_trial(chat_with):
    chat = await chat_with()
    await suspected(chat)
    app = chat.stage.app
    await ModelDeployer(app.database, app.servers).roll_back()
    assert await chat.until(lambda: outcome(chat)) == "superseded"

    async def ended() -> bool:
        return await trials.get_open_trial(app.database) is None

    await chat.until(ended)
    assert app.servers.router.canary is None
    assert {await chat.rate(MEH, MEH) for _ in range(6)} == {OLD}


async def test_a_candidate_waits_until_the_predecessors_trial_has_ended(chat_with):
    chat = await chat_with()
    await suspected(chat)
    chat.stage.engine.answers["candidate-2"] = chat.stage.engine.answers["candidate"]
    run = await chat.put_on_trial()
    await chat.rate(MEH, MEH)
    database = chat.stage.app.database
    assert await trials.get_trial_of_run(database, run.id) is None
    assert (await runs.get_run(database, run.id)).state == "canary"
    assert await until_over(chat, MEH, FUNNY) == "kept"
    assert (await chat.trial(run)).candidate_id == run.candidate_id


async def test_where_both_cannot_be_served_the_admins_hear_of_the_suspicion_once(chat_with, monkeypatch):
    from bot.engine.servers.base import NoCapacity

    chat = await chat_with(telegram={"admins": [FIRST_USER_ID]})
    run = await promoted(chat, before=FUNNY)

    async def serve(model):
        raise NoCapacity("There is no room.")

    async def all_are_told():
        return await champion_watches.list_unnotified(chat.stage.app.database) == []

    monkeypatch.setattr(chat.stage.app.servers, "serve", serve)
    assert await until_over(chat, MEH, MEH) == "kept"
    assert (await models.get_champion(chat.stage.app.database)).id == run.candidate_id
    told = chat.stage.words("watch-untested", model=run.candidate_id, back=1, now=0, before=100)
    await chat.stage.world.wait_for(
        lambda world: [one for one in world.messages(chat.stage.alice) if one.get("text") == told], 60
    )
    # The record follows the message.
    await until(all_are_told)


@pytest.mark.parametrize("trial", [False, True], ids=["without a trial", "in a trial"])
async def test_a_step_back_that_a_kill_cut_off_is_still_told(chat_with, trial):
    chat = await chat_with(telegram={"admins": [FIRST_USER_ID]})
    run = (await suspected(chat))[0] if trial else await promoted(chat, before=FUNNY)
    async with chat.stage.app.database.write() as connection:
        await connection.execute('UPDATE watches SET measures = \'{"now": 0.0, "before": 1.0}\'')
    await chat.stage.process.aclose()
    from storage.database import Database

    database = await Database.open(chat.stage.settings.storage.database)
    await promotion.rollback(database, "watch", reason="People like its jokes less.")
    await database.close()
    await chat.stage.restart()
    told = chat.stage.words("watch-fell", model=run.candidate_id, back=1, now=0, before=100)
    await chat.stage.world.wait_for(
        lambda world: [one for one in world.messages(chat.stage.alice) if one.get("text") == told], 60
    )
    open_trials = "SELECT count(*) FROM trials WHERE watch_id IS NOT NULL AND ended_at IS NULL"
    assert await chat.stage.value(open_trials) == 0


async def test_runs_that_are_over_leave_nothing_watched(chat_with):
    chat = await chat_with()
    run = await chat.put_on_trial()
    await chat.trial(run)
    await runs.request_cancel(chat.stage.app.database, run.id)
    await chat.ends(run)
    assert await get_open_monitor(chat.stage.app.database) is None
