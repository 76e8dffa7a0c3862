"""Chooses the implementation of `ModelServers` for an engine kind.

A module of its own: base.py can't import the implementations, since both import it.
"""

from collections.abc import Callable

from bot.engine.servers.base import ModelServers
from configs.settings import Settings
from storage.learning.models import Model


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
