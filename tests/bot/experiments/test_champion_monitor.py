"""After a promotion: if the liking falls, the previous champion is restored; if it holds, the monitoring ends."""

from bot.retraining.deployer import ModelDeployer
from bot.sandbox.telegram_objects import FIRST_USER_ID
from storage.learning import models, promotion, runs
from storage.learning.trials import get_open_monitor

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


async def outcome(chat) -> str | None:
    return await chat.stage.value("SELECT outcome FROM watches ORDER BY id DESC LIMIT 1")


async def until_over(chat, verdict: int) -> str:
    """Rate the new champion until the monitoring has ended; returns its outcome."""
    for _ in range(100):
        await chat.rate(verdict, verdict)
        if found := await outcome(chat):
            return found
    raise AssertionError("the watch goes on and on")


async def test_a_champion_that_is_liked_less_is_taken_back_and_the_admins_hear_of_it_once(chat_with):
    chat = await chat_with(telegram={"admins": [FIRST_USER_ID]})
    admin = chat.stage.alice
    run = await promoted(chat, before=FUNNY)
    assert await until_over(chat, MEH) == "fell"
    database = chat.stage.app.database
    assert (await models.get_champion(database)).name == "base"
    assert (await models.get_model(database, run.candidate_id)).status == "rejected"
    assert (await promotion.list_promotions(database))[0].kind == "watch"
    told = chat.stage.words("watch-fell", model=run.candidate_id, back=1, now=0, before=100)
    await chat.stage.world.wait_for(lambda world: [one for one in world.messages(admin) if one.get("text") == told], 60)
    await chat.stage.restart()
    await chat.rate(FUNNY, FUNNY)
    assert sum(one.get("text") == told for one in chat.stage.world.messages(admin)) == 1


async def test_a_champion_that_is_liked_as_much_stays(chat_with):
    chat = await chat_with(champion_monitor={"ratings": 15})
    run = await promoted(chat, before=FUNNY)
    assert await until_over(chat, FUNNY) == "kept"
    assert (await models.get_champion(chat.stage.app.database)).id == run.candidate_id


async def test_a_restart_goes_on_watching(chat_with):
    chat = await chat_with()
    await promoted(chat, before=FUNNY)
    await chat.rate(MEH, MEH)
    watch = await get_open_monitor(chat.stage.app.database)
    await chat.stage.restart()
    assert await get_open_monitor(chat.stage.app.database) == watch
    assert await until_over(chat, MEH) == "fell"


async def test_a_step_back_by_an_admin_ends_the_watch(chat_with):
    chat = await chat_with()
    await promoted(chat, before=FUNNY)
    app = chat.stage.app
    await ModelDeployer(app.database, app.servers).roll_back()
    assert await chat.until(lambda: outcome(chat)) == "superseded"


async def test_a_step_back_that_a_kill_cut_off_is_still_told(chat_with):
    chat = await chat_with(telegram={"admins": [FIRST_USER_ID]})
    run = await promoted(chat, before=FUNNY)
    await chat.rate(MEH, MEH)
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


async def test_runs_that_are_over_leave_nothing_watched(chat_with):
    chat = await chat_with()
    run = await chat.put_on_trial()
    await chat.trial(run)
    await runs.request_cancel(chat.stage.app.database, run.id)
    await chat.ends(run)
    assert await get_open_monitor(chat.stage.app.database) is None
