"""Checks before torch is imported and the checkpoint is loaded, which takes seconds."""

import json
import socket
from pathlib import Path

from configs.errors import JokebotError


class CheckpointError(JokebotError):
    """A checkpoint directory can't be served; the message says why."""


def check_checkpoint(directory: Path) -> None:
    """Raise CheckpointError unless the directory looks like an InternVL2 checkpoint of InternLM2 kind."""
    try:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        kinds = [*config.get("architectures", []), *config.get("llm_config", {}).get("architectures", [])]
    except FileNotFoundError as error:
        raise CheckpointError(f"{directory} is no checkpoint: it has no config.json.") from error
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{directory}/config.json can't be read: {error}.") from error
    if kinds != ["InternVLChatModel", "InternLM2ForCausalLM"]:
        raise CheckpointError(
            f"{directory} is no InternVL2 of InternLM2 kind (it says {', '.join(map(str, kinds)) or 'nothing'})."
        )
    if "." in directory.absolute().name:
        raise CheckpointError(
            f"{directory.name!r} has a dot, and transformers can't load code from such a directory. Rename it."
        )


def bind_socket(host: str, port: int) -> socket.socket:
    """Bind a socket to the address, without listening yet. Raises JokebotError if it can't be bound."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise JokebotError(
            f"{host}:{port} can't be used: {getattr(error, 'strerror', None) or error}. "
            "Choose another --host or --port."
        ) from error
    return bound
