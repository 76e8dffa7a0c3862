"""Each kind of server that the bot runs, supervised: LMDeploy as a stub with its command line, real CPU engines."""

import shlex
import sys

import psutil
import pytest

from bot.engine.servers.base import ServeError
from bot.engine.servers.factory import make_servers
from bot.engine.servers.managed import ManagedServers
from configs.settings import ROOT, Settings
from tests.bot.engine.owned import DEMO, QUICK, model, states
from tests.waiting import until

TRAIN = Settings().environments.train_python


@pytest.fixture
def serve_python(tmp_path):
    """A fake Python that starts a stub instead of LMDeploy."""
    script = tmp_path / "python"
    script.write_text(
        f"#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'tests/bot/engine/fake_serve.py'))} "
        '"$@"\n'
    )
    script.chmod(0o755)
    return script


async def test_lmdeploy_servers_are_started_as_many_as_the_settings_say_slept_and_swapped(
    tmp_path, serve_python, question
):
    settings = Settings(
        engine={"kind": "lmdeploy"},
        servers=QUICK,
        storage={"directory": tmp_path},
        lmdeploy={"servers": 2},
        environments={"serve_python": serve_python},
    )
    servers = make_servers(settings, model(1, "base", DEMO))
    await servers.start()
    try:
        await until(lambda: states(servers) == [("base", "ready")] * 2)
        await servers.swap(model(2, "green", DEMO))
        assert states(servers) == [("base", "asleep")] * 2 + [("green", "ready")] * 2
        assert (await servers.router.champion.client.ask(**question)).text == "jokebot-green tells a joke."
    finally:
        await servers.stop()


async def test_a_host_without_the_environment_or_the_checkpoint_says_so(tmp_path):
    for kind, name in (("lmdeploy", "serve"), ("cpu", "train")):
        settings = Settings(
            engine={"kind": kind},
            servers=QUICK,
            storage={"directory": tmp_path},
            environments={f"{name}_python": tmp_path / "nowhere"},
        )
        servers = ManagedServers(settings, model(1, "blue", DEMO))
        with pytest.raises(ServeError, match=f"make env-{name}"):
            await servers.serve(model(2, "green", DEMO))
    servers = ManagedServers(Settings(engine={"kind": "cpu"}, storage={"directory": tmp_path}), model(1, "blue", DEMO))
    for directory, words in ((None, "knows no directory"), (tmp_path / "gone", "There is no directory")):
        with pytest.raises(ServeError, match=words):
            await servers.serve(model(3, "green", directory))


@pytest.mark.parametrize(("kind", "heard"), [("cpu", ["training", ""]), ("lmdeploy", ["training", ""]), ("url", [])])
async def test_a_pause_is_reported_by_the_kinds_that_the_bot_runs(tmp_path, kind, heard):
    reasons = []
    settings = Settings(engine={"kind": kind}, storage={"directory": tmp_path})
    servers = make_servers(settings, model(1, "base", DEMO), on_pause=reasons.append)
    await servers.pause("training")
    await servers.resume()
    assert reasons == heard and servers.paused == ""
    await servers.stop()


@pytest.mark.skipif(not TRAIN.exists(), reason="there is no train environment")
async def test_cpu_engines_are_checked_mended_and_swapped(tmp_path, question):
    """With the demo model: a damaged tokenizer and damaged weights are rejected, and a kill loses no joke."""
    import shutil

    bare, broken = tmp_path / "bare", tmp_path / "broken"
    for directory in (bare, broken):
        shutil.copytree(DEMO, directory)
    (bare / "tokenizer.json").unlink()
    weights = broken / "model.safetensors"
    data = bytearray(weights.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    data[start:] = b"\xff" * (len(data) - start)  # bfloat16's NaN
    weights.write_bytes(data)

    settings = Settings(
        engine={"kind": "cpu", "retry_delay_s": 0.05},
        servers={**QUICK, "count": 1, "previous_model": "stop"},
        storage={"directory": tmp_path},
    )
    servers = make_servers(settings, model(1, "demo", DEMO))
    await servers.start()
    try:
        await servers.wait_ready()
        for directory, words in ((bare, "tokenizer.model is missing"), (broken, "status 500|no text|says nothing")):
            with pytest.raises(ServeError, match=words):
                await servers.serve(model(2, directory.name, directory))
        assert states(servers) == [("demo", "ready")]
        killed = []

        async def on_text(text: str) -> None:
            if not killed:
                killed.append(servers.status()[0])
                process = psutil.Process(servers.pools.get(1).servers[0].pid).children()[0]
                assert not any("KEY" in part or len(part) > 200 for part in process.cmdline())
                process.kill()

        assert (await servers.router.champion.client.ask(**question, on_text=on_text)).text and killed
        await until(
            lambda: [state.restarts for state in servers.status()] == [1] and states(servers) == [("demo", "ready")]
        )
        await servers.swap(model(3, "green", DEMO))
        assert states(servers) == [("green", "ready")] and (await servers.router.champion.client.ask(**question)).text
    finally:
        await servers.stop()
