"""vLLM and llama.cpp as engines at a URL: replies and errors in the shapes that their documentation gives.

The examples are written after vLLM's documentation of its OpenAI-compatible server, with the classes of requests and
replies that it includes, and after the README of llama.cpp's server. docs/servers.md has the table of our parameters.
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.engine.client import EngineClient, EngineError, SamplingParams
from configs.settings import EngineSettings

PAGE = Path(__file__).parents[3] / "docs" / "servers.md"
JOKE = ["The cat", " wears", " a tie."]
KNOWN = {
    "vLLM": {
        *("model", "messages", "temperature", "top_p", "max_tokens", "seed", "stream", "stream_options"),
        *("repetition_penalty", "mm_processor_kwargs", "top_k", "min_p", "ignore_eos"),
    },
    "llama.cpp": {
        *("model", "messages", "temperature", "top_p", "max_tokens", "seed", "stream", "stream_options"),
        *("repeat_penalty", "top_k", "min_p", "ignore_eos", "cache_prompt"),
    },
}
"""Fields of a request that the documentation names, as far as they concern us."""
MODELS = {
    "vLLM": {
        "object": "list",
        "data": [
            {
                "id": "OpenGVLab/InternVL2-2B",
                "object": "model",
                "created": 1764460800,
                "owned_by": "vllm",
                "root": "OpenGVLab/InternVL2-2B",
                "parent": None,
                "max_model_len": 8192,
                "permission": [{"id": "modelperm-1", "object": "model_permission", "allow_sampling": True}],
            }
        ],
    },
    "llama.cpp": {
        "object": "list",
        "data": [
            {
                "id": "../models/InternVL2_5-2B-Q8_0.gguf",
                "object": "model",
                "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
                "created": 1764460800,
                "owned_by": "llamacpp",
                "meta": None,
            }
        ],
    },
}


def vllm_chunks(model: str) -> list[dict[str, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish, **more}
        return {**head, "choices": [choice]}

    head = {"id": "chatcmpl-8f1e", "object": "chat.completion.chunk", "created": 1764460801, "model": model}
    usage = {"prompt_tokens": 3398, "total_tokens": 3404, "completion_tokens": 6}
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": text}) for text in JOKE),
        chunk({"content": ""}, "stop", stop_reason=None),
        {**head, "choices": [], "usage": usage},
    ]


def llama_cpp_chunks(model: str) -> list[dict[str, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {"choices": [{"finish_reason": finish, "index": 0, "delta": delta}], **tail}

    tail = {
        "created": 1764460801,
        "id": "chatcmpl-ecQULm0WqPrftUqjPZO1CFYeDjGZNbDu",
        "model": model,
        "system_fingerprint": "b7100-1d2c3b4a",
        "object": "chat.completion.chunk",
    }
    details = {"prompt_tokens_details": {"cached_tokens": 0}}
    usage = {"completion_tokens": 6, "prompt_tokens": 300, "total_tokens": 306, **details}
    timings = {"cache_n": 0, "prompt_n": 300, "prompt_ms": 2000.5, "predicted_n": 6, "predicted_ms": 210.1}
    return [
        chunk({"role": "assistant", "content": None}),
        *(chunk({"content": text}) for text in JOKE),
        chunk({}, "stop"),
        {"choices": [], **tail, "usage": usage, "timings": timings},
    ]


CHUNKS = {"vLLM": vllm_chunks, "llama.cpp": llama_cpp_chunks}
ERRORS = {
    "vLLM": (
        400,
        {
            "error": {
                "message": "At most 0 image(s) may be provided",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            }
        },
    ),
    "llama.cpp": (
        500,
        {
            "error": {
                "code": 500,
                "message": "image input is not supported - hint: you may need to provide the mmproj",
                "type": "server_error",
            }
        },
    ),
}
"""What each answers to a photo if it was started without what pictures need."""


@asynccontextmanager
async def server(name: str, requests: list[dict[str, Any]], *errors: tuple[int, dict[str, Any]]) -> AsyncIterator[str]:
    """A server in the shapes of `name`, which first answers with these errors; yields its URL."""
    waiting = list(errors)

    async def models(request: web.Request) -> web.Response:
        return web.json_response(MODELS[name])

    async def chat(request: web.Request) -> web.Response:
        requests.append(await request.json())
        if waiting:
            status, body = waiting.pop(0)
            return web.json_response(body, status=status)
        stream = [f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS[name](requests[-1]["model"])]
        return web.Response(text="".join([*stream, "data: [DONE]\n\n"]), content_type="text/event-stream")

    app = web.Application(client_max_size=1 << 26)
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def ask(url: str, question: dict[str, Any], sampling: SamplingParams) -> tuple[Any, list[str]]:
    """Ask as the bot asks an engine of the kind `url`: without the rule against repetition."""
    seen: list[str] = []

    async def on_text(text: str) -> None:
        seen.append(text)

    client = EngineClient(EngineSettings(url=url, attempts=2, retry_delay_s=0.01), ngram=False)
    try:
        return await client.ask(**{**question, "sampling": sampling}, on_text=on_text), seen
    finally:
        await client.close()


def documented(name: str) -> dict[str, str]:
    """What the page's table says of each of our fields for a server: yes or ignored, the first word of its cell."""
    rows = [re.split(r"\s*\|\s*", line.strip("| \n")) for line in PAGE.read_text(encoding="utf-8").splitlines()]
    head = next(row for row in rows if {"vLLM", "llama.cpp"} <= set(row))
    table = rows[rows.index(head) + 2 :]
    table = table[: next(number for number, row in enumerate(table) if len(row) != len(head))]
    return {
        field: row[head.index(name)].split()[0].strip(",:;") for row in table for field in re.findall("`(.+?)`", row[0])
    }


@pytest.mark.parametrize("name", ["vLLM", "llama.cpp"])
async def test_a_joke_comes_with_its_counts_while_it_is_written(name, question):
    requests: list[dict[str, Any]] = []
    async with server(name, requests) as url:
        reply, seen = await ask(url, question, SamplingParams(0.7, 0.85, 99))
    assert (reply.text, reply.finish_reason, reply.completion_tokens) == ("The cat wears a tie.", "stop", 6)
    assert seen == ["The cat", "The cat wears", "The cat wears a tie."]
    assert requests[0]["model"] == MODELS[name]["data"][0]["id"]


@pytest.mark.parametrize("name", ["vLLM", "llama.cpp"])
async def test_the_page_says_which_of_our_parameters_the_server_takes(name, question):
    requests: list[dict[str, Any]] = []
    sampling = SamplingParams(0.7, 0.85, 99, repetition_penalty=1.05, ngram_size=8, ngram_threshold=3, seed=4)
    async with server(name, requests) as url:
        await ask(url, question, sampling)
    (sent,) = requests
    (image, _) = sent["messages"][1]["content"]
    says = documented(name)
    assert says.keys() == {*sent, *image["image_url"]}
    assert {field for field in sent if says[field] == "yes"} == sent.keys() & KNOWN[name]
    assert {says[field] for field in sent.keys() - KNOWN[name]} <= {"ignored"}
    assert (says["url"], says["max_dynamic_patch"]) == ("yes", "ignored")


@pytest.mark.parametrize("name", ["vLLM", "llama.cpp"])
async def test_a_server_that_was_started_without_pictures_is_quoted(name, question):
    async with server(name, [], *[ERRORS[name]] * 2) as url:
        with pytest.raises(EngineError, match="image") as caught:
            await ask(url, question, SamplingParams(0.7, 0.85, 99))
    assert caught.value.status == ERRORS[name][0]


async def test_a_server_that_still_loads_its_model_is_asked_again(question):
    loading = (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})
    async with server("llama.cpp", [], loading) as url:
        reply, _ = await ask(url, question, SamplingParams(0.7, 0.85, 99))
    assert reply.text == "The cat wears a tie."
