"""A server behind LMDeploy's proxy also answers to a model name of its own."""

import importlib
from http import HTTPStatus
from types import SimpleNamespace

import pytest

from bot.engine.lmdeploy import launcher, node_name

PACKAGE = "lmdeploy.serve.openai"
PLACES = ("utils", "endpoints.common", "endpoints.models", "api_server")


@pytest.fixture
def context(monkeypatch):
    """LMDeploy's server context, as far as names go, after `register`."""
    for name in PLACES:
        place = importlib.import_module(f"{PACKAGE}.{name}")
        monkeypatch.setattr(place, "get_model_list", place.get_model_list)
    serving = importlib.import_module(f"{PACKAGE}.chat_completions.serving")
    monkeypatch.setattr(serving, "validate_request", serving.validate_request)
    node_name.register("10.0.0.1:23333")
    engine = SimpleNamespace(model_name="jokes-7", engine=None)
    return SimpleNamespace(async_engine=engine, engine_config=SimpleNamespace(adapters=None))


def validated(context, model: str):
    """LMDeploy's refusal of a request, if any, and the model that it goes on with."""
    request = SimpleNamespace(model=model)
    serving = importlib.import_module(f"{PACKAGE}.chat_completions.serving")
    return serving.validate_request(request, context, lambda request, context: ""), request.model


def test_the_name_is_listed_and_registered_with_the_proxy(context, monkeypatch):
    for name in PLACES:
        found = importlib.import_module(f"{PACKAGE}.{name}").get_model_list(context)
        assert found == ["jokes-7", "jokes-7@10.0.0.1:23333"]
    sent = []

    def post(url: str, **options) -> SimpleNamespace:
        sent.append((url, options["json"]))
        return SimpleNamespace(status_code=HTTPStatus.OK)

    monkeypatch.setattr("requests.post", post)
    context.proxy_url, context.api_server_url = "http://proxy", "http://10.0.0.1:23333"
    importlib.import_module(f"{PACKAGE}.api_server").register_to_proxy(context)
    assert sent[0][0] == "http://proxy/nodes/add" and sent[0][1]["status"]["models"] == found


def test_a_request_for_the_name_is_one_for_the_model(context):
    assert validated(context, "jokes-7@10.0.0.1:23333") == (None, "jokes-7")
    assert validated(context, "jokes-7") == (None, "jokes-7")
    refusal, _ = validated(context, "jokes-7@10.0.0.2:23333")
    assert refusal.status_code == HTTPStatus.NOT_FOUND


def test_servers_that_listen_on_all_addresses_are_told_apart_by_their_hosts(monkeypatch):
    named = []
    monkeypatch.setattr(node_name, "register", named.append)
    monkeypatch.setattr("socket.gethostname", lambda: "gpu-7")
    for address in ("0.0.0.0", "10.0.0.1"):
        launcher.name_node_or_warn(address, 23333)
    assert named == ["gpu-7:23333", "10.0.0.1:23333"]


def test_the_names_of_an_address_are_told_apart():
    names = ["jokes-7", "jokes-7@b", "other@b", "jokes-7", "jokes-7@a"]
    assert node_name.node_names(names, "jokes-7") == ["jokes-7@a", "jokes-7@b"]
    # A name with an @ of its own is no server's.
    assert node_name.models_of(names) == ["jokes-7", "other@b"]


def test_another_lmdeploy_is_left_as_it_is_with_a_warning(monkeypatch, caplog):
    monkeypatch.setattr(launcher, "TESTED_VERSIONS", ())
    monkeypatch.setattr(launcher.logger, "propagate", True)
    launcher.name_node_or_warn("a", 1)
    assert "no model name of its own" in caplog.text
