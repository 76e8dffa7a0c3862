"""A trained champion and the base beside it: which photos count, what the bot says about it, and to whom."""

import random
from datetime import datetime

import pytest

from bot.engine.stub.engine import StubReply
from bot.progress import base_share, progress_news
from bot.progress.progress_line import ProgressLine
from bot.progress.progress_news import ProgressNews
from bot.retraining.deployer import ModelDeployer
from storage.learning import models
from storage.learning.models import NewModel
from storage.learning.runs import create_run
from storage.maintenance.forget_person import forget_rows

BASE, TRAINED = "A horse walks into a bar.", "Nobody ordered the horse."


@pytest.fixture
def champion_with(stage_with, monkeypatch):
    """A stage whose champion is trained; the stub serves the base too."""
    monkeypatch.setattr(base_share, "POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr(progress_news, "POLL_INTERVAL_S", 1000.0)

    async def start(*, served=("base", "trained"), **sections):
        sections = {"joke": {"base_share": 0.3}, "engine": {"model": "base", "attempts": 1}, **sections}
        stage = await stage_with(**sections)
        stage.engine.models = list(served)
        stage.engine.answers = {"base": StubReply(BASE), "trained": StubReply(TRAINED)}
        base = await models.get_champion(stage.app.database)
        run = await create_run(stage.app.database, "command")
        new = NewModel("trained", base.id, base.id, base.id, "", run.id, "/models/trained", "sha", "{}")
        async with stage.app.database.write() as connection:
            await connection.execute("UPDATE runs SET state = 'promoted', finished_at = 1")
            candidate = await models.add_candidate(connection, new)
        stage.engine.models = ["base", "trained"]
        await stage.part(ModelDeployer).promote(candidate.id, "admin")
        stage.engine.models = list(served)
        return stage

    return start


async def rated(stage, monkeypatch, base: int, trained: int, *, liked: tuple[int, int]) -> None:
    """Photos that go to the base and to the champion; the first `liked` of each get 😂, the others 😐."""
    number = 0
    for to_base, count, likes in ((True, base, liked[0]), (False, trained, liked[1])):
        monkeypatch.setattr(random, "random", lambda to_base=to_base: 0.0 if to_base else 0.9)
        for index in range(count):
            number += 1
            data = stage.picture(colour=(number * 7 % 256, number * 31 % 256, 90))
            joke = await stage.joke(stage.send_photo(data=data))
            assert joke["text"] == (BASE if to_base else TRAINED)
            await stage.press(joke, 0 if index < likes else 2)


async def served_beside(stage) -> None:
    from bot.engine.router import Router

    router = stage.part(Router)
    await stage.until(lambda: router.base is not None)


async def test_photos_are_divided_and_the_gain_is_told_with_an_interval(champion_with, picture, monkeypatch):
    stage = await champion_with(telegram={"admins": [42]})
    stage.picture = picture
    await served_beside(stage)
    line = stage.part(ProgressLine)
    assert await line.text("en") == stage.words("progress-few", photos=0)
    await rated(stage, monkeypatch, 10, 12, liked=(1, 11))
    await stage.quiet()
    rows = await stage.app.database.rows("SELECT model_id, base_share, chosen_by, count(*) FROM jokes GROUP BY 1, 2, 3")
    assert [tuple(row) for row in rows] == [(1, 0.3, "single", 10), (2, 0.3, "single", 12)]
    text = await line.text("en")
    assert text.startswith("📈 My jokes are liked by 82 points more") and "92% of the ratings instead of 10%" in text
    assert "point" not in await line.text("zh") and "82" in await line.text("zh")
    answer = await stage.answer(stage.world.send_text(stage.bob, stage.bob, "/stats"))
    assert text in answer["text"]


async def test_only_photos_of_the_same_time_count_and_none_of_private_users(champion_with, picture, monkeypatch):
    stage = await champion_with()
    stage.picture = picture
    await served_beside(stage)
    await rated(stage, monkeypatch, 10, 10, liked=(1, 9))
    await stage.quiet()
    line = stage.part(ProgressLine)
    assert "📈" in await line.text("en")
    async with stage.app.database.write() as connection:
        await connection.execute("UPDATE jokes SET base_share = NULL WHERE id = 1")
    assert await line.text("en") == stage.words("progress-few", photos=9)
    async with stage.app.database.write() as connection:
        await connection.execute("INSERT INTO private_people VALUES (?, 1)", (stage.alice,))
    assert await line.text("en") == stage.words("progress-few", photos=0)


async def test_where_the_base_is_not_served_it_cannot_be_told(champion_with):
    stage = await champion_with(served=["trained"])
    await stage.joke(stage.send_photo())
    assert await stage.part(ProgressLine).text("en") == stage.words("progress-unknown")
    assert await stage.value("SELECT count(*) FROM jokes WHERE base_share IS NOT NULL") == 0


@pytest.mark.parametrize("sections", [{"joke": {"base_share": 0}}, {"servers": {"serve_base": "no"}}])
async def test_the_settings_turn_it_off(champion_with, sections):
    stage = await champion_with(**sections)
    for _ in range(3):
        await stage.joke(stage.send_photo())
    assert await stage.value("SELECT count(*) FROM jokes WHERE model_id = 1") == 0


async def test_before_anything_was_learnt_the_bot_says_so_and_sends_no_weekly_line(stage):
    assert await stage.part(ProgressLine).text("en") == stage.words("progress-first")
    await stage.part(ProgressNews).send_due(datetime(2026, 11, 29, 18, 5).timestamp())
    assert await stage.value("SELECT count(*) FROM progress_news") == 0


async def test_admins_get_the_line_once_a_week_over_a_restart_and_not_a_day_late(champion_with, monkeypatch):
    from bot.sandbox.telegram_objects import FIRST_USER_ID

    stage = await champion_with(telegram={"admins": [FIRST_USER_ID]})
    await served_beside(stage)
    sunday = datetime(2026, 11, 29, 18, 5).timestamp()
    text = stage.words("progress-few", photos=0)

    def times() -> int:
        return sum(message.get("text") == text for message in stage.world.messages(stage.alice))

    await stage.part(ProgressNews).send_due(sunday + 2 * 86400)
    assert times() == 0
    for _ in range(2):
        await stage.part(ProgressNews).send_due(sunday)
    await stage.restart()
    await served_beside(stage)
    await stage.part(ProgressNews).send_due(sunday)
    assert times() == 1
    await stage.part(ProgressNews).send_due(sunday + 7 * 86400)
    assert times() == 2
    await forget_rows(stage.app.database, FIRST_USER_ID)
    assert await stage.value("SELECT count(*) FROM progress_news") == 0


async def test_after_a_rollback_to_the_base_it_gets_all_photos_as_the_champion(champion_with):
    from bot.engine.router import Router

    stage = await champion_with()
    await served_beside(stage)
    await stage.part(ModelDeployer).roll_back()
    router = stage.part(Router)
    assert router.champion.model.id == 1 and router.base is None
    assert (await stage.joke(stage.send_photo()))["text"] == BASE
