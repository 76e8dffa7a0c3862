"""Chooses the implementation of `Servers` for an engine kind.

Apart from the protocol, which both implementations import.
"""
from collections.abc import Callable

from bot.engine.servers import Servers
from configs.settings import Settings
from storage.models import Model


def make_servers(settings: Settings, champion: Model, *,
                 on_pause: Callable[[str], None] = lambda reason: None) -> Servers:
    """The servers of the kind in the settings, not started yet: "url" is external, "cpu" and "lmdeploy" are run by the
    bot.

    `on_pause` is called with the reason of a pause when it begins, and with "" when it ends.
    """
    # Imported here, so that a start loads one of the two.
    if settings.engine.kind == "url":
        from bot.engine.given import GivenServers
        return GivenServers(settings, champion)
    from bot.engine.owned import OwnedServers
    return OwnedServers(settings, champion, on_pause=on_pause)
