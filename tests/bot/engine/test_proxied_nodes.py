"""Photos go to their own servers through a proxy that lists a name for each server."""

import pytest

from bot.engine.errors import EngineError
from bot.engine.photo_affinity import photo_digest, server_order
from bot.engine.proxied_nodes import ProxiedNodes
from bot.engine.stub.engine import StubRefusal
from configs.settings import Settings

NODES = ["first@a:1", "first@b:2"]


@pytest.fixture
async def backend(stub):
    stub.models = ["first", NODES[0], "second", "second@a:1", "first", NODES[1]]
    backend = ProxiedNodes(Settings(engine={"url": stub.url, "model": "first", "retry_delay_s": 0.05}).engine)
    yield backend
    await backend.close()


def photos(question, count: int = 8) -> list[dict]:
    return [{**question, "photo": question["photo"] + bytes([number])} for number in range(count)]


async def test_each_photo_is_asked_for_under_the_name_of_its_server(backend, stub, question):
    for asked in photos(question) * 2:
        await backend.ask(**asked)
    owners = [server_order(photo_digest(asked["photo"]), NODES)[0] for asked in photos(question)]
    assert [request.model for request in stub.asked] == owners * 2 and set(owners) == set(NODES)
    assert stub.model_requests == 1 and await backend.models() == ["first", "second"]


async def test_the_proxy_chooses_where_a_server_fails_and_the_server_is_left_alone(backend, stub, question):
    owner = server_order(photo_digest(question["photo"]), NODES)[0]
    stub.answers[owner] = StubRefusal(503)
    for _ in range(2):
        assert (await backend.ask(**question)).text
    (other,) = set(NODES) - {owner}
    assert [request.model for request in stub.asked] == [owner, "first", other]


async def test_a_server_that_the_proxy_no_longer_lists_costs_no_joke(backend, stub, question):
    await backend.ask(**question)
    owner = stub.asked[-1].model
    stub.models.remove(owner)
    assert (await backend.ask(**question)).text and stub.asked[-1].model == "first"


async def test_a_request_that_no_server_would_take_is_not_repeated(backend, stub, question):
    stub.answers = {name: StubRefusal(400) for name in stub.models}
    with pytest.raises(EngineError):
        await backend.ask(**question)
    assert len(stub.asked) == 1


async def test_without_such_names_or_without_an_answer_the_address_is_asked_as_before(stub, question):
    stub.models = ["first"]
    backend = ProxiedNodes(Settings(engine={"url": stub.url, "model": "first"}).engine)
    await backend.ask(**question)
    assert stub.asked[-1].model == "first"
    await backend.close()
    away = ProxiedNodes(Settings(engine={"url": "http://127.0.0.1:9/v1", "model": "first", "attempts": 1}).engine)
    with pytest.raises(EngineError):
        await away.ask(**question)
    await away.close()
