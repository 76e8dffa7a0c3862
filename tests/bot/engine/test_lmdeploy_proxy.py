"""The bot with LMDeploy's proxy and two engines behind it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.engine.photo_affinity import photo_digest, server_order
from bot.engine.servers.external import ExternalServers
from bot.engine.stub.engine import StubEngine
from bot.runtime.child_process import ChildProcess, start_child
from bot.sandbox.server import Sandbox
from configs.settings import ROOT, Settings
from storage.learning.models import Model
from tests.bot.conftest import TOKEN, Stage, make_picture, make_settings, running

TRAIN = Settings().environments.train_python
PARTS = ROOT / ".venv" / "lmdeploy-cpu"
DEMO = ROOT / "configs" / "demo-model" / "checkpoint"
KEY = Settings().engine.api_key.get_secret_value()
PROXY = """
import sys, threading, torch
from configs.transformers_imports import import_torchvision
import_torchvision(torch)
sys.path.append(sys.argv.pop(1))
from bot.engine.lmdeploy.launcher import print_when_listening
threading.Thread(target=print_when_listening, args=("127.0.0.1", int(sys.argv[-1])), daemon=True).start()
from lmdeploy.cli import run
run()
"""
"""Runs the real `lmdeploy serve proxy`, and prints a line when it listens."""
pytestmark = pytest.mark.skipif(
    not TRAIN.exists() or not PARTS.exists(), reason="there is no train environment or no .venv/lmdeploy-cpu"
)


@dataclass
class Hosts:
    """The proxy's URL, and its engines by URL."""

    url: str
    engines: dict[str, ChildProcess]

    async def call(self, method: str, path: str, **body: Any) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.url}{path}", json=body or None) as answer,
        ):
            assert answer.status == 200, await answer.text()
            return await answer.json(content_type=None)

    async def answered(self) -> dict[str, int]:
        """Finished requests per engine as the proxy counts them, without engines that it has dropped."""
        return {url: len(node["latency"]) for url, node in (await self.call("GET", "/nodes/status")).items()}


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    engine = [
        str(TRAIN),
        "-m",
        "bot",
        "serve",
        str(DEMO),
        "--port",
        "0",
        "--threads",
        "1",
        "--name",
        "champion",
        "--api-key",
        KEY,
    ]
    proxy = [
        str(TRAIN),
        "-c",
        PROXY,
        str(PARTS),
        "serve",
        "proxy",
        "--disable-cache-status",
        "--server-name",
        "127.0.0.1",
        "--server-port",
        str(port),
    ]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "LMDEPLOY_CONTROLLER_HEART_BEAT_EXPIRATION": "2"}
    with ExitStack() as stack:
        children = [
            stack.enter_context(start_child(f"engine {number}", engine, cwd=ROOT, environment=environ))
            for number in (1, 2)
        ]
        before = stack.enter_context(start_child("proxy", proxy, cwd=ROOT, environment=environ))
        yield Hosts(before.wait_ready(), {child.wait_ready(): child for child in children})


@pytest.fixture
async def stage(hosts: Hosts, tmp_path: Path) -> AsyncIterator[Stage]:
    for url in hosts.engines:
        # With model names, the proxy does not query the engine for them; it would do so without the key.
        await hosts.call("POST", "/nodes/add", url=url, status={"models": ["champion"]})
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.running(port=0, token=TOKEN))
        settings = make_settings(
            sandbox.url, f"{hosts.url}/v1", tmp_path / "data", engine={"attempts": 8, "retry_delay_s": 0.2}
        )
        yield Stage(sandbox, None, settings, await stack.enter_async_context(running(settings)))


async def test_photos_are_answered_by_both_hosts_and_by_one_when_the_other_is_gone(hosts, stage):
    photos = [
        stage.send_photo(data=make_picture(colour=(40 * number, 90, 200)), person=user)
        for number in range(3)
        for user in (stage.alice, stage.bob)
    ]
    jokes = [await stage.joke(photo) for photo in photos]
    assert all(joke["text"] for joke in jokes)
    async with asyncio.timeout(60):
        # The proxy counts a request after its last chunk.
        while sum((counts := await hosts.answered()).values()) < len(photos):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert sum(counts.values()) == len(photos) and all(counts.values()), counts

    gone, child = next(iter(hosts.engines.items()))
    child.stop()
    last = [stage.send_photo(data=make_picture(colour=(5, 5 * number, 90))) for number in range(3)]
    assert all([(await stage.joke(photo))["text"] for photo in last])
    async with asyncio.timeout(60):
        while gone in await hosts.answered():  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert list(await hosts.answered()) == [url for url in hosts.engines if url != gone]


async def test_each_photo_reaches_its_own_server_through_the_proxy(hosts, question):
    async with (
        StubEngine.running(models=["jokes", "jokes@a"]) as a,
        StubEngine.running(models=["jokes", "jokes@b"]) as b,
    ):
        for stub in (a, b):
            url = stub.url.removesuffix("/v1")
            await hosts.call("POST", "/nodes/add", url=url, status={"models": stub.models})
        settings = Settings(engine={"url": f"{hosts.url}/v1", "model": "jokes", "attempts": 1})
        servers = ExternalServers(settings, Model(1, "jokes", "champion", None, None, None, None, "{}", 0.0))
        photos = [question["photo"] + bytes([number]) for number in range(8)]
        for photo in photos * 2:
            await servers.router.champion.client.ask(**{**question, "photo": photo})
        await servers.stop()
        owners = [server_order(photo_digest(photo), ["jokes@a", "jokes@b"])[0] for photo in photos]
        for stub, name in ((a, "jokes@a"), (b, "jokes@b")):
            assert [request.model for request in stub.asked] == [name] * 2 * owners.count(name) and name in owners
            await hosts.call("POST", "/nodes/remove", url=stub.url.removesuffix("/v1"))
