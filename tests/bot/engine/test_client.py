"""The client gets a joke from an engine, or raises an error with a clear reason."""

import asyncio
import base64
import subprocess
import sys
import time

import pytest
from pydantic import SecretStr

from bot.engine.client import EngineClient, EngineError, SamplingParams
from bot.engine.stub.engine import StubEngine, StubRefusal, StubReply
from configs.chat_templates import chat_template
from configs.settings import EngineSettings, JokeSettings


async def refused(asking, kind: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await asking
    assert caught.value.kind == kind
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    return caught.value


async def test_a_reply_has_the_text_the_counts_and_the_time(stub, client, question):
    stub.answer = StubReply("  A cat walks in.\nIt leaves. \n", first_token_s=0.05)
    reply = await client.ask(**question)
    assert reply.text == "A cat walks in.\nIt leaves."
    assert (reply.prompt_tokens, reply.finish_reason) == (300, "stop") and reply.completion_tokens > 0
    assert 0.05 <= reply.latency_s < 60


async def test_the_engine_is_asked_what_was_meant(stub, make_client, question):
    await make_client(max_tiles=6).ask(**question)
    asked = stub.asked[-1]
    assert (asked.model, asked.system, asked.user) == ("stub", chat_template().system, "Tell a joke.")
    assert (asked.format, asked.media_type, asked.size, asked.picture_bytes) == (
        "JPEG",
        "image/jpeg",
        (64, 48),
        len(question["photo"]),
    )
    assert asked.max_dynamic_patch == 6
    assert SamplingParams(asked.temperature, asked.top_p, asked.max_tokens) == question["sampling"]


async def test_the_text_grows_as_it_is_written(stub, client, question):
    stub.answer = StubReply("one two three", token_s=0.01)
    seen = []

    async def on_text(text: str) -> None:
        seen.append(text)

    await client.ask(**question, on_text=on_text)
    assert seen == ["one", "one two", "one two three"]


async def test_an_error_of_the_listener_is_not_the_engines(stub, client, question):
    async def on_text(text: str) -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        await client.ask(**question, on_text=on_text)
    assert stub.requests == 1


@pytest.mark.parametrize(
    "failure",
    [
        StubRefusal(503),
        StubRefusal(429),
        StubRefusal(502),
        StubReply("half a", ending="drop"),
        StubReply(ending="abort"),
        StubReply(""),
        StubReply(" \n "),
        StubReply(ending="no_end"),
        StubReply(ending="garbage"),
    ],
    ids=["503", "429", "502", "dropped", "abort", "empty", "blank", "no end", "garbage"],
)
async def test_what_passes_is_tried_again(stub, client, question, failure):
    stub.script.extend([failure, failure])
    reply = await client.ask(**question)
    assert reply.text == stub.answer.text and stub.requests == 3


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (StubRefusal(503), "down"),
        (StubReply("half a", ending="drop"), "cut_off"),
        (StubReply(ending="abort"), "cut_off"),
        (StubReply(""), "empty"),
        (StubReply(ending="garbage"), "cut_off"),
    ],
)
async def test_tries_are_bounded(stub, make_client, question, failure, kind):
    stub.script.extend([failure] * 9)
    await refused(make_client(attempts=3).ask(**question), kind)
    assert stub.requests == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
async def test_a_refusal_is_final(stub, client, question, status):
    stub.script.append(StubRefusal(status, "the reason in its own words"))
    error = await refused(client.ask(**question), "refused")
    assert str(status) in str(error) and stub.requests == 1
    hint = {401: "JOKEBOT_ENGINE_API_KEY", 403: "JOKEBOT_ENGINE_API_KEY", 404: "JOKEBOT_ENGINE_URL"}
    assert hint.get(status, "the reason in its own words") in str(error)


async def test_after_a_retry_the_text_starts_anew(stub, client, question):
    stub.script.extend([StubReply("wrong start", token_s=0.01, ending="drop"), StubReply("right", token_s=0.01)])
    seen = []

    async def on_text(text: str) -> None:
        seen.append(text)

    assert (await client.ask(**question, on_text=on_text)).text == "right"
    assert seen[0] == "wrong" and seen[-1] == "right" and "wrong start right" not in seen


async def test_pauses_double_and_differ(make_client):
    client = make_client(retry_delay_s=1.0)
    for attempt, middle in ((1, 1.0), (2, 2.0), (3, 4.0)):
        pauses = [client._retry_delay_s(attempt) for _ in range(200)]
        assert 0.75 * middle <= min(pauses) < 0.85 * middle and 1.15 * middle < max(pauses) <= 1.25 * middle


async def test_the_engine_is_left_alone_as_long_as_it_asks(stub, client, question):
    stub.script.append(StubRefusal(503, retry_after_s=1))
    started = time.monotonic()
    await client.ask(**question)
    assert time.monotonic() - started >= 1.0


async def test_a_pause_past_the_total_limit_is_not_waited_for(stub, make_client, question):
    stub.script.append(StubRefusal(503, retry_after_s=3600))
    started = time.monotonic()
    await refused(make_client(total_timeout_s=30).ask(**question), "down")
    assert time.monotonic() - started < 20


async def test_a_first_word_that_does_not_come_is_slow(stub, make_client, question):
    stub.answer = StubReply(gate=asyncio.Event())
    await refused(make_client(first_token_timeout_s=0.2).ask(**question), "slow")
    assert stub.requests == 1


async def test_an_engine_that_stops_talking_is_slow(stub, make_client, question):
    stub.answer = StubReply("so far", ending="hang")
    seen = []

    async def on_text(text: str) -> None:
        seen.append(text)

    await refused(make_client(token_timeout_s=0.2).ask(**question, on_text=on_text), "slow")
    assert seen == ["so far"]


async def test_an_engine_that_never_comes_to_an_end_is_slow(stub, make_client, question):
    stub.answer = StubReply("word " * 2000, token_s=0.02)
    started = time.monotonic()
    await refused(make_client(total_timeout_s=0.5).ask(**question), "slow")
    assert time.monotonic() - started < 15


async def test_a_request_that_was_given_up_does_not_stay_open(stub, make_client, question):
    stub.answer = StubReply(gate=asyncio.Event())
    await refused(make_client(first_token_timeout_s=0.2).ask(**question), "slow")
    async with asyncio.timeout(30):
        await stub.quiet.wait()


async def test_a_cancelled_question_is_cancelled_at_the_engine(stub, client, question):
    stub.answer = StubReply("word " * 2000, token_s=0.01)
    heard = asyncio.Event()

    async def on_text(text: str) -> None:
        heard.set()

    task = asyncio.create_task(client.ask(**question, on_text=on_text))
    await heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(30):
        await stub.quiet.wait()


async def test_nobody_there_is_down(question):
    async with StubEngine.running() as gone:
        url = gone.url
    client = EngineClient(EngineSettings(url=url, retry_delay_s=0.01, attempts=2))
    error = await refused(client.ask(**question), "down")
    assert "JOKEBOT_ENGINE_URL" in str(error) and url in str(error)
    assert not await client.ready()
    await client.close()


async def test_an_engine_that_restarts_is_found_again(question):
    async with StubEngine.running(models=["old"]) as first:
        port = int(first.url.split(":")[2].split("/")[0])
        client = EngineClient(EngineSettings(url=first.url, retry_delay_s=0.05, attempts=8))
        await client.ask(**question)
    asking = asyncio.create_task(client.ask(**question))
    async with StubEngine.running(port, models=["new"]) as second:
        await asking
        assert second.asked[-1].model == "new"
        await client.close()


async def test_the_models_name_is_asked_for_once(stub, client, question):
    await asyncio.gather(*(client.ask(**question) for _ in range(10)))
    assert stub.model_requests == 1


async def test_a_swapped_model_is_found_at_the_next_question(stub, client, question):
    await client.ask(**question)
    stub.models = ["swapped"]
    await refused(client.ask(**question), "refused")
    await client.ask(**question)
    assert stub.asked[-1].model == "swapped"


async def test_the_name_in_the_settings_is_asked_for_unseen(stub, make_client, question):
    stub.models = ["a", "b"]
    await make_client(model="b").ask(**question)
    assert stub.asked[-1].model == "b" and stub.model_requests == 0


async def test_models_and_readiness(stub, make_client):
    stub.models = ["a", "b"]
    assert await make_client().models() == ["a", "b"]
    assert await make_client().ready() and await make_client(model="b").ready()
    assert not await make_client(model="c").ready()
    stub.models = []
    assert not await make_client().ready()


async def test_an_engine_that_serves_nothing_yet_is_down(stub, make_client, question):
    stub.models = []
    await refused(make_client(attempts=2).ask(**question), "down")
    assert stub.model_requests == 2


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\0\xff\xfe\0\0\0",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 42\n\n",
        b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {"choices": 7}\n\n',
        b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {"choices": [null]}\n\n',
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: \xff\xfe\n\n",
        b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {"error": {"message": "CUDA"}}\n\n',
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
async def test_a_server_that_talks_nonsense_is_one_clear_error(question, reply):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = EngineClient(
        EngineSettings(
            url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", retry_delay_s=0.01, attempts=2, model="m"
        )
    )
    try:
        with pytest.raises(EngineError) as caught:
            await client.ask(**question)
        assert caught.value.kind in ("down", "cut_off") and "\n" not in str(caught.value)
        with pytest.raises(EngineError):
            await client.models()
    finally:
        await client.close()
        server.close()


async def test_a_finished_joke_is_kept_when_the_counts_do_not_come(stub, client, question):
    stub.answer = StubReply("whole", ending="no_usage")
    reply = await client.ask(**question)
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("whole", None, None)


async def test_a_joke_at_the_length_limit_is_one(stub, client, question):
    stub.answer = StubReply("long", ending="length")
    assert (await client.ask(**question)).finish_reason == "length"


async def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(stub, client, question, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert (await client.ask(**question)).text


async def test_the_key_is_sent_and_never_shown(stub, make_client, question):
    client = make_client(api_key=SecretStr("hidden-key"))
    stub.script.append(StubRefusal(401))
    error = await refused(client.ask(**question), "refused")
    assert "hidden-key" not in str(error) and "hidden-key" not in repr(client._settings)
    assert base64.b64encode(question["photo"])[:40].decode() not in repr(error)


def test_openai_is_imported_at_the_first_use():
    code = (
        "import sys, bot.engine.client, bot.jokes.generator; print('openai' in sys.modules, 'numpy' in "
        "sys.modules, 'aiohttp' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        == ["False"] * 3
    )


async def test_sampling_against_repetition_is_sent_only_where_it_is_asked_for(client, stub, question):
    await client.ask(**question)
    assert (
        stub.bodies[-1].keys().isdisjoint({"repetition_penalty", "repetition_ngram_size", "repetition_ngram_threshold"})
    )
    joke = JokeSettings(languages={"zh": {"temperature": 0.9, "repetition_penalty": 1.1}})
    await client.ask(**{**question, "sampling": SamplingParams.of(joke, "zh")})
    assert {
        name: stub.bodies[-1][name]
        for name in (
            "temperature",
            "top_p",
            "repetition_penalty",
            "repetition_ngram_size",
            "repetition_ngram_threshold",
        )
    } == {
        "temperature": 0.9,
        "top_p": 0.9,
        "repetition_penalty": 1.1,
        "repetition_ngram_size": 8,
        "repetition_ngram_threshold": 3,
    }
    assert SamplingParams.of(joke, "en") == SamplingParams(0.8, 0.9, 160, None, 1.0, 8, 3)
