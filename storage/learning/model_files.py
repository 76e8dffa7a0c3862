"""The files of a model's directory: their digest, and the consent to its code."""

import json
import os
from pathlib import Path

from configs.model_code import (
    ModelCodeError,
    check_references,
    code_digests,
    digests_of,
    fingerprint,
    read_code_files,
    with_agreed,
)
from storage.database import Database
from storage.learning.dataset_files import digest, file_digest
from storage.learning.models import Model, RegistryError, all_models, replace_code


def list_model_files(directory: Path) -> list[Path]:
    """The files of a model in order of their names, without subfolders and hidden files."""
    return sorted(file for file in directory.iterdir() if file.is_file() and not file.name.startswith("."))


def model_digest(directory: Path) -> str:
    """SHA-256 of the names and contents of a model's files, hexadecimal. Reads all files. Raises OSError."""
    return digest({file.name: file_digest(file) for file in list_model_files(directory)})


def check_code(model: Model, directory: Path) -> str:
    """Check a model's code before the model is loaded; returns the fingerprint of its files for the loading process.

    Raises RegistryError if the code differs from what an admin agreed to, or from the code found when an admin first
    named the directory, or if a file names code outside the directory.
    """
    files = read_code_files(directory)
    try:
        check_references(directory, files)
    except ModelCodeError as error:
        raise RegistryError(f"Model {model.id} ({model.name}) isn't loaded: {error}") from error
    present = digests_of(files)
    if model.code is None:
        return fingerprint(present)
    if changed := changed_files(model, present):
        raise RegistryError(
            f"The code in {directory} has changed ({', '.join(changed)}) and would run with all rights of this "
            "program, "
            f"so model {model.id} ({model.name}) isn't loaded. If you trust it: `jokebot models add {directory} "
            f"--name {model.name}`."
        )
    return fingerprint(present)


def changed_files(model: Model, present: dict[str, str]) -> list[str]:
    """The names of files that differ from the consent to a model's code.

    A run copies no subfolders of its base, so its model may lack their files. An old consent has only Python files.
    """
    agreed: dict[str, str] = json.loads(model.code or "{}")
    if is_old_consent(model):
        present = {name: sha256 for name, sha256 in present.items() if name.endswith(".py")}
    missing = {name for name in agreed.keys() - present.keys() if model.is_base or "/" not in name}
    return sorted(missing | {name for name in present if agreed.get(name) != present[name]})


def is_old_consent(model: Model) -> bool:
    """Whether a consent is from a version that recorded only Python files. Every checkpoint has a config.json."""
    return model.code is not None and "config.json" not in json.loads(model.code)


def share_consent(model: Model, directory: Path) -> None:
    """Check a model's code, and have this process and its children load exactly that. Raises as `check_code`."""
    os.environ |= with_agreed(directory, check_code(model, directory), os.environ)


async def extend_consents(database: Database) -> None:
    """Extend old consents to all files that choose code, for models whose Python files are as agreed to.

    That is safe: all code that their other files can choose was agreed to. Other models are refused when they load.
    """
    for model in await all_models(database):
        directory = Path(model.directory) if model.directory else None
        if directory is None or not is_old_consent(model) or not directory.is_dir():
            continue
        try:
            check_code(model, directory)
            present = code_digests(directory)
        except (RegistryError, OSError):
            continue
        if not changed_files(model, present):
            await replace_code(database, model, json.dumps(present))
