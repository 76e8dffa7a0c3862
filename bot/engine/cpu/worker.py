"""One thread that generates texts one after another, and the bounded queue of jobs in front of it."""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import AsyncIterator
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from PIL import Image

from bot.engine.cpu.model import CpuModel, GenerationCancelled
from bot.engine.cpu.protocol import ChatRequest, RequestError
from bot.engine.cpu.sampling import TokenSampler
from bot.engine.cpu.text_stream import TextStream

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextChunk:
    """More text, and the finish reason: "" (not finished), stop, length, or abort (the engine is shutting down)."""

    text: str
    finish: str = ""


@dataclass(eq=False)
class GenerationJob:
    """A request in progress, with the tiles of its images; the worker sets the counts and times."""

    request: ChatRequest
    pictures: list[list[Image.Image]]
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    events: "asyncio.Queue[TextChunk | RequestError]" = field(default_factory=asyncio.Queue)
    cancelled: threading.Event = field(default_factory=threading.Event)
    context: Context = field(default_factory=copy_context)
    """The log context of the request."""
    received: float = field(default_factory=time.monotonic)
    waited_s: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tiles: int = 0
    finish: str = "cancelled"

    async def chunks(self) -> AsyncIterator[TextChunk]:
        """Yield the text as it is generated; the last chunk has the `finish`. Raises RequestError if the job failed."""
        while True:
            event = await self.events.get()
            if isinstance(event, RequestError):
                raise event
            yield event
            if event.finish:
                return

    def emit(self, event: TextChunk | RequestError) -> None:
        """Pass an event from the worker's thread to the event loop."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.events.put_nowait, event)


class GenerationWorker:
    """Serves jobs in the order of their arrival; at most `max_waiting` wait."""

    def __init__(self, model: CpuModel, max_waiting: int) -> None:
        self.model = model
        self.max_waiting = max_waiting
        self.jobs: queue.SimpleQueue[GenerationJob | None] = queue.SimpleQueue()
        self.unstarted: list[GenerationJob] = []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, name="cpu-engine", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def waiting(self) -> int:
        """How many jobs wait, without those whose client has disconnected."""
        return sum(not job.cancelled.is_set() for job in list(self.unstarted))

    def check_capacity(self) -> None:
        """Raises RequestError (503) if the queue is full or the engine is shutting down."""
        if self.ending.is_set() or self.waiting() >= self.max_waiting:
            raise RequestError("The engine is busy; try again soon.", status=503, code="overloaded")

    def submit(self, job: GenerationJob) -> None:
        """Queue a job. Raises RequestError (503) if the queue is full."""
        self.check_capacity()
        self.unstarted.append(job)
        self.jobs.put(job)

    def stop(self) -> None:
        """Stop at the next token; the running job and the waiting ones end with `abort`."""
        self.ending.set()
        self.jobs.put(None)

    def run(self) -> None:
        """The thread's loop: one job after another until `end`. A failure ends its own job alone."""
        while (job := self.jobs.get()) is not None:
            self.unstarted.remove(job)
            try:
                self.serve(job)
            except GenerationCancelled:
                if self.ending.is_set():
                    self.finish_job(job, "", "abort")
            except RequestError as error:
                job.emit(error)
            except Exception:  # noqa: BLE001  a defect in one request must not end the thread
                job.context.run(log.exception, "request %s failed", job.request.id)
                job.emit(RequestError("The engine failed at this request; its log says why.", status=500))

    def serve(self, job: GenerationJob) -> None:
        """Generate one job's text, chunk by chunk.

        Raises RequestError, and GenerationCancelled if the client has disconnected.
        """
        job.waited_s = time.monotonic() - job.received

        def cancelled() -> bool:
            return job.cancelled.is_set() or self.ending.is_set()

        if cancelled():
            raise GenerationCancelled
        prompt = self.model.prepare_prompt(job.request, job.pictures)
        job.prompt_tokens, job.tiles = len(prompt.ids), 0 if prompt.pixels is None else len(prompt.pixels)
        text = TextStream(self.model.decode, job.request.stop)
        sampler, tokens = TokenSampler(job.request.sampling, prompt.ids), list[int]()
        for token in self.model.generate(prompt, sampler, cancelled):
            job.completion_tokens += 1
            tokens.append(token)
            if chunk := text.push(token):
                job.emit(TextChunk(chunk))
            if text.stopped or job.completion_tokens == job.request.max_tokens:
                return self.finish_job(job, text.finish(), "stop" if text.stopped else "length")
            if sampler.is_repetitive(tokens):
                break
        self.finish_job(job, text.finish(), "stop")

    def finish_job(self, job: GenerationJob, text: str, finish: str) -> None:
        job.finish = finish
        job.emit(TextChunk(text, finish))
