"""Telegram's client, the doctor and the engine's client go through the same HTTP proxy."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from telegram.error import TelegramError

from bot.engine.client import EngineClient, EngineError
from bot.monitoring.doctor import check_token
from bot.telegram.client import TelegramClient
from bot.telegram.rate_limiter import CallDropped, Priority
from configs.errors import SettingsError
from configs.settings import Settings

TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"


@asynccontextmanager
async def listening_proxy():
    """A proxy that notes the first line of each request and refuses it; yields its port and the lines."""
    lines = []

    async def meet(reader, writer):
        lines.append((await reader.readline()).decode())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], lines


@pytest.fixture
def settings(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return Settings(
        telegram={"token": TOKEN, "base_url": "https://telegram.invalid"},
        engine={"url": "https://engine.invalid/v1", "attempts": 1},
    )


async def test_all_clients_use_the_proxy_of_the_environment(monkeypatch, settings):
    async with listening_proxy() as (port, lines):
        monkeypatch.setenv("ALL_PROXY", f"http://user:secret@127.0.0.1:{port}")
        client = TelegramClient(settings)
        for request in client._request:
            await request.initialize()
        with pytest.raises((TelegramError, CallDropped)):
            await client.send_message(1, "a", rate_limit_args=Priority.BEST_EFFORT)
        await client.shutdown()
        assert lines and all(line.startswith("CONNECT telegram.invalid:443") for line in lines)
        lines.clear()
        assert [finding.state for finding in await check_token(settings)] == ["bad"]
        assert lines and all(line.startswith("CONNECT telegram.invalid:443") for line in lines)
        lines.clear()
        engine = EngineClient(settings.engine)
        with pytest.raises(EngineError):
            await engine.models()
        await engine.close()
        assert lines and all(line.startswith("CONNECT engine.invalid:443") for line in lines)


def test_all_clients_refuse_a_socks_proxy_before_they_start(monkeypatch, settings):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    for make in (lambda: TelegramClient(settings), lambda: EngineClient(settings.engine)):
        with pytest.raises(SettingsError, match="ALL_PROXY names a socks5 proxy"):
            make()
