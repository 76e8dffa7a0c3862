"""A model takes another's place: green beside blue, server by server, so that at most one more than usual is loaded.

Each step brings one green server up, checked, moves its share of the people to it, and takes one blue server out: it answers
what it has in work, then sleeps. A step that fails is undone with all before it: people go back to blue, green's servers of
this swap end, blue's wake.
"""
import logging
from typing import TYPE_CHECKING

from bot.engine.client import EngineError
from bot.engine.fleet import Fleet
from bot.engine.server import Server
from bot.engine.servers import ServerError
from configs.settings import Settings

if TYPE_CHECKING:
    from bot.engine.owned import OwnedServers

log = logging.getLogger(__name__)


class Swap:
    """One swap; `run` it once."""

    def __init__(self, servers: "OwnedServers", blue: Fleet, green: Fleet, settings: Settings) -> None:
        self._servers, self._blue, self._green, self._settings = servers, blue, green, settings
        self._wanted = settings.server_count
        self._raised: list[Server] = []

    async def run(self) -> None:
        """Raises ServerError, and leaves everything as it was."""
        try:
            # A canary's servers are there already, and one of blue's for each can go.
            self._move()
            await self._lower()
            while self._green.up < self._wanted:
                self._raised.append(await self._servers.raise_one(self._green))
                self._move()
                await self._lower()
        except BaseException as error:
            await self._undo()
            if isinstance(error, EngineError):
                raise ServerError(f"The swap to {self._green.model.name} was undone: {error}") from error
            raise
        await self._finish()

    def _move(self) -> None:
        """Route as many people to green as it has servers for."""
        router, arm = self._servers.router, self._servers.arm(self._green.model)
        share = min(1.0, self._green.up / self._wanted)
        if share:
            router.set_incoming(arm, share)

    async def _lower(self) -> None:
        """Take out blue's servers that green has replaced, except the last: that one goes when nobody is sent to it."""
        if self._settings.servers.predecessor == "run":
            return
        while self._blue.up > max(1, self._wanted - self._green.up):
            await self._rest(next(server for server in reversed(self._blue.servers) if server.free))

    async def _finish(self) -> None:
        self._servers.router.set_champion(self._servers.arm(self._green.model))
        log.info("%s has taken %s's place", self._green.model.name, self._blue.model.name)
        if self._settings.servers.predecessor == "run":
            return
        # Photos that come to it late go to the new champion.
        self._blue.close()
        for server in list(self._blue.servers):
            try:
                if server.state == "ready" and self._settings.servers.predecessor == "sleep":
                    await self._rest(server)
                elif server.state == "ready":
                    await server.drain(self._settings.servers.drain_s)
            except EngineError as error:
                log.warning("%s can't sleep and is ended: %s", server.name, error)
            if server.state != "asleep" or self._settings.servers.predecessor == "end":
                await self._blue.drop(server)

    async def _rest(self, server: Server) -> None:
        if not await server.drain(self._settings.servers.drain_s):
            log.warning("%s did not answer all in time; the new model does", server.name)
        await server.sleep()

    async def _undo(self) -> None:
        self._servers.router.clear_incoming()
        for server in self._raised:
            await server.drain(self._settings.servers.drain_s)
            await self._green.drop(server)
        await self._servers.wake_all(self._blue)


async def swap_asleep(servers: "OwnedServers", green: Fleet, settings: Settings) -> None:
    """Where memory doesn't hold an extra server: photos wait, blue (the champion) sleeps, green starts, photos go on.

    Raises ServerError, and leaves everything as it was: blue awake, and what waited answered by it.
    """
    try:
        await servers.lay_down("swap")
        while green.up < settings.server_count:
            await servers.raise_one(green)
        servers.router.set_champion(servers.arm(green.model))
    except BaseException as error:
        for server in list(green.servers):
            await green.drop(server)
        if isinstance(error, EngineError):
            raise ServerError(f"The swap to {green.model.name} was undone: {error}") from error
        raise
    finally:
        await servers.stand_up()
