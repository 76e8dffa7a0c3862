"""Servers on several GPUs: one each, swapped one by one; each photo goes to the server that has it in its cache."""

import asyncio
from collections import Counter

import psutil
import pytest

from bot.engine.photo_affinity import FREE_REQUESTS, photo_digest, server_order
from bot.engine.servers.managed import ManagedServers
from bot.monitoring.metric_families import prompt_family
from configs.gpu import GpuSelection
from tests.bot.engine.owned import model, settings, states
from tests.waiting import until

TWO = {"gpu_ids": [2, 5], "prefix_cache": True}


@pytest.fixture
async def make(tmp_path, launcher):
    """A function that starts servers of the kind lmdeploy, which are stubs, and waits until all are ready."""
    made = []

    async def make(lmdeploy, **servers) -> ManagedServers:
        told = settings(tmp_path, engine={"kind": "lmdeploy"}, lmdeploy=lmdeploy, **servers)
        made.append(ManagedServers(told, model(1), launcher))
        await made[-1].start()
        await until(lambda: {state.state for state in made[-1].status()} == {"ready"})
        return made[-1]

    yield make
    for servers in made:
        await servers.stop()


def environments(servers: ManagedServers) -> list[dict[str, str]]:
    """The environments of the server processes that run, below their watchdogs."""
    return [psutil.Process(one.pid).children()[0].environ() for one in servers.pools.servers if one.pid]


def awake_by_gpu(servers: ManagedServers) -> Counter[str]:
    return Counter(one.gpu for one in servers.pools.servers if one.state not in ("asleep", "ended"))


async def test_each_gpu_of_the_setting_has_a_server_that_sees_no_other(make):
    servers = await make(TWO)
    assert [one["CUDA_VISIBLE_DEVICES"] for one in environments(servers)] == ["2", "5"]
    assert {one["CUDA_DEVICE_ORDER"] for one in environments(servers)} == {"PCI_BUS_ID"}
    assert [state.name for state in servers.status()] == ["server-1 (GPU 2)", "server-2 (GPU 5)"]


async def test_a_count_of_servers_is_divided_among_the_visible_gpus(make, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,GPU-ab")
    servers = await make({}, count=3)
    assert [one["CUDA_VISIBLE_DEVICES"] for one in environments(servers)] == ["1", "GPU-ab", "1"]
    assert not any("CUDA_DEVICE_ORDER" in one for one in environments(servers))


async def test_one_server_keeps_the_environment_of_the_bot(make, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,2")
    servers = await make({})
    assert [one["CUDA_VISIBLE_DEVICES"] for one in environments(servers)] == ["1,2"]


@pytest.mark.parametrize("count", [2, 3])
async def test_a_swap_and_a_rollback_go_gpu_by_gpu_with_one_server_more_on_a_gpu_at_most(make, launcher, count):
    servers = await make({"gpu_ids": [0, 1, 2][:count]})
    most = Counter[str]()

    async def watch() -> None:
        while True:
            most.update({gpu: max(0, loaded - most[gpu]) for gpu, loaded in awake_by_gpu(servers).items()})
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    for number in (2, 1):
        await servers.swap(model(number))
        assert awake_by_gpu(servers) == dict.fromkeys("012"[:count], 1)
    watching.cancel()
    assert max(most.values()) <= 2
    assert states(servers) == [("model-1", "ready")] * count + [("model-2", "asleep")] * count


async def test_a_photo_goes_to_its_own_server_every_time(make, question):
    servers = await make(TWO)
    ask, asked = servers.router.champion.client.ask, servers.pools.servers
    for number in range(6):
        photo = question["photo"] + bytes([number])
        owner = server_order(photo_digest(photo), [one.name for one in asked])[0]
        busy: list[str] = []

        async def on_text(text: str, busy: list[str] = busy) -> None:
            busy += [one.name for one in asked if one.outstanding]

        first, again = [await ask(**{**question, "photo": photo}, on_text=on_text) for _ in range(2)]
        assert set(busy) == {owner} and first.cached_tokens == 0 and again.cached_tokens > 0.9 * again.prompt_tokens
    samples = prompt_family(servers)[3]
    computed, cached = (samples[("model", "model-1"), ("source", source)] for source in ("computed", "cached"))
    assert computed + cached == 12 * again.prompt_tokens and cached == 6 * again.cached_tokens


async def test_a_photo_spills_over_when_its_server_is_busy_and_when_it_is_down(make, question):
    servers = await make(TWO)
    ask, asked = servers.router.champion.client.ask, servers.pools.servers
    free = asyncio.Event()

    async def on_text(text: str) -> None:
        await free.wait()

    tasks = [asyncio.create_task(ask(**question, on_text=on_text)) for _ in range(FREE_REQUESTS + 2)]
    await until(lambda: sum(one.outstanding for one in asked) == FREE_REQUESTS + 2)
    owner = server_order(photo_digest(question["photo"]), [one.name for one in asked])[0]
    assert {one.name: one.outstanding for one in asked}[owner] == FREE_REQUESTS
    free.set()
    assert len({(await task).text for task in tasks}) == 1
    down = next(one for one in asked if one.name == owner)
    psutil.Process(down.pid).children()[0].kill()
    assert (await ask(**question)).text == "model-1 tells a joke."


async def test_without_a_cache_of_photos_the_least_busy_server_is_asked(make, question):
    servers = await make({**TWO, "prefix_cache": False})
    free = asyncio.Event()

    async def on_text(text: str) -> None:
        await free.wait()

    tasks = [asyncio.create_task(servers.router.champion.client.ask(**question, on_text=on_text)) for _ in range(4)]
    await until(lambda: sum(one.outstanding for one in servers.pools.servers) == 4)
    assert [one.outstanding for one in servers.pools.servers] == [2, 2]
    free.set()
    await asyncio.gather(*tasks)


def test_the_visible_gpus_are_those_of_the_setting_then_of_the_variable(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 6")
    assert GpuSelection.of(["1"]) == GpuSelection(("1",)) and GpuSelection.of([]).ids == ("4", "6")
    assert GpuSelection.of(["1", "2"]).variables() == {"CUDA_VISIBLE_DEVICES": "1,2", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert GpuSelection.of([]).ids == ()
