"""The webhook gets every update in order, with its secret, until it answers 2xx."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

ALICE = 1001


class Receiver:
    """A bot's webhook with configurable answers."""

    def __init__(self):
        self.statuses: list[int] = []
        self.received: asyncio.Queue = asyncio.Queue()

    async def handle(self, request):
        status = self.statuses.pop(0) if self.statuses else 200
        await self.received.put((status, await request.json(), request.headers.get("X-Telegram-Bot-Api-Secret-Token")))
        return web.Response(status=status)

    async def next(self):
        async with asyncio.timeout(60):
            return await self.received.get()


@pytest.fixture
async def receiver():
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


async def test_updates_are_posted_with_the_secret_and_confirmed(sandbox, call, receiver):
    sandbox.world.send_text(ALICE, ALICE, "before")
    assert await call("setWebhook", url=receiver.url, secret_token="s3cret_-") == (200, {"ok": True, "result": True})
    sandbox.world.send_text(ALICE, ALICE, "after")
    first, second = await receiver.next(), await receiver.next()
    assert [update["message"]["text"] for _, update, _ in (first, second)] == ["before", "after"]
    assert first[2] == second[2] == "s3cret_-"
    await sandbox.world.wait_for(lambda world: len(sandbox.updates) == 0)
    await call("deleteWebhook")
    assert (await call("getUpdates"))[1]["result"] == []


async def test_a_failed_delivery_is_repeated_and_reported(sandbox, call, receiver):
    receiver.statuses = [500, 403]
    await call("setWebhook", url=receiver.url)
    sandbox.world.send_text(ALICE, ALICE, "again")
    seen = [await receiver.next() for _ in range(3)]
    assert [status for status, _, _ in seen] == [500, 403, 200]
    assert len({update["update_id"] for _, update, _ in seen}) == 1
    assert "403" in (await call("getWebhookInfo"))[1]["result"]["last_error_message"]


async def test_an_unreachable_webhook_keeps_its_updates(sandbox, call):
    await call("setWebhook", url="http://127.0.0.1:9/hook")
    sandbox.world.send_text(ALICE, ALICE, "kept")
    await sandbox.world.wait_for(lambda world: sandbox.webhook.last_error)
    info = (await call("getWebhookInfo"))[1]["result"]
    assert info["pending_update_count"] == 1 and info["last_error_message"] == "Connection refused"
    assert await call("deleteWebhook", drop_pending_updates=True) == (200, {"ok": True, "result": True})
    assert (await call("getUpdates"))[1]["result"] == []


async def test_polling_is_refused_beside_a_webhook(sandbox, call, receiver):
    waiting = asyncio.create_task(call("getUpdates", timeout=50))
    await sandbox.world.wait_for(lambda world: sandbox.calls)
    await call("setWebhook", url=receiver.url)
    for status, answer in (await waiting, await call("getUpdates")):
        assert status == 409 and answer["description"].startswith(
            "Conflict: can't use getUpdates method while webhook is active"
        )


async def test_setting_a_webhook_can_drop_pending_updates(sandbox, call, receiver):
    sandbox.world.send_text(ALICE, ALICE, "old")
    await call("setWebhook", url=receiver.url, drop_pending_updates=True, allowed_updates=["message"])
    sandbox.world.send_text(ALICE, ALICE, "new")
    _, update, secret = await receiver.next()
    assert (update["message"]["text"], secret) == ("new", None)
    assert (await call("getWebhookInfo"))[1]["result"]["allowed_updates"] == ["message"]
