"""A hub on loopback: the part of Hugging Face's and of ModelScope's HTTP interface that is used, with faults.

Large files (`.safetensors`, `.zip`) are redirected to another host name, as both hubs do.
"""

import asyncio
import hashlib
import threading
from dataclasses import dataclass, field

from aiohttp import web

LARGE = (".safetensors", ".zip")
STEP = 1 << 16


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class LoopbackHub:
    """`files` are the repository's by revision; `main` is the newest revision.

    Faults: `cuts` lists after how many bytes the next transfers of large files break; `wrong` counts the transfers of
    a file with other content; `status` refuses all calls; `stall_after` stops transfers until `resume`.
    """

    repository: str
    files: dict[str, dict[str, bytes]]
    main: str = "a" * 40
    cuts: list[int] = field(default_factory=list)
    wrong: dict[str, int] = field(default_factory=dict)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    stall_after: int = 0
    stalled: threading.Event = field(default_factory=threading.Event)
    transfers: list[tuple[str, str]] = field(default_factory=list)
    """Name and Range of each GET of a file."""
    tokens: list[tuple[str, str]] = field(default_factory=list)
    """Path and Authorization of each call."""
    port: int = 0
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _resumed: asyncio.Event = field(default_factory=asyncio.Event)

    def resume(self) -> None:
        self.stall_after = 0
        self.loop.call_soon_threadsafe(self._resumed.set)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._refuse])
        for prefix, folder in (("/api/models", ""), ("/api/datasets", "/datasets")):
            app.router.add_get(prefix + "/{owner}/{name}", self._info)
            app.router.add_get(prefix + "/{owner}/{name}/revision/{revision}", self._info)
            app.router.add_get(folder + "/{owner}/{name}/resolve/{revision}/{file}", self._resolve)
        app.router.add_get("/api/v1/models/{owner}/{name}/repo/files", self._modelscope_list)
        app.router.add_get("/api/v1/models/{owner}/{name}/repo", self._modelscope_file)
        app.router.add_get("/cdn/{revision}/{file}", self._transfer)
        return app

    @web.middleware
    async def _refuse(self, request: web.Request, handler) -> web.StreamResponse:
        self.tokens.append((request.path, request.headers.get("Authorization", "")))
        if self.status and not request.path.startswith("/cdn"):
            return web.json_response({"error": "no"}, status=self.status, headers=self.headers)
        owned = f"{request.match_info.get('owner')}/{request.match_info.get('name')}"
        if "owner" in request.match_info and owned != self.repository:
            return web.json_response({"error": "none"}, status=404, headers={"X-Error-Code": "RepoNotFound"})
        return await handler(request)

    def _content(self, revision: str) -> tuple[str, dict[str, bytes]]:
        revision = self.main if revision in ("main", "master") else revision
        if revision not in self.files:
            raise web.HTTPNotFound(headers={"X-Error-Code": "RevisionNotFound"})
        return revision, self.files[revision]

    async def _info(self, request: web.Request) -> web.Response:
        revision, files = self._content(request.match_info.get("revision", "main"))
        siblings = [
            {
                "rfilename": name,
                "size": len(data),
                "blobId": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
                **({"lfs": {"sha256": digest(data), "size": len(data), "pointerSize": 134}} if large(name) else {}),
            }
            for name, data in files.items()
        ]
        about = {"id": self.repository, "modelId": self.repository, "sha": revision, "tags": ["license:mit"]}
        return web.json_response({**about, "siblings": siblings})

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        revision, files = self._content(request.match_info["revision"])
        name = request.match_info["file"]
        data = files[name]
        headers = {"X-Repo-Commit": revision, "ETag": f'"{digest(data)[:40]}"'}
        if large(name):
            headers |= {"X-Linked-Etag": f'"{digest(data)}"', "X-Linked-Size": str(len(data))}
            raise web.HTTPFound(f"http://localhost:{self.port}/cdn/{revision}/{name}", headers=headers)
        return await self._send(request, name, data, headers)

    async def _transfer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["file"]
        return await self._send(request, name, self.files[request.match_info["revision"]][name], {})

    async def _modelscope_list(self, request: web.Request) -> web.Response:
        _, files = self._content(request.query["Revision"])
        rows = [
            {"Path": name, "Name": name, "Type": "blob", "Size": len(data), "Sha256": digest(data)}
            for name, data in files.items()
        ]
        folder = {"Path": "examples", "Name": "examples", "Type": "tree", "Size": 0, "Sha256": ""}
        return web.json_response({"Code": 200, "Success": True, "Data": {"Files": [*rows, folder]}})

    async def _modelscope_file(self, request: web.Request) -> web.StreamResponse:
        revision, files = self._content(request.query["Revision"])
        name = request.query["FilePath"]
        if large(name):
            raise web.HTTPFound(f"http://localhost:{self.port}/cdn/{revision}/{name}")
        return await self._send(request, name, files[name], {})

    async def _send(self, request: web.Request, name: str, data: bytes, headers: dict[str, str]) -> web.StreamResponse:
        wanted = request.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        if request.method == "GET":
            self.transfers.append((name, wanted))
            if self.wrong.get(name):
                self.wrong[name] -= 1
                data = bytes(len(data))
        response = web.StreamResponse(status=206 if wanted else 200, headers={**headers, "Accept-Ranges": "bytes"})
        response.content_length = len(data) - start
        if wanted:
            response.headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        cut = self.cuts.pop(0) if large(name) and self.cuts else 0
        for position in range(start, len(data), STEP):
            if cut and position - start >= cut:
                request.transport.close()
                break
            if large(name) and self.stall_after and position >= self.stall_after:
                self.stalled.set()
                await self._resumed.wait()
            await response.write(data[position : position + STEP])
        return response


def large(name: str) -> bool:
    return name.endswith(LARGE)


class HubThread:
    """Runs a hub's server in a thread of its own, for tests and commands that block."""

    def __init__(self, hub: LoopbackHub) -> None:
        self._hub, self._loop = hub, hub.loop
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> LoopbackHub:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(60)
        return self._hub

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    async def _start(self) -> None:
        self._runner = web.AppRunner(self._hub.app(), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._hub.port = self._runner.addresses[0][1]
