"""A package index on loopback, of the files in a folder: the simple repository API in HTML (PEP 503)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote, unquote


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class IndexHandler(SimpleHTTPRequestHandler):
    """Serves /simple/NAME/ for the folder's wheels, and the wheels below /; notes every path asked for."""

    server: "LoopbackIndex"

    def do_GET(self) -> None:
        self.server.requests.append(unquote(self.path))
        match = re.fullmatch(r"/simple/([^/]+)/", self.path)
        if match is None:
            return super().do_GET()
        files = sorted(file.name for file in Path(self.directory).iterdir() if project_name(file) == match[1])
        if not files:
            return self.send_error(404)
        links = "".join(f'<a href="/{quote(name)}">{escape(name)}</a>' for name in files)
        page = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
        return None

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


class LoopbackIndex(ThreadingHTTPServer):
    """The server, with the paths that were requested."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(IndexHandler, directory=str(folder)))
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple/"


def project_name(file: Path) -> str:
    """Of a wheel, or of a source archive."""
    name = file.name.removesuffix(".tar.gz")
    return normalized(name.split("-")[0] if file.suffix == ".whl" else name.rpartition("-")[0])


@contextmanager
def loopback_index(folder: Path) -> Iterator[LoopbackIndex]:
    server = LoopbackIndex(folder)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
