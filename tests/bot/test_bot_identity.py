"""A data folder that gets another bot's token keeps its jokes and ratings, and confuses no messages of the two."""

from contextlib import AsyncExitStack

import pytest

from bot.engine.stub.engine import StubReply
from bot.monitoring import doctor
from bot.sandbox.server import Sandbox
from bot.telegram.polling import TokenRejected
from storage.chat.bots import claim_database, read_bot_id
from storage.maintenance.backup import back_up
from storage.maintenance.restore import restore
from tests.bot.conftest import Stage, make_picture, running

OTHER_TOKEN = "654321:BBHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T1"


def with_token(settings, token, url):
    telegram = settings.telegram.model_copy(update={"token": type(settings.telegram.token)(token), "base_url": url})
    return settings.model_copy(update={"telegram": telegram})


@pytest.fixture
async def other_bot(stage_with):
    """A stage of another bot on the data of a first one, in whose messages 2, 4 and 6 there are jokes with ratings."""
    first = await stage_with(StubReply("A joke of the test bot"))
    for number in range(3):
        joke = await first.joke(first.send_photo(data=make_picture(colour=(number * 40, 3, 3))))
        await first.press(joke, 0)
    await first.quiet()
    await first.process.aclose()
    first.engine.answer = StubReply("A joke of the real bot")
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.running(port=0, token=OTHER_TOKEN))
        settings = with_token(first.settings, OTHER_TOKEN, sandbox.url)
        process = await stack.enter_async_context(AsyncExitStack())
        app = await process.enter_async_context(running(settings))
        yield first, Stage(sandbox, first.engine, settings, app, process)


async def test_buttons_and_replies_are_about_the_new_bots_own_jokes(other_bot):
    first, second = other_bot
    for number in range(3):
        joke = await second.joke(second.send_photo(data=make_picture(colour=(number * 40, 90, 90))))
        assert await second.press(joke, 0) == second.words("rated", emoji="😂")
        assert await second.press(joke, 2) == second.words("rated", emoji="😐")  # a later update with a lower number
    await second.quiet()
    assert await second.value("SELECT count(*) FROM ratings") == 6
    assert await second.value("SELECT count(*) FROM ratings WHERE value = 1") == 3
    asked = second.world.send_text(second.alice, second.alice, "explain", joke["message_id"])
    await second.answer(asked)
    assert "A joke of the real bot" in second.engine.asked[-1].user


async def test_what_the_other_bot_was_rated_for_stays_of_use(other_bot):
    first, second = other_bot
    best = await second.answer(second.world.send_text(second.alice, second.alice, "/best"))
    assert "A joke of the test bot" in best["caption"]


async def test_the_former_bot_finds_its_buttons_again(other_bot):
    first, second = other_bot
    await second.joke(second.send_photo(data=make_picture(colour=(90, 90, 90))))
    await second.quiet()
    await second.process.aclose()
    async with running(first.settings) as app:
        first.app = app
        joke = next(message for message in first.world.messages(first.alice) if message["message_id"] == 2)
        assert await first.press(joke, 2) == first.words("rated", emoji="😐")
        assert await first.value("SELECT value FROM ratings WHERE joke_id = 1") == 1
        assert await first.value("SELECT count(*) FROM deliveries") == 4
        asked = first.world.send_text(first.alice, first.alice, "explain", 2)
        await first.answer(asked)
        assert "A joke of the test bot" in first.engine.asked[-1].user


async def test_a_token_that_telegram_refuses_changes_nothing(stage):
    await stage.joke(stage.send_photo())
    await stage.quiet()
    await stage.process.aclose()
    wrong = with_token(stage.settings, OTHER_TOKEN, stage.sandbox.url)
    with pytest.raises(TokenRejected):
        async with running(wrong):
            pass
    assert read_bot_id(stage.settings.storage.database) == 123456


async def test_updates_of_the_former_bot_hide_none_of_the_new_one(stage):
    """Both bots may number their updates alike."""
    database = stage.app.database
    joke = await stage.joke(stage.send_photo())
    await stage.press(joke, 0)
    await stage.quiet()
    known = await stage.value("SELECT max(update_id) FROM inbox")
    change = await claim_database(database, 654321)
    assert change and (change.former_id, change.unfinished) == (123456, 0)
    assert await claim_database(database, 654321) is None
    assert await stage.value("SELECT count(*) FROM inbox") == 0
    assert await stage.value("SELECT count(*) FROM deliveries WHERE update_id IS NOT NULL OR message_id > 0") == 0
    await claim_database(database, 123456)
    assert await stage.value("SELECT update_id FROM inbox") == known
    assert await stage.value("SELECT message_id FROM deliveries") == joke["message_id"]


async def test_a_backup_remembers_its_bot_and_the_doctor_says_so(stage, tmp_path):
    storage = stage.settings.storage
    backup = back_up(storage, tmp_path / "backups")
    async with stage.app.database.write() as connection:
        await connection.execute("DELETE FROM bots")
    assert read_bot_id(storage.database) is None
    await stage.process.aclose()
    restore(backup.directory, storage)
    assert read_bot_id(storage.database) == 123456
    assert doctor.check_bot_of_database(stage.settings) == []
    [finding] = doctor.check_bot_of_database(with_token(stage.settings, OTHER_TOKEN, "http://127.0.0.1:9"))
    assert finding.state == "note" and "belongs to bot 123456" in finding.message
