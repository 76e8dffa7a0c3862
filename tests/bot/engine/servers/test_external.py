"""External servers: versions are found by their names, and no server is started."""

import pytest

from bot.engine.client import SamplingParams
from bot.engine.servers.base import ServeError
from bot.engine.servers.external import ExternalServers
from configs.serving import JokeSettings
from configs.settings import Settings
from storage.learning.models import Model


def model(number: int, name: str) -> Model:
    return Model(number, name, "candidate", None, None, None, None, "{}", 0.0)


@pytest.fixture
async def servers(stub):
    stub.models = ["first", "second"]
    servers = ExternalServers(Settings(engine={"url": stub.url, "model": "first", "attempts": 1}), model(1, "base"))
    yield servers
    await servers.stop()


async def test_the_champion_is_asked_as_the_settings_say(servers, stub, question):
    await servers.start()
    assert "first, second" in await servers.wait_ready() and await servers.ready()
    await servers.router.champion.client.ask(**question)
    assert stub.asked[-1].model == "first"
    assert [(state.model, state.state) for state in servers.status()] == [("base", "given")]


async def test_an_engine_that_may_be_a_plain_lmdeploy_is_not_asked_to_end_what_repeats_itself(servers, stub, question):
    sampling = SamplingParams.of(JokeSettings(repetition_penalty=1.1), "en")
    assert sampling.ngram_size and sampling.ngram_threshold
    await servers.router.champion.client.ask(**{**question, "sampling": sampling})
    assert stub.bodies[-1]["repetition_penalty"] == 1.1 and "repetition_ngram_size" not in stub.bodies[-1]


async def test_a_version_that_the_address_offers_is_served_beside_and_swapped_in(servers, stub, question):
    arm = await servers.serve(model(2, "second"))
    assert servers.router.champion.model.id == 1, "it gets no deliveries by itself"
    await arm.client.ask(**question)
    assert stub.asked[-1].model == "second"
    assert (await servers.swap(model(2, "second"))).client is arm.client
    assert servers.router.champion.model.id == 2 and servers.router.served_models == [servers.router.champion]


async def test_a_version_that_is_not_offered_is_refused_and_nothing_moves(servers):
    with pytest.raises(ServeError, match="serves first, second and not third"):
        await servers.swap(model(3, "third"))
    assert servers.router.champion.model.id == 1


async def test_a_canary_that_is_ended_gets_no_deliveries(servers):
    servers.router.set_canary(await servers.serve(model(2, "second")), 1.0)
    await servers.end(2)
    assert servers.router.canary is None
    with pytest.raises(ServeError, match="champion"):
        await servers.end(1)


async def test_an_address_without_an_engine_serves_nothing_new(stub):
    servers = ExternalServers(Settings(engine={"url": "http://127.0.0.1:9/v1", "attempts": 1}), model(1, "base"))
    assert not await servers.ready()
    with pytest.raises(ServeError, match="can't be reached"):
        await servers.serve(model(2, "second"))
    await servers.stop()
