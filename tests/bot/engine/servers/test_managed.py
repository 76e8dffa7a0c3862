"""The bot's own servers: started, supervised, restarted and ended. The children are real processes."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bot.engine.client import EngineError
from bot.engine.servers.base import ServeError
from bot.engine.servers.managed import ManagedServers
from configs.settings import ROOT
from tests.bot.engine.owned import SOON_FOUND, dies, model, settings, states
from tests.waiting import until


@pytest.fixture
async def make(tmp_path, launcher):
    """A function that starts the champion's servers; all are ended after the test."""
    made = []

    async def make(*, ready: bool = True, engine=None, **servers) -> ManagedServers:
        made.append(ManagedServers(settings(tmp_path, engine=engine, **servers), model(1), launcher))
        await made[-1].start()
        if ready:
            await made[-1].wait_ready()
        return made[-1]

    yield make
    for servers in made:
        await servers.stop()


def processes(servers: ManagedServers) -> list[psutil.Process]:
    """The server processes, below their watchdogs."""
    return [psutil.Process(server.pid).children()[0] for server in servers.pools.servers if server.pid]


async def test_a_photo_is_answered_by_a_server_that_the_bot_started(make, question, tmp_path):
    servers = await make()
    assert (await servers.router.champion.client.ask(**question)).text == "model-1 tells a joke."
    assert states(servers) == [("model-1", "ready")] and await servers.ready()
    assert "listening on" in (tmp_path / "logs" / "server-1.log").read_text()


async def test_the_key_is_asked_for_and_is_in_no_command(make, question):
    servers = await make()
    (process,) = processes(servers)
    key = process.environ()["STUB_KEY"]
    assert len(key) > 20 and not any(key in part for part in process.cmdline() + process.parent().cmdline())


async def test_photos_go_to_the_server_with_the_fewest_in_work(make, question):
    servers = await make(count=2)
    await until(lambda: states(servers) == [("model-1", "ready")] * 2)
    seen = asyncio.Event()

    async def on_text(text: str) -> None:
        await seen.wait()

    asks = [asyncio.create_task(servers.router.champion.client.ask(**question, on_text=on_text)) for _ in range(4)]
    await until(lambda: sum(state.outstanding for state in servers.status()) == 4)
    assert [state.outstanding for state in servers.status()] == [2, 2]
    seen.set()
    await asyncio.gather(*asks)


async def test_photos_that_come_before_the_first_server_is_ready_wait_for_it(make, question):
    servers = await make(ready=False)
    assert not await servers.ready()
    assert (await servers.router.champion.client.ask(**question)).text


@pytest.mark.parametrize("count", [1, 2])
async def test_a_server_killed_in_mid_reply_costs_no_joke_and_is_started_again(make, launcher, question, count):
    launcher.tell("model-1", *[["--fault", "stall", "--after", "3"]] * count, [])
    servers = await make(count=count)
    await until(lambda: states(servers) == [("model-1", "ready")] * count)
    heard = asyncio.Event()

    async def on_text(text: str) -> None:
        heard.set()

    ask = asyncio.create_task(servers.router.champion.client.ask(**question, on_text=on_text))
    await heard.wait()
    busy = next(server for server in servers.pools.get(1).servers if server.outstanding)
    psutil.Process(busy.pid).children()[0].kill()
    assert (await ask).text == "model-1 tells a joke."
    await until(lambda: states(servers) == [("model-1", "ready")] * count)
    assert sum(state.restarts for state in servers.status()) == 1


@pytest.mark.parametrize("fault", ["hang", "empty", "garbage", "drop", "die"])
async def test_a_server_that_goes_wrong_is_started_again_and_the_photo_is_answered(make, launcher, question, fault):
    """The three golden photos succeed and the next request fails; the next process has no fault."""
    launcher.tell("model-1", ["--fault", fault, "--after", "3"], [])
    hanging = (
        {"engine": {"first_token_timeout_s": 2, "attempts": 9}, **SOON_FOUND}
        if fault == "hang"
        else {"engine": {"attempts": 9}}
    )
    servers = await make(**hanging)
    reply = await servers.router.champion.client.ask(**question)
    assert reply.text == "model-1 tells a joke." and len(launcher.starts) >= 2 and servers.status()[0].restarts >= 1


async def test_a_server_that_hangs_while_nobody_asks_is_found_and_started_again(make, launcher):
    launcher.tell("model-1", ["--fault", "hang", "--after", "3"], [])
    servers = await make(**SOON_FOUND)
    await until(lambda: len(launcher.starts) >= 2 and states(servers) == [("model-1", "ready")])


async def test_a_server_that_is_stopped_by_the_system_is_started_again(make, monkeypatch):
    monkeypatch.setattr("bot.engine.servers.server_process.STOP_GRACE_S", 0.3)
    servers = await make(**SOON_FOUND)
    (process,) = processes(servers)
    process.suspend()
    await until(lambda: servers.status()[0].restarts >= 1 and states(servers) == [("model-1", "ready")])
    assert not process.is_running()


async def test_a_server_that_is_busy_with_slow_photos_is_left_alone(make, launcher, question):
    """Each photo and the probe take longer than the hang timeout, but text keeps coming."""
    launcher.tell("model-1", ["--fault", "slow", "--after", "3"])
    servers = await make(hang_timeout_s=6.0, probe_interval_s=0.2)
    await asyncio.gather(*(servers.router.champion.client.ask(**question) for _ in range(3)))
    assert [state.restarts for state in servers.status()] == [0]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "GPU's memory is full"),
        ("RuntimeError: No CUDA GPUs are available", "GPU is not there"),
        ("RuntimeError: CUDA error: device-side assert", "GPU is not there or has failed"),
        ("DefaultCPUAllocator: can't allocate memory", "host's memory is full"),
        ("ModuleNotFoundError: No module named 'lmdeploy'", "jokebot doctor"),
    ],
)
async def test_a_version_that_cannot_start_is_refused_with_the_reason_and_nothing_moves(
    make, launcher, question, words, reason
):
    servers = await make()
    launcher.tell("model-2", dies(words))
    with pytest.raises(ServeError, match=reason):
        await servers.serve(model(2))
    assert states(servers) == [("model-1", "ready")] and servers.router.served_models == [servers.router.champion]
    assert (await servers.router.champion.client.ask(**question)).text


async def test_with_the_gpu_gone_people_are_told_and_with_it_back_they_are_answered(make, launcher, question):
    launcher.tell("model-1", *[dies("RuntimeError: No CUDA GPUs are available")] * 40, [])
    servers = await make(ready=False, recovery_wait_s=0.5, engine={"attempts": 1})
    await until(lambda: servers.status()[0].restarts > 1)
    with pytest.raises(EngineError, match="GPU is not there") as caught:
        await servers.router.champion.client.ask(**question)
    assert caught.value.kind == "down"
    launcher.tell("model-1", [])
    await until(lambda: states(servers) == [("model-1", "ready")])
    assert (await servers.router.champion.client.ask(**question)).text


async def test_a_taken_port_is_left_for_another(make, launcher):
    launcher.tell("model-1", dies("[Errno 98] error while attempting to bind on address: address already in use"), [])
    servers = await make()
    assert states(servers) == [("model-1", "ready")] and launcher.starts == ["model-1"] * 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--template", "bare"], "chat template"),
        (["--text", "!!!!!!!!!!!!"], "no text"),
        (["--text", " "], "says nothing"),
        (["--text", "nan"], "no text"),
        (["--text", "\ufffd" * 9], "says nothing"),
    ],
)
async def test_a_version_with_another_prompt_or_without_sane_words_gets_no_traffic(make, launcher, options, reason):
    servers = await make()
    launcher.tell("model-2", options)
    with pytest.raises(ServeError, match=reason):
        await servers.serve(model(2))
    assert states(servers) == [("model-1", "ready")]


async def test_a_start_that_takes_too_long_is_given_up(make, launcher, tmp_path):
    servers = await make()
    servers.pools._settings = settings(tmp_path, start_timeout_s=1.0)
    launcher.tell("model-2", [sys.executable, "-c", "import time; time.sleep(600)"])
    with pytest.raises(ServeError, match="not ready within"):
        await servers.serve(model(2))
    assert states(servers) == [("model-1", "ready")]


async def test_the_log_is_kept_within_bounds(make, launcher, tmp_path):
    launcher.tell("model-1", [sys.executable, "-c", "while True: print('x' * 1000)"])
    await make(ready=False, log_mb=0.05)
    first, second = tmp_path / "logs" / "server-1.log", tmp_path / "logs" / "server-1.log.1"
    await until(second.exists)
    assert 0 < max(size(file) for _ in range(50) for file in (first, second)) <= 50_000


def size(log: Path) -> int:
    """Bytes of a file that is rotated again and again; 0 if the next one doesn't exist yet."""
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_bot_ends_in_whatever_way(number, tmp_path):
    source = (
        "import asyncio, pathlib\nfrom tests.bot.engine.owned import *\nasync def main():\n"
        f"    servers = ManagedServers(settings(pathlib.Path({str(tmp_path)!r}), count=2), model(1), StubLauncher())\n"
        "    await servers.start(); await servers.wait_ready(); print('up', flush=True); await "
        "asyncio.sleep(600)\nasyncio.run(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as bot:
        try:
            assert bot.stdout.readline() == "up\n"
            children = psutil.Process(bot.pid).children(recursive=True)
            assert len(children) >= 3
            bot.send_signal(number)
            bot.wait(60)
        finally:
            bot.kill()
    psutil.wait_procs(children, 60)
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
