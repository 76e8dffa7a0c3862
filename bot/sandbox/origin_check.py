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
    if not is_own_page(request):
        return web.Response(status=403, text="The sandbox answers its own page only.")
    return await handler(request)


def is_own_page(request: web.Request) -> bool:
    """Whether a request comes from the sandbox's page or from no page at all.

    A GET may change something too: the Bot API takes its methods by GET. It has no Origin, so the browser's
    Sec-Fetch-Site and the Referer tell. Another port of this machine is another origin ("same-site"). The page itself
    may be linked from anywhere.
    """
    headers = request.headers
    if not is_same_origin(headers.get("Origin"), request.host):
        return False
    if request.method == "GET" and request.path == "/":
        return True
    foreign = headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    return not foreign and is_same_origin(headers.get("Referer"), request.host)


def is_same_origin(url: str | None, host: str) -> bool:
    """Whether an Origin or Referer header names the Host; a missing one names no other."""
    if not url:
        return True
    try:
        return URL(url).authority == host
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a Host header (name or address, with or without port) is a loopback address."""
    if host.startswith("127.0.0.1:"):
        return True
    try:
        name = URL(f"http://{host}").host or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
