"""Refuses requests from other web pages in the browser of the sandbox's user."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from aiohttp import web
from yarl import URL

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a Host that is not loopback (DNS rebinding) and a request from another site's page."""
    if not is_loopback(request.host):
        return web.Response(status=403, text="The sandbox answers at a loopback address only.")
    origin = request.headers.get("Origin")
    if origin is not None and URL(origin).authority != request.host:
        return web.Response(status=403, text="The sandbox answers its own page only.")
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.path != "/":
        return web.Response(status=403, text="The sandbox answers its own page only.")
    return await handler(request)


def is_loopback(host: str) -> bool:
    """Whether a Host header (name or address, with or without port) is a loopback address."""
    if host.startswith("127.0.0.1:"):
        return True
    try:
        name = URL(f"http://{host}").host or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
