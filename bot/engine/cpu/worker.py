"""One thread that writes texts one after another, and the bounded queue of those that wait for it."""
import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from PIL import Image

from bot.engine.cpu.model import Cancelled, Model
from bot.engine.cpu.protocol import ChatRequest, RequestError
from bot.engine.cpu.sampling import Sampler
from bot.engine.cpu.text import TextStream


@dataclass(frozen=True)
class Piece:
    """Some more text, and why it ends where it does: "" (it goes on), stop, length, or abort (the engine is ending)."""

    text: str
    finish: str = ""


@dataclass
class Job:
    """A request on its way; the worker fills in the numbers while it writes."""

    request: ChatRequest
    pictures: list[Image.Image]
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    events: "asyncio.Queue[Piece | Exception]" = field(default_factory=asyncio.Queue)
    cancelled: threading.Event = field(default_factory=threading.Event)
    received: float = field(default_factory=time.monotonic)
    waited_s: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tiles: int = 0
    finish: str = "cancelled"

    async def pieces(self) -> AsyncIterator[Piece]:
        """The text as it is written, the last piece with its `finish`. Raises what went wrong in the worker."""
        while True:
            event = await self.events.get()
            if isinstance(event, Exception):
                raise event
            yield event
            if event.finish:
                return

    def emit(self, event: Piece | Exception) -> None:
        """Called by the worker's thread."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.events.put_nowait, event)


class Worker:
    """Serves jobs in the order of their arrival."""

    def __init__(self, model: Model, waiting: int) -> None:
        self.model = model
        self.jobs: queue.Queue[Job | None] = queue.Queue(waiting + 1)
        self.waiting = waiting
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, name="cpu-engine", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job. Raises RequestError (503) when too many wait already or the engine is ending."""
        if self.ending.is_set() or self.jobs.qsize() >= self.waiting:
            raise RequestError("The engine is busy; try again soon.", status=503, code="overloaded")
        self.jobs.put_nowait(job)

    def end(self) -> None:
        """Stop at the next token: the running job and the waiting ones end with `abort`."""
        self.ending.set()
        self.jobs.put(None)

    def run(self) -> None:
        while (job := self.jobs.get()) is not None:
            try:
                self.serve(job)
            except Cancelled:
                if self.ending.is_set():
                    self.close(job, "", "abort")
            except Exception as error:  # whatever it is, it belongs to this request and must not end the thread
                job.emit(error)

    def serve(self, job: Job) -> None:
        job.waited_s = time.monotonic() - job.received

        def cancelled() -> bool:
            return job.cancelled.is_set() or self.ending.is_set()

        if cancelled():
            raise Cancelled
        prompt = self.model.prepare(job.request, job.pictures)
        job.prompt_tokens, job.tiles = len(prompt.ids), 0 if prompt.pixels is None else len(prompt.pixels)
        text = TextStream(self.model.decode, job.request.stop)
        for token in self.model.write(prompt, Sampler(job.request.sampling, prompt.ids), cancelled):
            job.completion_tokens += 1
            if piece := text.push(token):
                job.emit(Piece(piece))
            if text.stopped or job.completion_tokens == job.request.max_tokens:
                return self.close(job, text.finish(), "stop" if text.stopped else "length")
        self.close(job, text.finish(), "stop")

    def close(self, job: Job, text: str, finish: str) -> None:
        job.finish = finish
        job.emit(Piece(text, finish))
