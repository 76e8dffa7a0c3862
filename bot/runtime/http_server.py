"""Starts an HTTP server inside the bot, for the metrics and the admin pages."""

from contextlib import AsyncExitStack

from aiohttp import web

from configs.errors import SettingsError


async def listen(app: web.Application, address: str, cleanup: AsyncExitStack, *, subject: str, variable: str) -> str:
    """Serve `app` at HOST:PORT until `cleanup` is closed; port 0 takes a free one. Returns the server's URL.

    Raises SettingsError if the address can't be used; it names the `subject` of the server and the `variable` to set.
    """
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    cleanup.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, host.strip("[]") or "127.0.0.1", int(port)).start()
    except (OSError, ValueError, OverflowError) as error:
        raise SettingsError(f"{subject} can't be served at {address} ({variable}): {error}.") from error
    return f"http://{host or '127.0.0.1'}:{runner.addresses[0][1]}"
