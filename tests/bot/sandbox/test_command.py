"""`jokebot sandbox` as a process: it prints its address and how to connect a bot."""

import asyncio
import re
import signal
import sys

from bot.sandbox.server import Sandbox


async def start(*arguments):
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "sandbox",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_it_prints_the_address_serves_and_ends_at_a_signal(http):
    process = await start("--port", "0", "--token", "42:abc")
    async with asyncio.timeout(180):
        lines = [(await process.stdout.readline()).decode() for _ in range(4)]
        url = re.search(r"http://127\.0\.0\.1:\d+", lines[0]).group()
        assert f"JOKEBOT_TELEGRAM_BASE_URL={url} JOKEBOT_TELEGRAM_TOKEN=42:abc" in lines[3]
        async with http.get(f"{url}/bot42:abc/getMe") as response:
            assert (await response.json())["result"]["id"] == 42
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


async def test_a_taken_port_is_one_clear_line():
    async with Sandbox.running() as sandbox:
        process = await start("--port", sandbox.url.rpartition(":")[2])
        async with asyncio.timeout(180):
            _, stderr = await process.communicate()
    assert process.returncode == 2
    assert re.fullmatch(
        r"jokebot: The sandbox can't listen on 127\.0\.0\.1:\d+: .+ Choose another --port\.\n", stderr.decode()
    )
