"""The base beside the champion: in the room of the extra server, which it leaves to any other model."""

import pytest

from bot.engine.servers.base import NoCapacity, ServeError
from bot.engine.servers.managed import ManagedServers
from tests.bot.engine.owned import model, settings, states


@pytest.fixture
async def make(tmp_path, launcher):
    """A function that starts servers with model 1, the base, and swaps to model 2; all are ended after the test."""
    made = []

    async def make(**servers) -> ManagedServers:
        made.append(ManagedServers(settings(tmp_path, **servers), model(1), launcher))
        await made[-1].start()
        await made[-1].wait_ready()
        await made[-1].swap(model(2))
        return made[-1]

    yield make
    for servers in made:
        await servers.stop()


async def test_it_leaves_when_a_candidate_comes_and_sleeps_again_for_a_rollback(make, launcher, question):
    servers = await make(previous_model="sleep")
    await servers.serve_base(model(1), 0.5)
    assert sorted(states(servers)) == [("model-1", "ready"), ("model-2", "ready")]
    assert (await servers.router.base.client.ask(**question)).text == "model-1 tells a joke."
    await servers.serve(model(3))
    assert servers.router.base is None
    assert sorted(states(servers)) == [("model-1", "asleep"), ("model-2", "ready"), ("model-3", "ready")]
    await servers.end(3)
    await servers.swap(model(1))
    assert launcher.starts == ["model-1", "model-2", "model-3"], "the base was woken, not started again"


async def test_a_base_that_was_stopped_is_started_and_stopped_again(make, launcher):
    servers = await make(previous_model="stop")
    await servers.serve_base(model(1), 0.5)
    await servers.end_base()
    assert states(servers) == [("model-2", "ready")] and servers.router.base is None
    await servers.serve_base(model(1), 0.5)
    await servers.pause("training")
    assert states(servers) == [("model-2", "asleep")] and launcher.starts.count("model-1") == 3
    with pytest.raises(ServeError, match="sleep while a run trains"):
        await servers.serve_base(model(1), 0.5)


async def test_a_rollback_to_the_base_makes_it_the_champion(make):
    servers = await make(previous_model="sleep")
    await servers.serve_base(model(1), 0.5)
    await servers.swap(model(1))
    assert servers.router.champion.model.id == 1 and servers.router.base is None
    assert ("model-1", "ready") in states(servers)


async def test_without_room_it_is_refused(make, launcher):
    servers = await make(allow_extra_server=False)
    with pytest.raises(NoCapacity):
        await servers.serve_base(model(1), 0.5)
    assert servers.router.base is None and ("model-2", "ready") in states(servers)
