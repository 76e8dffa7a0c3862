"""Servers and registry change together: if the registry can't be written, the previous model stays in service."""

import sqlite3

import pytest

from bot.retraining.deployer import ModelDeployer
from storage.learning import models
from tests.bot.experiments.conftest import CHAMPION, OLD


async def test_a_model_that_the_database_does_not_take_as_champion_answers_nobody(chat_with):
    chat = await chat_with()
    run = await chat.put_on_trial()
    app = chat.stage.app
    await chat.trial(run)
    async with app.database.write() as connection:
        await connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON promotions BEGIN SELECT raise(ABORT, 'disk full'); END"
        )
    with pytest.raises(sqlite3.Error, match="disk full"):
        await ModelDeployer(app.database, app.servers).promote(run.candidate_id, "admin")
    assert (await models.get_champion(app.database)).name == app.servers.router.champion.model.name == CHAMPION
    app.servers.router.clear_canary()
    assert (await chat.stage.joke(chat.send()))["text"] == OLD
