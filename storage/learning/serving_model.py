"""Which model the bot serves, decided from the settings, the registry and the files; `run` and `doctor` share it.

`plan_serving` reads and decides, `register_serving` carries a decision out. Nothing that is wrong is registered, so a
wrong `model.directory` is corrected by correcting the setting. A folder that was moved is recognised by its content.
"""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from configs.errors import JokebotError
from configs.model_code import code_digests
from configs.settings import ROOT, Settings
from storage.checkpoint.check import Checkpoint, check_checkpoint
from storage.checkpoint.identity import fingerprint_content
from storage.checkpoint.location import CheckpointError
from storage.database import Database
from storage.learning.model_files import extend_consents
from storage.learning.models import (
    Model,
    RegistryError,
    all_models,
    get_champion,
    get_model,
    record_code_consent,
    record_found,
    register_base,
)

log = logging.getLogger(__name__)

PROGRAM = ROOT / "configs"
"""A model in this folder is part of the program and changes with it, so no consent to its code is recorded."""


@dataclass(frozen=True)
class ServingPlan:
    """The model to serve, and what the registry doesn't know yet.

    `base` is the checkpoint of the settings. `found` are models whose files were examined: registered models with the
    directory, template and content found now.
    """

    champion: Model | None
    base: Checkpoint | None
    content: str | None
    found: list[Model] = field(default_factory=list)


def in_program(directory: Path) -> bool:
    """Whether a model is part of the program."""
    return directory.is_relative_to(PROGRAM)


def plan_serving(settings: Settings, registry: Sequence[Model]) -> ServingPlan:
    """Decide from a registry's models. Raises CheckpointError for unusable files, RegistryError for a conflict."""
    registered = next((model for model in registry if model.name == settings.model.name), None)
    champion = next((model for model in registry if model.status == "champion"), None)
    base = _check_base(settings, registered, champion)
    content = fingerprint_content(base.directory) if base else None
    found = []
    if base and registered and registered.directory and registered.is_base:
        _check_identity(registered, base, content)
        found.append(replace(registered, directory=str(base.directory), template=base.template, content=content))
    if champion and champion.id not in {model.id for model in found} and champion.directory:
        examined = _examine(champion, settings)
        found.append(examined)
    known = {model.id: model for model in found}
    return ServingPlan(known.get(champion.id, champion) if champion else None, base, content, found)


def _check_base(settings: Settings, registered: Model | None, champion: Model | None) -> Checkpoint | None:
    """The checkpoint of the settings, None if there is none. Raises CheckpointError.

    A registered base whose files are gone by now is only needed for training, if another model is in service.
    """
    configured = settings.model.directory
    if configured is None:
        return None
    try:
        return check_checkpoint(configured)
    except CheckpointError as error:
        was_here = registered is not None and registered.directory == str(configured.absolute())
        if not was_here or champion is None or registered is None or champion.id == registered.id:
            raise
        log.warning("%s Runs that start from it will fail.", error)
        return None


def _check_identity(registered: Model, base: Checkpoint, content: str | None) -> None:
    """Raise RegistryError if the directory in the settings holds another model than the one registered."""
    old = Path(registered.directory or "")
    if old == base.directory or in_program(base.directory):
        return
    known = registered.content or _content_of(old)
    if known is not None and known != content:
        raise RegistryError(
            f"model.directory ({base.directory}) holds another model than the one registered as {registered.name!r} "
            f"(from {old}). To change to it, give it a name of its own: `jokebot models add {base.directory} --name "
            "NAME`, then `jokebot models promote NAME`."
        )


def find_moved(registry: Sequence[Model], content: str, name: str | None = None) -> Model | None:
    """The registered model with this content whose recorded directory is gone; `name` excludes all others."""
    return next(
        (
            model
            for model in registry
            if model.content == content
            and model.directory
            and not Path(model.directory).is_dir()
            and name in (None, model.name)
        ),
        None,
    )


def is_unusable(model: Model, directory: Path) -> bool:
    """Whether a base is registered with another directory than this one, in which there never was a usable model."""
    recorded = model.directory
    return (
        recorded is not None
        and recorded != str(directory)
        and model.content is None
        and _content_of(Path(recorded)) is None
    )


def _content_of(directory: Path) -> str | None:
    """What a directory's model is recognised by; None if no usable model is there."""
    try:
        return fingerprint_content(check_checkpoint(directory).directory)
    except (CheckpointError, OSError):
        return None


def _examine(model: Model, settings: Settings) -> Model:
    """A model with the directory, template and content found now. Raises CheckpointError if its files can't be used.

    A trained model that is not at its recorded place is looked for in the folder of the models.
    """
    recorded, moved = Path(model.directory or ""), settings.storage.models.absolute() / Path(model.directory or "").name
    if not recorded.is_dir() and moved != recorded and moved.is_dir():
        content = _content_of(moved)
        if content and model.content in (None, content):
            recorded = moved
    try:
        checkpoint = check_checkpoint(recorded)
    except CheckpointError as error:
        if settings.engine.kind == "url":
            return model
        raise CheckpointError(
            f"Model {model.id} ({model.name}) is in service, and its files can't be used: {error} "
            + ("Correct model.directory" if model.is_base else "`jokebot models rollback` goes back to another model")
            + "; `jokebot models` lists all."
        ) from error
    content = fingerprint_content(checkpoint.directory)
    return replace(
        model, directory=str(checkpoint.directory), template=model.template or checkpoint.template, content=content
    )


async def register_serving(settings: Settings, database: Database) -> Model:
    """Register what `plan_serving` found, and return the model to serve: the champion, else the settings' model.

    Raises CheckpointError and RegistryError as `plan_serving` does; nothing is changed then.
    """
    plan = await asyncio.to_thread(plan_serving, settings, await all_models(database))
    folder = plan.base.directory if plan.base else None
    registered = await register_base(
        database,
        settings.model.name,
        str(folder) if folder else None,
        template=plan.base.template if plan.base else None,
        content=plan.content,
    )
    for model in plan.found:
        await record_found(database, model)
    # An earlier version may have registered a wrong directory, and what was in it as the agreed code.
    corrected = registered.content is None and registered.directory != (str(folder) if folder else None)
    if folder and registered.is_base and (registered.code is None or corrected) and not in_program(folder):
        code = json.dumps(await asyncio.to_thread(code_digests, folder))
        await record_code_consent(database, registered.id, code, anew=corrected)
    await extend_consents(database)
    await _examine_others(database)
    return await get_champion(database) or await get_model(database, registered.id)


async def _examine_others(database: Database) -> None:
    """Record template and content of models that were registered before there were any."""
    for model in await all_models(database):
        if model.directory and not model.removed_at and not (model.template and model.content):
            content = await asyncio.to_thread(_content_of, Path(model.directory))
            if content:
                template = (await asyncio.to_thread(check_checkpoint, Path(model.directory))).template
                await record_found(database, replace(model, template=model.template or template, content=content))


def read_registry(path: Path) -> list[Model]:
    """The registry's models in a database file of any version, which isn't changed; empty if there is none.

    Raises JokebotError if it can't be read.
    """
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute("SELECT * FROM models ORDER BY id").fetchall()
    except sqlite3.Error as error:
        raise JokebotError(f"The model registry in {path} can't be read: {error}.") from error
    names = Model.__dataclass_fields__
    return [Model(**{key: row[key] for key in row.keys() if key in names}) for row in rows]  # noqa: SIM118
