"""`jokebot sandbox`, started twice: a bot that remembers the first one must understand the second."""

import sys

import aiohttp

from bot.runtime.child_process import start_child


async def numbers() -> tuple[int, int]:
    """The ids of the first update and of the first message of a fresh sandbox."""
    with start_child("sandbox", [sys.executable, "-m", "bot", "sandbox", "--port", "0"]) as sandbox:
        async with aiohttp.ClientSession(sandbox.wait_ready()) as http:
            state = await (await http.get("/sandbox/state")).json()
            person = state["people"][0]["id"]
            await http.post("/sandbox/text", json={"person": person, "chat": person, "text": "hello"})
            updates = (await (await http.get("/bot123456:sandbox/getUpdates")).json())["result"]
            update = next(update for update in updates if "message" in update)
            return update["update_id"], update["message"]["message_id"]


async def test_a_later_sandbox_gives_out_higher_numbers():
    first, second = await numbers(), await numbers()
    assert second[0] > first[0] + 100
    assert second[1] > first[1] + 100
