"""A second model name for a server behind LMDeploy's proxy, so that a client can choose the server of a photo.

The proxy chooses a server by load or latency and knows nothing of photos (`lmdeploy/serve/proxy/proxy.py`, 0.18.0). It
only takes servers that list the model of the request. So a server whose launcher got `--proxy-url` also lists
MODEL@HOST:PORT, and takes requests for this name as for MODEL.
"""

import importlib
from collections.abc import Callable, Iterable
from typing import Any

MARK = "@"
"""Between the model's name and the server's."""


def node_names(names: Iterable[str], model: str) -> list[str]:
    """Of the names that an address lists, those of single servers of a model."""
    return sorted({name for name in names if name.startswith(f"{model}{MARK}")})


def models_of(names: Iterable[str]) -> list[str]:
    """The names that an address lists without those of single servers, each once."""
    listed = list(dict.fromkeys(names))
    return [name for name in listed if MARK not in name or name.split(MARK)[0] not in listed]


def register(node: str) -> None:
    """List and accept MODEL@node beside MODEL in this server process. Raises AttributeError if LMDeploy differs."""
    package = "lmdeploy.serve.openai"
    names = ("utils", "endpoints.common", "endpoints.models", "api_server")
    places: list[Any] = [importlib.import_module(f"{package}.{name}") for name in names]
    serving: Any = importlib.import_module(f"{package}.chat_completions.serving")
    own, validate = places[0].get_model_list, serving.validate_request
    if any(place.get_model_list is not own for place in places):
        raise AttributeError("LMDeploy lists its models in another way")

    def get_model_list(context: Any) -> list[str]:
        listed: list[str] = own(context)
        return [*listed, f"{listed[0]}{MARK}{node}"]

    for place in places:
        place.get_model_list = get_model_list
    serving.validate_request = accepting_node(validate, node)


def accepting_node(validate: Callable[..., Any], node: str) -> Callable[..., Any]:
    """LMDeploy's `validate_request`, after which a request for MODEL@node is one for MODEL.

    With another name than the model's LMDeploy would look for a LoRA adapter of that name.
    """

    def validate_request(request: Any, context: Any, *arguments: Any, **options: Any) -> Any:
        refusal = validate(request, context, *arguments, **options)
        name = context.async_engine.model_name
        if refusal is None and request.model == f"{name}{MARK}{node}":
            request.model = name
        return refusal

    return validate_request
