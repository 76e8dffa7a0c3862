"""`make bench-photo_path`: how many calls and moves a fresh photo takes through the code. It measures no time.

The bot runs as `jokebot run` in a process of its own with a profiler (sys.setprofile). The sandbox and a stub engine
run in two other processes, from the tree of this file. A user sends one photo in a private chat as a warm-up, so that
late imports don't count, then a second photo, which is counted. `--root DIR` traces the bot of another checkout, with
that checkout's `.venv/bot` if it has one. `--against DIR` traces that checkout too and prints its counts under
`before`. Telegram's rate limits are raised, so that no call depends on the time between the two photos.

What counts:

- The span begins with the dispatcher's task for the update and ends with it. A task counts as the dispatcher's if
  its outermost coroutine is defined in the dispatcher's file and has the update as a local variable.
- Calls in that task and in the tasks and threads that it starts: they inherit a context variable that marks them.
- Calls of functions defined in a file of the packages bot, storage, configs and trainer: wrappers, comprehensions and
  lambdas alike. A generator or a coroutine counts once, when it starts; its resumptions don't count. Methods that
  `dataclass` generates have no file and don't count.

Printed last, as one JSON object:

    calls          counted calls
    modules        different files among them
    moves          consecutive calls in different files
    folder_moves   consecutive calls in different folders
    db_reads       SELECT statements in the span, on either connection of the database
    db_writes      statements in the span that change rows (INSERT, UPDATE, DELETE)
"""

import argparse
import asyncio
import io
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import aiohttp
from PIL import Image

SCRIPT = Path(__file__).resolve()
ROOT = SCRIPT.parents[1]
PACKAGES = {("bot",), ("storage",), ("configs",), ("trainer",)}
DISPATCHERS = (Path("bot", "updates.py"), Path("bot", "telegram", "dispatcher.py"))
"""The dispatcher's file, at e77f410 and today."""
STUBS = (ROOT / "bot" / "engine" / "stub.py", ROOT / "bot" / "engine" / "stub" / "engine.py")
"""The stub engine's program, at e77f410 and today."""
STATEMENTS = {"execute", "executemany", "execute_fetchall", "execute_insert"}
"""aiosqlite's methods that execute a statement."""
TOKEN = "123456:photo-path"
RAISED = {"JOKEBOT_LIMITS_MESSAGES_PER_S": "100000", "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "100000"}
"""Raised rate limits, so that the counts don't depend on the time between the photos."""
TIMEOUT_S = 60.0
PHOTOS = 2
"""The warm-up photo and the counted photo."""

Event = tuple[str, str]
"""A file of the packages, relative to the root, and a function; or "sql" and a statement."""


class Tracer:
    """Records the calls of the packages' functions while an update is handled. `spans`: events by update id."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._dispatchers = {str(root / file) for file in DISPATCHERS}
        self._files: dict[str, str] = {}
        self._span: ContextVar[list[Event] | None] = ContextVar("span", default=None)
        self._ended: set[int] = set()
        self.spans: dict[int, list[Event]] = {}

    def install(self) -> None:
        """Profile this thread and all threads that start later."""
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)

    def _profile(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or not is_start(frame):
            return
        code = frame.f_code
        if code.co_filename in self._dispatchers and (update_id := update_of_task(frame)) is not None:
            self._begin(update_id)
        span = self._span.get()
        if span is None or id(span) in self._ended:
            return
        if file := self._file(code.co_filename):
            span.append((file, code.co_qualname))
        elif code.co_name in STATEMENTS and Path(code.co_filename).parts[-2:] == ("aiosqlite", "core.py"):
            span.append(("sql", frame.f_locals["sql"]))

    def _begin(self, update_id: int) -> None:
        events = self.spans[update_id] = []
        self._span.set(events)
        asyncio.current_task().add_done_callback(lambda _: self._ended.add(id(events)))

    def _file(self, name: str) -> str:
        """The file relative to the root; "" if it is in none of the packages."""
        if name not in self._files:
            relative = Path(name).relative_to(self._root) if Path(name).is_relative_to(self._root) else Path()
            self._files[name] = str(relative) if relative.parts[:1] in PACKAGES else ""
        return self._files[name]


def is_start(frame: FrameType) -> bool:
    """Whether a `call` event starts the function: generators and coroutines send it at each resumption too.

    The argument of the interpreter's RESUME instruction is 0 at a start
    (https://docs.python.org/3.11/library/dis.html).
    """
    instructions = frame.f_code.co_code
    return frame.f_lasti < 0 or instructions[frame.f_lasti + 1] == 0


def update_of_task(frame: FrameType) -> int | None:
    """The id of the current task's update if `frame` is the task's outermost coroutine, else None."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    if task is None or getattr(task.get_coro(), "cr_frame", None) is not frame:
        return None
    raw = (value for value in frame.f_locals.values() if isinstance(value, dict) and "update_id" in value)
    return next((update["update_id"] for update in raw), None)


def trace(root: Path, output: Path) -> None:
    """Run the bot of `root` in this process until SIGTERM, then write the last update's events to `output`."""
    sys.path.insert(0, str(root))
    sys.argv = ["jokebot", "run"]
    tracer = Tracer(root)
    tracer.install()
    try:
        runpy.run_module("bot", run_name="__main__", alter_sys=False)
    finally:
        sys.setprofile(None)
        output.write_text(json.dumps([tracer.spans[update_id] for update_id in sorted(tracer.spans)]))


def count(events: Sequence[Event]) -> dict[str, int]:
    """The counts of the module's docstring."""
    files = [file for file, _ in events if file != "sql"]
    words = [statement.split()[0].upper() for file, statement in events if file == "sql"]
    folders = [str(Path(file).parent) for file in files]
    return {
        "calls": len(files),
        "modules": len(set(files)),
        "moves": moves(files),
        "folder_moves": moves(folders),
        "db_reads": sum(word in ("SELECT", "WITH") for word in words),
        "db_writes": sum(word in ("INSERT", "UPDATE", "DELETE", "REPLACE") for word in words),
    }


def moves(places: Sequence[str]) -> int:
    return sum(source != target for source, target in pairwise(places))


class User:
    """A user of the sandbox, through its control API (bot/sandbox/control_api.py)."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client
        self._id = 0
        self._photos = 0

    async def photo_to_joke(self) -> None:
        """Send a new photo and wait for the message with buttons that replies to it."""
        if not self._id:
            async with self._client.get("/sandbox/state") as response:
                self._id = (await response.json())["people"][0]["id"]
        async with self._client.ws_connect("/sandbox/events") as events:
            sent = await self._send()
            async for frame in events:
                message = frame.json().get("message") or {}
                if message.get("reply_markup") and message.get("reply_to_message", {}).get("message_id") == sent:
                    return

    async def _send(self) -> int:
        self._photos += 1
        image = io.BytesIO()
        Image.new("RGB", (64, 48), (50 * self._photos, 90, 160)).save(image, "JPEG")
        form = aiohttp.FormData({"person": str(self._id), "chat": str(self._id), "kind": "photo"})
        form.add_field("file", image.getvalue(), filename="photo.jpg", content_type="image/jpeg")
        async with self._client.post("/sandbox/files", data=form) as response:
            response.raise_for_status()
            return (await response.json())["messages"][0]["message_id"]


@asynccontextmanager
async def program(*command: str, cwd: Path, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a process and end it with SIGTERM after the block. Its standard output is a pipe."""
    environment = {**os.environ, "PYTHONPATH": str(cwd), **variables}
    process = await asyncio.create_subprocess_exec(*command, cwd=cwd, env=environment, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def line_with(process: asyncio.subprocess.Process, words: str) -> str:
    """The last word of the first line that begins with `words`. Raises RuntimeError if the process ends first."""
    async for line in process.stdout:
        if line.decode().startswith(words):
            return line.decode().split()[-1]
    raise RuntimeError(f"a process ended before it printed {words!r}")


async def events_of(root: Path) -> list[Event]:
    """The events of the bot of the checkout `root` for a fresh photo."""
    own, theirs = sys.executable, root / ".venv" / "bot" / "bin" / "python"
    stub = next(str(file) for file in STUBS if file.exists())
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        command = (own, "-m", "bot", "sandbox", "--port", "0", "--token", TOKEN)
        sandbox = await stack.enter_async_context(program(*command, cwd=ROOT))
        url = await line_with(sandbox, "Chat page:")
        engine = await stack.enter_async_context(program(own, stub, "--port", "0", cwd=ROOT))
        variables = {
            "JOKEBOT_STORAGE_DIRECTORY": str(folder / "data"),
            "JOKEBOT_TELEGRAM_TOKEN": TOKEN,
            "JOKEBOT_ACCESS_STRANGERS": "allow",
            "JOKEBOT_TELEGRAM_BASE_URL": url.rstrip("/"),
            "JOKEBOT_LOG_LEVEL": "WARNING",
            **RAISED,
            "JOKEBOT_ENGINE_URL": f"{await line_with(engine, 'listening on')}/v1",
        }
        command = (
            str(theirs) if theirs.exists() else own,
            "-P",
            str(SCRIPT),
            "--trace",
            str(folder / "events.json"),
            "--root",
            str(root),
        )
        client = await stack.enter_async_context(aiohttp.ClientSession(url))
        async with program(*command, cwd=root, **variables) as bot:
            await line_with(bot, "jokebot: ready")
            user = User(client)
            for _ in range(PHOTOS):
                await asyncio.wait_for(user.photo_to_joke(), TIMEOUT_S)
        spans = json.loads((folder / "events.json").read_text())
    if len(spans) != PHOTOS:
        raise RuntimeError(f"{len(spans)} tasks of the dispatcher were found for {PHOTOS} photos; look at DISPATCHERS")
    return spans[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--root", type=Path, default=ROOT, metavar="DIR", help="the checkout whose bot is traced (default: this one)"
    )
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="trace this checkout too and print its counts under `before`"
    )
    parser.add_argument("--calls", action="store_true", help="print file and function of each call first")
    parser.add_argument("--trace", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.trace:
        trace(arguments.root.resolve(), arguments.trace)
        return
    events = asyncio.run(events_of(arguments.root.resolve()))
    if arguments.calls:
        print(*(" ".join(event) for event in events), sep="\n")
    result: dict[str, Any] = count(events)
    if arguments.against:
        result["before"] = count(asyncio.run(events_of(arguments.against.resolve())))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
