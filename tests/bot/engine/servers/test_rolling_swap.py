"""One model replaces another while photos keep coming: no photo fails, and a failed swap changes nothing."""

import asyncio

import pytest

from bot.engine.servers.base import NoCapacity, ServeError
from bot.engine.servers.managed import ManagedServers
from tests.bot.engine.owned import StubLauncher, dies, model, settings, states
from tests.waiting import until


class Load:
    """Closed-loop clients that send requests through the router until they are stopped."""

    def __init__(self, servers: ManagedServers, question, clients: int = 6) -> None:
        self.servers, self.question = servers, question
        self.texts: list[str] = []
        self.stopping = False
        self.most_loaded = 0
        self.tasks = [asyncio.create_task(self.ask(key)) for key in range(clients)]

    async def ask(self, key: int) -> None:
        while not self.stopping:
            arm = self.servers.router.route(key)
            reply = await arm.client.ask(**self.question)
            assert reply.text == f"{arm.model.name} tells a joke."
            self.texts.append(reply.text)
            self.most_loaded = max(
                self.most_loaded,
                sum(state.state in ("ready", "draining", "starting", "checking") for state in self.servers.status()),
            )

    async def stop(self) -> None:
        self.stopping = True
        await asyncio.gather(*self.tasks)


@pytest.fixture
async def make(tmp_path, launcher):
    made = []

    async def make(*, on_pause=lambda reason: None, **changes) -> ManagedServers:
        made.append(ManagedServers(settings(tmp_path, **changes), model(1), launcher, on_pause=on_pause))
        await made[-1].start()
        await until(lambda: {state.state for state in made[-1].status()} == {"ready"})
        return made[-1]

    yield make
    for servers in made:
        await servers.stop()


@pytest.mark.parametrize(("previous_model", "count"), [("stop", 1), ("sleep", 3), ("keep_running", 2), ("stop", 2)])
async def test_a_swap_under_load_fails_nothing_and_loads_one_server_more_at_most(
    make, launcher, question, count, previous_model
):
    launcher.tell("model-1", ["--token-s", "0.01"])
    servers = await make(count=count, previous_model=previous_model)
    load = Load(servers, question)
    await until(lambda: len(load.texts) > 20)
    arm = await servers.swap(model(2))
    assert servers.router.served_models == [arm] and arm.model.id == 2
    await until(lambda: load.texts[-6:] == ["model-2 tells a joke."] * 6)
    await load.stop()
    left = {"stop": [], "sleep": [("model-1", "asleep")] * count, "keep_running": [("model-1", "ready")] * count}[
        previous_model
    ]
    assert states(servers) == left + [("model-2", "ready")] * count
    assert load.most_loaded <= (2 * count if previous_model == "keep_running" else count + 1)


@pytest.mark.parametrize(
    ("last", "reason"), [(dies("CUDA out of memory"), "memory is full"), (["--template", "bare"], "chat template")]
)
async def test_a_swap_that_fails_midway_leaves_blue_as_it_was(make, launcher, question, last, reason):
    """The first of two servers is replaced already when the second one fails."""
    launcher.tell("model-2", [], last)
    servers = await make(count=2)
    load, before = Load(servers, question), servers.router.champion
    with pytest.raises(ServeError, match=reason):
        await servers.swap(model(2))
    await load.stop()
    assert servers.router.served_models == [before] and states(servers) == [("model-1", "ready")] * 2
    assert launcher.starts.count("model-1") == 2, "blue's servers slept and woke, and were not started again"
    assert (await before.client.ask(**question)).text


async def test_a_kind_that_cannot_sleep_gets_its_blue_servers_started_again(tmp_path, question):
    launcher = StubLauncher(sleeps=False)
    servers = ManagedServers(settings(tmp_path, count=2), model(1), launcher)
    await servers.start()
    try:
        await until(lambda: states(servers) == [("model-1", "ready")] * 2)
        launcher.tell("model-2", [], dies("CUDA out of memory"))
        with pytest.raises(ServeError):
            await servers.swap(model(2))
        assert states(servers) == [("model-1", "ready")] * 2 and launcher.starts.count("model-1") == 3
    finally:
        await servers.stop()


async def test_the_predecessor_that_sleeps_is_back_without_a_start(make, launcher):
    servers = await make(previous_model="sleep")
    await servers.swap(model(2))
    await servers.swap(model(1))
    assert states(servers) == [("model-1", "ready"), ("model-2", "asleep")] and launcher.starts == [
        "model-1",
        "model-2",
    ]
    await servers.swap(model(3))
    assert sorted(states(servers)) == [("model-1", "asleep"), ("model-3", "ready")], (
        "one predecessor is kept, and no more"
    )


async def test_a_canary_is_served_beside_and_becomes_champion_with_the_server_it_has(make, launcher, question):
    servers = await make(count=2, previous_model="stop")
    arm = await servers.serve(model(2))
    assert servers.router.served_models == [servers.router.champion] and states(servers) == [
        ("model-1", "ready")
    ] * 2 + [("model-2", "ready")]
    assert (await servers.serve(model(2))).client is arm.client, "it is served once"
    servers.router.set_canary(arm, 0.3)
    load = Load(servers, question)
    await until(lambda: len(set(load.texts)) == 2)
    await servers.swap(model(2))
    await load.stop()
    assert states(servers) == [("model-2", "ready")] * 2 and servers.router.canary is None
    assert launcher.starts.count("model-2") == 2 and load.most_loaded <= 3


async def test_a_canary_is_ended_after_its_requests_and_the_champion_never(make, question):
    servers = await make()
    arm = await servers.serve(model(2))
    servers.router.set_canary(arm, 1.0)
    load = Load(servers, question)
    await until(lambda: len(load.texts) > 5)
    await servers.end(2)
    await load.stop()
    assert states(servers) == [("model-1", "ready")] and servers.router.canary is None
    with pytest.raises(ServeError, match="champion"):
        await servers.end(1)


async def test_where_memory_holds_no_extra_server_photos_wait_while_the_models_change(make, launcher, question):
    reasons = []
    servers = await make(allow_extra_server=False, on_pause=reasons.append)
    before = servers.router.champion
    with pytest.raises(NoCapacity, match=r"servers\.allow_extra_server"):
        await servers.serve(model(2))
    launcher.tell("model-3", dies("CUDA out of memory"))
    with pytest.raises(ServeError, match="memory is full"):
        await servers.swap(model(3))
    assert servers.router.champion is before and states(servers) == [("model-1", "ready")]
    await servers.swap(model(2))
    assert states(servers) == [("model-1", "asleep"), ("model-2", "ready")] and reasons == ["swap", ""] * 2
    assert launcher.starts == ["model-1", "model-3", "model-2"]


async def test_the_servers_sleep_while_a_run_trains_and_answer_afterwards(make, question):
    servers = await make(count=2)
    client = servers.router.champion.client
    heard, seen = asyncio.Event(), asyncio.Event()

    async def on_text(text: str) -> None:
        heard.set()
        await seen.wait()

    asked = asyncio.create_task(client.ask(**question, on_text=on_text))
    await heard.wait()
    pausing = asyncio.create_task(servers.pause("training"))
    await until(lambda: servers.paused == "training")
    assert states(servers).count(("model-1", "draining")) == 2 and not asked.done()
    seen.set()
    await pausing
    assert (await asked).text, "what was in work was answered first"
    assert servers.paused == "training" and states(servers) == [("model-1", "asleep")] * 2 and not await servers.ready()
    with pytest.raises(ServeError, match="trains"):
        await servers.swap(model(2))
    waiting = asyncio.create_task(client.ask(**question))
    await servers.resume()
    assert (await waiting).text and servers.paused == "" and states(servers) == [("model-1", "ready")] * 2


async def test_a_server_that_died_in_its_sleep_is_started_again(make, launcher, question):
    servers = await make()
    await servers.pause("training")
    servers.pools.get(1).servers[0]._process.child._process.kill()
    await servers.resume()
    assert (await servers.router.champion.client.ask(**question)).text and launcher.starts == ["model-1"] * 2
