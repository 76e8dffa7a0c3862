"""python-telegram-bot's calls through aiohttp: what arrives, and what each failure becomes."""

from contextlib import AsyncExitStack

import pytest
from telegram import Bot
from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter, TimedOut
from telegram.request import BaseRequest

from bot.sandbox.server import Sandbox
from bot.telegram.http import AiohttpRequest
from bot.telegram.rate_limiter import retry_after_seconds


@pytest.fixture
async def sandbox():
    async with Sandbox.running(port=0) as sandbox:
        yield sandbox


@pytest.fixture
async def http_with():
    """Requests with a time limit."""
    async with AsyncExitStack() as stack:

        async def make(timeout_s: float) -> AiohttpRequest:
            return await stack.enter_async_context(AiohttpRequest(4, timeout_s))

        yield make


@pytest.fixture
async def http(http_with):
    return await http_with(60.0)


@pytest.fixture
async def bot(sandbox, http):
    return bot_on(sandbox, http)


def bot_on(sandbox: Sandbox, http: AiohttpRequest) -> Bot:
    return Bot(
        sandbox.token,
        base_url=f"{sandbox.url}/bot",
        base_file_url=f"{sandbox.url}/file/bot",
        request=http,
        get_updates_request=http,
    )


async def test_text_arrives_unharmed(sandbox, bot):
    chat, text = next(iter(sandbox.world.users)), 'ümläut & 100% + 😂 = "x"\nline'
    message = await bot.send_message(chat, text)
    assert sandbox.world.message(chat, message.message_id)["text"] == text


async def test_files_go_and_come_unharmed(sandbox, bot, picture):
    chat, data = next(iter(sandbox.world.users)), picture((640, 480))
    message = await bot.send_photo(chat, data, caption="Ünique", filename="p.jpg")
    file = await bot.get_file(message.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == data
    assert message.caption == "Ünique"


@pytest.mark.parametrize(
    ("kind", "error"), [("429", RetryAfter), ("500", NetworkError), ("502", NetworkError), ("cut", NetworkError)]
)
async def test_each_failure_becomes_the_error_that_is_expected(sandbox, bot, kind, error):
    sandbox.faults.add("getMe", kind)
    with pytest.raises(error) as caught:
        await bot.get_me()
    assert sandbox.token not in str(caught.value)
    await bot.get_me()


async def test_an_answer_that_does_not_come_is_timed_out(sandbox, bot, http_with):
    sandbox.faults.add("getMe", "timeout")
    with pytest.raises(TimedOut) as caught:
        await bot_on(sandbox, await http_with(0.5)).get_me()
    assert sandbox.token not in str(caught.value)
    await bot.get_me()


async def test_a_429_says_how_long_to_wait(sandbox, bot):
    sandbox.faults.add("getMe", "429", retry_after=7)
    with pytest.raises(RetryAfter) as caught:
        await bot.get_me()
    assert retry_after_seconds(caught.value) == 7.0


async def test_what_telegram_refuses_is_a_bad_request(bot):
    with pytest.raises(BadRequest, match="(?i)chat not found"):
        await bot.send_message(424242, "hello")


async def test_a_file_that_is_not_there_is_said_so(sandbox, http):
    with pytest.raises(InvalidToken):
        await http.retrieve(f"{sandbox.url}/file/bot{sandbox.token}/photos/none.jpg")


async def test_a_server_that_is_not_there_is_a_network_error(http):
    with pytest.raises(NetworkError):
        await http.retrieve("http://127.0.0.1:9/")


async def test_it_is_a_request_of_python_telegram_bot_with_its_own_time_limit(http):
    assert isinstance(http, BaseRequest)
    assert http.read_timeout == 60.0
