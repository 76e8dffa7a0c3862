"""The bot with managed servers: photos after a kill, notices during pauses and swaps, and no lost photo."""

import asyncio
from contextlib import AsyncExitStack

import psutil
import pytest

from bot.engine.servers.managed import ManagedServers
from tests.bot.conftest import Stage, make_settings, running
from tests.bot.engine.owned import QUICK, StubLauncher, model, states


@pytest.fixture
async def stage_on(tmp_path, monkeypatch):
    """A function that starts the bot with managed stub servers."""
    from bot.sandbox.server import Sandbox

    launcher = StubLauncher()
    monkeypatch.setattr("bot.engine.servers.managed.make_launcher", lambda settings: launcher)
    # The check before the start needs a model's files, which the stubs don't have.
    monkeypatch.setattr("bot.factory.make_launcher", lambda settings: lambda model, port, key: None)
    async with AsyncExitStack() as stack:

        async def start(*options: list[str], **sections) -> tuple[Stage, StubLauncher]:
            """`options`: arguments of the champion's server at its first start, its second, …"""
            launcher.tell("base", *options or [[]])
            sandbox = await stack.enter_async_context(
                Sandbox.running(port=0, token="123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0")
            )
            sections["engine"] = {"kind": "cpu", "attempts": 6, **sections.get("engine", {})}
            settings = make_settings(
                sandbox.url, "http://127.0.0.1:9/v1", tmp_path / "data", **{"servers": QUICK, **sections}
            )
            app = await stack.enter_async_context(running(settings))
            assert isinstance(app.servers, ManagedServers)
            return Stage(sandbox, None, settings, app), launcher

        yield start


async def test_a_photo_whose_server_is_killed_is_answered_when_it_is_back(stage_on):
    stage, launcher = await stage_on(["--fault", "stall", "--after", "3"], [])
    photo = stage.send_photo()
    server = stage.app.servers.pools.get(1).servers[0]
    await stage.until(lambda: server.outstanding == 1)
    psutil.Process(server.pid).children()[0].kill()
    joke = await stage.joke(photo)
    assert joke["text"] == "base tells a joke." and launcher.starts == ["base"] * 2


async def test_people_hear_that_the_bot_is_studying_and_get_their_jokes_afterwards(stage_on):
    stage, _ = await stage_on()
    await stage.joke(stage.send_photo())
    await stage.app.servers.pause("training")
    photos = [stage.send_photo(), stage.send_photo(person=stage.ming)]
    await stage.answer(photos[0], lambda reply: reply["text"].startswith(stage.words("place-training", place=1)[:20]))
    await stage.answer(
        photos[1], lambda reply: reply["text"].startswith(stage.words("place-training", "zh", place=1)[:10])
    )
    await stage.app.servers.resume()
    for photo in photos:
        await stage.joke(photo)
        assert len(stage.answers(photo)) == 1
    await stage.quiet()


async def test_people_hear_of_a_change_of_models_that_memory_cannot_hold_beside_the_old_one(stage_on, tmp_path):
    stage, launcher = await stage_on(servers={**QUICK, "allow_extra_server": False})
    await stage.joke(stage.send_photo())
    launcher.tell("green", ["--when", str(tmp_path / "green may start")])
    swap = asyncio.create_task(stage.app.servers.swap(model(2, "green")))
    await stage.until(lambda: stage.app.servers.paused == "swap")
    photo = stage.send_photo()
    await stage.answer(photo, lambda reply: reply["text"] == stage.words("place-swap", place=1))
    (tmp_path / "green may start").touch()
    await swap
    assert states(stage.app.servers) == [("base", "asleep"), ("green", "ready")]


async def test_with_no_server_for_too_long_people_are_told(stage_on):
    stage, launcher = await stage_on(
        servers={**QUICK, "recovery_wait_s": 0.5, "restart_delay_s": 0.5}, engine={"attempts": 1}
    )
    await stage.app.servers.wait_ready()
    await stage.joke(stage.send_photo())
    launcher.tell("base", ["--template", "bare"])
    psutil.Process(stage.app.servers.pools.get(1).servers[0].pid).children()[0].kill()
    await stage.until(lambda: not stage.app.servers.pools.get(1).ready_count)
    photo = stage.send_photo()
    assert (await stage.answer(photo))["text"] == stage.words("engine-down")
    launcher.tell("base", [])
    await stage.until(lambda: stage.app.servers.pools.get(1).ready_count)
    await stage.joke(stage.send_photo())
