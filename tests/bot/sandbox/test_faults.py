"""Injected faults: each kind's effect, which calls it hits, and when it ends."""

import asyncio
import time

import aiohttp
import pytest

from bot.sandbox.errors import SandboxError
from bot.sandbox.faults import FaultInjector

ALICE = 1001


def texts(sandbox):
    return [message["text"] for message in sandbox.world.messages(ALICE)]


async def test_answers_with_an_error_have_no_effect_and_end_after_their_times(sandbox, call):
    sandbox.faults.add("sendMessage", "429", times=2, retry_after=5)
    sandbox.faults.add("sendmessage", "500")
    sandbox.faults.add("sendMessage", "502")
    replies = [await call("sendMessage", chat_id=ALICE, text=str(number)) for number in range(5)]
    assert [status for status, _ in replies] == [429, 429, 500, 502, 200]
    assert replies[0][1] == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 5",
        "parameters": {"retry_after": 5},
    }
    assert replies[2][1] == {"ok": False, "error_code": 500, "description": "Internal Server Error"}
    assert replies[3][1] == {"ok": False, "error_code": 502, "description": "Bad Gateway"}
    assert texts(sandbox) == ["4"]
    assert [call.status for call in sandbox.calls] == [429, 429, 500, 502, 200]


async def test_a_cut_connection_with_and_without_the_call_s_effect(sandbox, call):
    sandbox.faults.add("sendMessage", "cut")
    sandbox.faults.add("sendMessage", "cut_after")
    for text in ("before", "after"):
        with pytest.raises(aiohttp.ClientConnectionError):
            await call("sendMessage", chat_id=ALICE, text=text)
    assert texts(sandbox) == ["after"]
    assert [(call.status, call.description) for call in sandbox.calls] == [(0, "fault: cut"), (0, "fault: cut_after")]


async def test_a_time_out_answers_nothing_and_then_closes(sandbox, call):
    sandbox.faults.add("sendMessage", "timeout", delay_s=0.3)
    with pytest.raises(aiohttp.ClientConnectionError):
        await call("sendMessage", chat_id=ALICE, text="x")
    sandbox.faults.add("sendMessage", "timeout")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await call("sendMessage", chat_id=ALICE, text="x")
    assert texts(sandbox) == []


async def test_a_slow_call_gets_the_usual_answer(sandbox, call):
    sandbox.faults.add("sendMessage", "slow", delay_s=0.3)
    started = time.monotonic()
    slow = asyncio.create_task(call("sendMessage", chat_id=ALICE, text="slow"))
    await sandbox.world.wait_for(lambda world: sandbox.calls)
    assert (await call("sendMessage", chat_id=ALICE, text="quick"))[0] == 200
    assert (await slow)[0] == 200
    assert time.monotonic() - started >= 0.3
    assert sorted(texts(sandbox)) == ["quick", "slow"]


async def test_downloads_fail_too(sandbox, call, http, picture):
    message = sandbox.world.send_photo(ALICE, ALICE, picture(1280, 960))
    _, answer = await call("getFile", file_id=message["photo"][-1]["file_id"])
    address = f"{sandbox.url}/file/bot{sandbox.token}/{answer['result']['file_path']}"
    sandbox.faults.add("download", "500")
    async with http.get(address) as response:
        assert response.status == 500
    sandbox.faults.add("download", "cut", times=2)  # aiohttp's client silently repeats a GET once
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.get(address)
    sandbox.faults.add("download", "cut_after")
    with pytest.raises(aiohttp.ClientPayloadError):
        async with http.get(address) as response:
            assert response.status == 200
            await response.read()
    async with http.get(address) as response:
        assert len(await response.read()) == answer["result"]["file_size"]
    assert [call.status for call in sandbox.calls if call.method == "download"] == [500, 0, 0, 0, 200]


async def test_a_fault_for_any_method_hits_the_next_call(sandbox, call):
    sandbox.faults.add(kind="500", times=2)
    assert [(await call(name))[0] for name in ("getMe", "getUpdates", "getMe")] == [500, 500, 200]


async def test_clear_removes_all_faults(sandbox, call):
    sandbox.faults.add("getMe", "500", times=None)
    assert [(await call("getMe"))[0] for _ in range(4)] == [500] * 4
    sandbox.faults.clear()
    assert (await call("getMe"))[0] == 200


def test_a_probability_draws_the_same_calls_for_the_same_seed():
    def drawn(seed):
        faults = FaultInjector()
        faults.add("sendMessage", "500", times=None, probability=0.3, seed=seed)
        return [faults.next_fault("sendMessage") is not None for _ in range(1000)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 200 < sum(drawn(1)) < 400


def test_an_unknown_kind_is_a_mistake():
    with pytest.raises(SandboxError, match="cut_after"):
        FaultInjector().add("sendMessage", "explode")
