"""Which chat template a model was trained with, as its directory records it."""

import tomllib
from pathlib import Path
from typing import Any

from configs.chat_templates import OLD_TEMPLATE, chat_template, chat_templates
from storage.checkpoint.location import CONFIG, CheckpointError
from storage.checkpoint.tensor_header import read_json
from storage.checkpoint.tokenizer_files import adds_bos

MODEL_JSON = "model.json"
"""The record of a merge (`trainer/merge/merge_adapter.py`)."""
TEMPLATE = "template"
"""The template's key in model.json and in config.json."""
OLD_PROMPTS = "prompts.toml"
"""In models and adapters trained before templates were recorded, this copy also held the template."""


def template_of(directory: Path, config: dict[str, Any] | None = None) -> str:
    """The name of the chat template of the model in a directory: the merge's record, else the family's.

    `config` is the content of config.json, if it was read already. Raises CheckpointError for an unknown one.
    """
    if recorded := recorded_template(directory):
        return recorded
    name = (read_json(directory / CONFIG) if config is None else config).get(TEMPLATE)
    if not isinstance(name, str) or name not in chat_templates():
        raise CheckpointError(
            f"{directory / CONFIG} names the chat template {name!r}, which Jokebot doesn't have "
            f"({', '.join(chat_templates())})."
        )
    return name


def lmdeploy_template(directory: Path) -> dict[str, Any]:
    """A model's chat template for `lmdeploy serve api_server --chat-template FILE.json DIRECTORY`.

    Raises CheckpointError.
    """
    return chat_template(template_of(directory)).lmdeploy_config(bos=not adds_bos(directory))


def recorded_template(directory: Path) -> str | None:
    """The template that a merged model or an adapter was trained with; None if its directory doesn't record one.

    Raises CheckpointError if it records a template that this version doesn't have.
    """
    for name in (MODEL_JSON, "adapter.json"):
        if (directory / name).is_file() and (found := read_json(directory / name).get(TEMPLATE)):
            if found not in chat_templates():
                raise CheckpointError(
                    f"{directory / name} names the chat template {found!r}, which this version doesn't have: "
                    "update the program."
                )
            return str(found)
    return _old_template(directory / OLD_PROMPTS)


def _old_template(papers: Path) -> str | None:
    """The template in a copy of an old version's prompts.toml; None if there is no such copy."""
    try:
        content = tomllib.loads(papers.read_text(encoding="utf-8"))
        if "template" not in content:
            return None
        system, turn = content["system"]["text"], content["template"]["user"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{papers}, which records the model's chat template, can't be read: {error}.") from error
    old = chat_templates()[OLD_TEMPLATE]
    if (system, turn) == (old.system, old.user_turn("{user}")):
        return old.name
    raise CheckpointError(
        f"{papers.parent} was trained with another chat template or system prompt than this version has, "
        "so it can't be used."
    )
