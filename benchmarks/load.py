"""Closed-loop load for engines: concurrent clients that send the next photo after each reply.

The clients stream as the bot does, but use plain aiohttp, which needs little CPU time.
"""

import asyncio
import base64
import itertools
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.engine.photo_affinity import choose_server, photo_digest
from configs.chat_templates import chat_template
from configs.prompts import load_prompts

LIMIT_S = 120


@dataclass
class Sent:
    """One request: times of its start, first token and end (monotonic seconds); `failure`: the error or ""."""

    sent: float
    first: float = 0.0
    ended: float = 0.0
    tokens: int = 0
    failure: str = ""
    text: str = ""
    prompt_tokens: int = 0
    cached: int = 0
    """Of the prompt's tokens, those found in the server's cache."""

    @property
    def seconds(self) -> float:
        return self.ended - self.sent


@dataclass
class Engines:
    """Servers of one model; a request goes to the server with the fewest active ones."""

    urls: Sequence[str]
    key: str = ""
    tokens: int = 64
    tiles: int = 12
    text: str = ""
    """The user's turn; empty: the English neutral one."""
    models: dict[str, str] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def choose(self, photo: bytes) -> str:
        """The server for a photo."""
        return min(self.urls, key=lambda address: self.busy.get(address, 0))

    async def request(self, session: aiohttp.ClientSession, photo: bytes) -> Sent:
        """Send one photo and read the whole reply."""
        url = self.choose(photo)
        self.busy[url] = self.busy.get(url, 0) + 1
        request = Sent(time.monotonic())
        try:
            await self._ask(session, url, photo, request)
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            request.failure = f"{type(error).__name__}: {error}"
        request.ended = time.monotonic()
        self.busy[url] -= 1
        return request

    async def target(self, session: aiohttp.ClientSession, url: str) -> tuple[str, str]:
        """The address of a server, and the name of its model."""
        if url not in self.models:
            async with session.get(f"{url}/v1/models", headers=self.headers) as answer:
                self.models[url] = (await answer.json())["data"][0]["id"]
        return url, self.models[url]

    async def _ask(self, session: aiohttp.ClientSession, url: str, photo: bytes, request: Sent) -> None:
        address, model = await self.target(session, url)
        async with session.post(
            f"{address}/v1/chat/completions", json=self._body(model, photo), headers=self.headers
        ) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}: {(await answer.text())[:200]}")
            async for line in answer.content:
                if line.startswith(b"data: {"):
                    self._take(json.loads(line[6:]), request)
        if not request.tokens:
            raise ValueError("no count of tokens came")

    def _body(self, model: str, photo: bytes) -> dict[str, Any]:
        prompts = load_prompts()
        picture = {"url": f"data:image/jpeg;base64,{base64.b64encode(photo).decode()}", "max_dynamic_patch": self.tiles}
        return {
            "model": model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": self.tokens,
            "ignore_eos": True,
            "temperature": 0.8,
            "top_p": 0.9,
            "messages": [
                {"role": "system", "content": chat_template().system},
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": picture},
                        {"type": "text", "text": self.text or prompts.ask("en")},
                    ],
                },
            ],
        }

    @staticmethod
    def _take(chunk: dict[str, Any], request: Sent) -> None:
        if usage := chunk.get("usage"):
            request.tokens, request.prompt_tokens = usage["completion_tokens"], usage["prompt_tokens"]
            request.cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
        for choice in chunk["choices"]:
            text = choice["delta"].get("content") or ""
            if text and not request.first:
                request.first = time.monotonic()
            request.text += text
            # LMDeploy omits null fields.
            if choice.get("finish_reason") == "abort":
                raise ValueError("the reply was cut off")


@dataclass
class HashedEngines(Engines):
    """Servers that get photos as the bot's own do: each its own photos, unless it is busy."""

    def choose(self, photo: bytes) -> str:
        return choose_server(photo_digest(photo), {url: self.busy.get(url, 0) for url in self.urls})


@dataclass
class ProxiedEngines(HashedEngines):
    """The same through a proxy: `urls` are the servers' names there (`bot/engine/lmdeploy/node_name.py`)."""

    proxy: str = ""

    async def target(self, session: aiohttp.ClientSession, url: str) -> tuple[str, str]:
        return self.proxy, url


async def closed_loop(
    engines: Engines, photo: Callable[[], bytes], clients: int, requests: int, until: Callable[[], bool] = lambda: False
) -> list[Sent]:
    """Run `clients` until `requests` are answered or `until` is true; returns the requests by end time."""
    numbers, done = itertools.count(), []
    limits = aiohttp.ClientTimeout(total=LIMIT_S)

    async def client(session: aiohttp.ClientSession) -> None:
        while next(numbers) < requests and not until():
            done.append(await engines.request(session, photo()))

    async with (
        aiohttp.ClientSession(timeout=limits, connector=aiohttp.TCPConnector(limit=0)) as session,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(clients):
            tasks.create_task(client(session))
    return done


def summary(done: Sequence[Sent], clients: int) -> dict[str, Any]:
    """Summarize a closed loop; `photos_per_s` counts from the `clients`-th reply, when all clients are busy."""
    good = [request for request in done if not request.failure]
    skipped = clients if len(good) > clients > 1 else 0
    first = good[skipped - 1].ended if skipped else min(request.sent for request in done)
    seconds = sorted(request.seconds for request in good) or [0.0]
    firsts = [request.first - request.sent for request in good if request.first] or [0.0]
    return {
        "clients": clients,
        "requests": len(done),
        "failed": len(done) - len(good),
        "photos_per_s": round((len(good) - skipped) / max(1e-9, done[-1].ended - first), 2),
        "p50_s": round(statistics.median(seconds), 3),
        "p95_s": round(seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))], 3),
        "first_word_p50_s": round(statistics.median(firsts), 3),
        "tokens": statistics.median([request.tokens for request in good] or [0]),
        "failures": sorted({request.failure for request in done if request.failure})[:3],
    }


def whole_loop(done: Sequence[Sent], clients: int) -> dict[str, Any]:
    """A summary whose rate is that of the whole loop, its beginning and end included.

    For loops of few requests a client: there the clients work in a common rhythm, so that a count from the `clients`-th
    reply on ends just after a wave of replies, and can be wrong by a factor of two (seen on H200s, 2026-11-29).
    """
    seconds = max(sent.ended for sent in done) - min(sent.sent for sent in done)
    good = sum(not sent.failure for sent in done)
    return summary(done, clients) | {"photos_per_s": round(good / max(1e-9, seconds), 2), "seconds": round(seconds, 2)}
