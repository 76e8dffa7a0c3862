"""The files of a model's directory: their digest, and their code."""

import hashlib
import json
from pathlib import Path

from storage.learning.dataset_files import digest, file_digest
from storage.learning.models import Model, RegistryError


def list_model_files(directory: Path) -> list[Path]:
    """The files of a model in order of their names, without subfolders and hidden files."""
    return sorted(file for file in directory.iterdir() if file.is_file() and not file.name.startswith("."))


def model_digest(directory: Path) -> str:
    """SHA-256 of the names and contents of a model's files, hexadecimal. Reads all files. Raises OSError."""
    return digest({file.name: file_digest(file) for file in list_model_files(directory)})


def code_digests(directory: Path) -> dict[str, str]:
    """SHA-256 by name of a model's Python files, which run when the model is loaded. Raises OSError."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in list_model_files(directory)
        if file.suffix == ".py"
    }


def check_code(model: Model, directory: Path) -> None:
    """Check a model's code before the model is loaded.

    Raises RegistryError if the code differs from what an admin agreed to, or from the code found when an admin first
    named the directory.
    """
    if model.code is None:
        return
    agreed, present = json.loads(model.code), code_digests(directory)
    if changed := sorted(name for name in agreed.keys() | present.keys() if agreed.get(name) != present.get(name)):
        raise RegistryError(
            f"The code in {directory} has changed ({', '.join(changed)}) and would run with all rights of this "
            "program, "
            f"so model {model.id} ({model.name}) isn't loaded. If you trust it: `jokebot models add {directory} "
            f"--name {model.name}`."
        )
