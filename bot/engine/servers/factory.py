"""Chooses the model to serve at the start, and the implementation of `ModelServers` for an engine kind.

A module of its own: base.py can't import the implementations, since both import it.
"""

import asyncio
import json
from collections.abc import Callable

from bot.engine.servers.base import ModelServers
from configs.model_code import code_digests
from configs.settings import ROOT, Settings
from storage.database import Database
from storage.learning.model_files import extend_consents
from storage.learning.models import Model, get_champion, get_model, record_code_consent, register_base

PROGRAM = ROOT / "configs"
"""A model in this folder is part of the program and changes with it, so no consent to its code is recorded."""


async def serving_model(settings: Settings, database: Database) -> Model:
    """The champion; before the first promotion the base model of the settings, which is registered here."""
    folder = settings.model.directory
    registered = await register_base(database, settings.model.name, str(folder) if folder else None)
    if folder and registered.code is None and not folder.is_relative_to(PROGRAM) and folder.is_dir():
        await record_code_consent(database, registered.id, json.dumps(await asyncio.to_thread(code_digests, folder)))
    await extend_consents(database)
    return await get_champion(database) or await get_model(database, registered.id)


def make_servers(
    settings: Settings, champion: Model, *, on_pause: Callable[[str], None] = lambda reason: None
) -> ModelServers:
    """The servers of the settings' engine kind, not started yet.

    Kind "url" is external; "cpu" and "lmdeploy" servers are started by the bot. `on_pause` is called with the reason
    when a pause begins, and with "" when it ends.
    """
    # Imported here, so that a start loads only one of the two.
    if settings.engine.kind == "url":
        from bot.engine.servers.external import ExternalServers

        return ExternalServers(settings, champion)
    from bot.engine.servers.managed import ManagedServers

    return ManagedServers(settings, champion, on_pause=on_pause)
