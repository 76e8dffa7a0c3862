"""Webhook mode: only Telegram is let in, and an update is in the inbox before it is answered."""

import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from bot.telegram.webhook import SECRET_HEADER

SECRET = "a-long-random-word"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
async def webhook(stage_with: Callable[..., Any]) -> tuple[Any, str]:
    """A stage in webhook mode, and the address that Telegram calls."""
    listen = f"127.0.0.1:{free_port()}"
    url = f"http://{listen}/telegram"
    stage = await stage_with(
        telegram={"mode": "webhook", "webhook_url": url, "webhook_listen": listen, "webhook_secret": SECRET}
    )
    await stage.world.wait_for(lambda _: stage.calls("setWebhook"))
    return stage, url


async def post(url: str, **request: Any) -> int:
    async with aiohttp.ClientSession() as session, session.post(url, **request) as response:
        return response.status


async def test_updates_that_telegram_posts_are_answered(webhook):
    stage, _ = webhook
    joke = await stage.joke(stage.send_photo())
    assert await stage.press(joke, 0) == stage.words("rated", emoji="😂")
    assert not stage.calls("getUpdates")


@pytest.mark.parametrize(
    "headers",
    [{}, {SECRET_HEADER: "wrong"}, {SECRET_HEADER: ""}, {SECRET_HEADER: SECRET + "x"}, {SECRET_HEADER: "ünsinn"}],
)
async def test_a_call_without_the_secret_is_refused_and_leaves_nothing(webhook, headers):
    stage, url = webhook
    assert await post(url, json={"update_id": 5, "message": {}}, headers=headers) == 403
    assert await stage.value("SELECT count(*) FROM inbox") == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"{}", b'{"update_id": "5"}', b"\xff\xfe", b'{"update_id": true}']
)
async def test_a_body_that_is_no_update_is_refused(webhook, body):
    stage, url = webhook
    assert await post(url, data=body, headers={SECRET_HEADER: SECRET}) == 400
    assert await stage.value("SELECT count(*) FROM inbox") == 0


async def test_the_answer_comes_after_the_commit_and_a_repeated_update_does_nothing_twice(webhook):
    stage, url = webhook
    message = stage.world.send_text(stage.alice, stage.alice, "hello")
    await stage.answer(message)
    await stage.quiet()
    update_id = await stage.value("SELECT max(update_id) FROM inbox")
    update = {"update_id": update_id, "message": message}
    for _ in range(3):
        assert await post(url, json=update, headers={SECRET_HEADER: SECRET}) == 200
    assert await stage.value("SELECT count(*) FROM inbox") == 1
    await stage.quiet()
    assert len(stage.answers(message)) == 1
