"""A running sandbox, and its clients: aiogram and plain HTTP. Users act through `sandbox.world`."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from PIL import Image

from bot.sandbox.server import Sandbox

ALICE = 1001
Reply = tuple[int, dict[str, Any]]
Picture = Callable[..., bytes]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.running(webhook_retry_s=0.05) as sandbox:
        yield sandbox


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    """An aiogram client of the sandbox; aiogram shares no code with Jokebot."""
    bot = Bot(sandbox.token, session=AiohttpSession(api=TelegramAPIServer.from_base(sandbox.url)))
    yield bot
    await bot.session.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


@pytest.fixture
def call(sandbox: Sandbox, http: aiohttp.ClientSession) -> Callable[..., Awaitable[Reply]]:
    """`await call("sendMessage", chat_id=…, …)`: a JSON call as (HTTP status, answer)."""

    async def post(method: str, **parameters: Any) -> Reply:
        async with http.post(f"{sandbox.url}/bot{sandbox.token}/{method}", json=parameters) as response:
            return response.status, await response.json()

    return post


@pytest.fixture
def picture() -> Picture:
    """`picture(width, height, color, format)`: the bytes of a picture."""

    def make(width: int = 640, height: int = 480, color: str = "teal", kind: str = "JPEG", **options: Any) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", (width, height), color).save(out, kind, **options)
        return out.getvalue()

    return make
