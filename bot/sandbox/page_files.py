"""Serves the chat page's files from bot/sandbox/page/."""

from pathlib import Path

from aiohttp import web

PAGE = Path(__file__).with_name("page")
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".json": "application/json",
}
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'",
}


async def page_file(request: web.Request) -> web.Response:
    """`/` is index.html; another name is the file of that name. Files outside the folder give 404."""
    file = (PAGE / request.match_info.get("name", "index.html")).resolve()
    if file.suffix not in TYPES or not file.is_relative_to(PAGE) or not file.is_file():
        return web.Response(status=404, text="There is no such page.")
    return web.Response(body=file.read_bytes(), content_type=TYPES[file.suffix], charset="utf-8", headers=HEADERS)
