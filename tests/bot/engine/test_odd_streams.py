"""Streams that servers with OpenAI's protocol have been seen to send, and what a user reads of them."""

import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot.engine.client import EngineClient, EngineError
from configs.settings import EngineSettings

JOKE = "A fine joke."


def chunk(text: str | None, finish: str | None = None) -> dict:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


@asynccontextmanager
async def engine(*texts: str, finish: str = "stop"):
    """A client of an engine that streams these texts."""
    chunks = [*(chunk(text) for text in texts), chunk(None, finish)]
    stream = "".join(f"data: {json.dumps(one)}\n\n" for one in chunks) + "data: [DONE]\n\n"

    async def chat(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(text=stream, content_type="text/event-stream")

    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = EngineClient(
        EngineSettings(url=f"http://127.0.0.1:{runner.addresses[0][1]}/v1", model="m", attempts=2, retry_delay_s=0.01)
    )
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


@pytest.mark.parametrize(
    "texts",
    [
        [f"{JOKE}<|im_end|>"],
        [JOKE, "<|im_", "end|>"],
        [JOKE, "<", "|im_end|>", "\n<|im_start|>user\nWhat can you do?"],
        [f"{JOKE}[UNUSED_", "TOKEN_145]"],
        [f"{JOKE}</s></s></s>"],
        [f"{JOKE}<|im_end|>\n<|im_start|>user\nWhat can you do?<|im_end|>\n<|im_start|>assistant\nI can"],
    ],
)
@pytest.mark.parametrize("finish", ["stop", "length"])
async def test_a_joke_ends_at_a_control_token_and_no_part_of_one_is_shown(question, texts, finish):
    seen = []

    async def on_text(text: str) -> None:
        seen.append(text)

    async with engine(*texts, finish=finish) as client:
        reply = await client.ask(**question, on_text=on_text)
    assert (reply.text, reply.finish_reason) == (JOKE, "stop")
    assert set(seen) <= {JOKE}


@pytest.mark.parametrize("texts", [["<|im_end|>"], ["[UNUSED_TOKEN_145]"] * 5, ["</", "s>"], ["\ud83d"]])
async def test_only_control_tokens_are_an_empty_reply(question, texts):
    async with engine(*texts) as client:
        with pytest.raises(EngineError) as caught:
            await client.ask(**question)
    assert caught.value.kind == "empty"


async def test_an_emoji_in_two_halves_is_whole_and_half_of_one_is_replaced(question):
    async with engine("Ha \ud83d", "\ude02 a fine \ud83d joke") as client:
        reply = await client.ask(**question)
    assert reply.text == "Ha 😂 a fine \ufffd joke"


async def test_what_is_no_control_token_is_shown_in_the_end(question):
    async with engine("I <", "3 cats, 1 <") as client:
        assert (await client.ask(**question)).text == "I <3 cats, 1 <"
