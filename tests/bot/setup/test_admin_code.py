"""The user who sends the one-time code is found, and no update is taken from the bot."""

import asyncio

import pytest
from telegram.error import Conflict

from bot.sandbox.server import Sandbox
from bot.setup.admin_code import MOST_UPDATES, UpdateBacklog, make_code, sender_of, wait_for_code
from configs.settings import Settings

CODE = "ABCDEFGH2345"
TOKEN = "123456:AAHfiqksKZ8WmR2zSjiQ7v4TMAKdiHm9T0"


@pytest.fixture
async def sandbox():
    async with Sandbox.running(port=0, token=TOKEN) as sandbox:
        yield sandbox


def settings_for(sandbox: Sandbox) -> Settings:
    return Settings(telegram={"token": TOKEN, "base_url": sandbox.url})


def update(text: str = f"/start {CODE}", chat: str = "private", **user: object) -> dict[str, object]:
    return {"message": {"text": text, "chat": {"type": chat}, "from": {"id": 7, "first_name": "Al\x1b[2Jice", **user}}}


def test_codes_differ_and_fit_into_a_link():
    codes = {make_code() for _ in range(200)}
    assert len(codes) == 200 and all(code.isalnum() and code.isascii() and len(code) == 12 for code in codes)


@pytest.mark.parametrize(
    ("received", "found"),
    [
        (update(), True),
        (update(f"/start@jokebot_bot  {CODE} "), True),
        (update(CODE), False),
        (update("/start"), False),
        (update(f"/start {CODE[:-1]}"), False),
        (update(f"/start {CODE.lower()}"), False),
        (update(chat="supergroup"), False),
        (update(is_bot=True), False),
        (update(id=1087968824), False),
        ({"edited_message": update()["message"]}, False),
        ({"message": {"chat": {"type": "private"}, "photo": []}}, False),
        ({}, False),
    ],
)
def test_only_a_users_own_start_with_the_code_counts(received, found):
    sender = sender_of(received, CODE)
    assert (sender is not None) is found
    assert sender is None or (sender.id, sender.name) == (7, "Al[2Jice")


async def test_the_first_sender_is_greeted_and_the_bot_gets_all_updates(sandbox):
    alice, bob = list(sandbox.world.users)[:2]
    sandbox.world.send_text(bob, bob, "before")
    waiting = asyncio.create_task(wait_for_code(settings_for(sandbox), CODE, "You are the admin"))
    sandbox.world.send_text(bob, bob, "/start ABCDEFGH2346")
    await sandbox.world.wait_for(lambda _: any(call.method == "getUpdates" for call in sandbox.calls), 60)
    sandbox.world.send_text(alice, alice, f"/start {CODE}")
    sandbox.world.send_text(bob, bob, f"/start {CODE}")
    sender = await waiting
    assert sender and sender.id == alice and len(sandbox.world.updates) == 4
    assert sandbox.world.messages(alice)[-1]["text"] == "You are the admin"


async def test_a_code_expires_and_a_full_queue_and_a_webhook_are_told(sandbox):
    alice = next(iter(sandbox.world.users))
    assert await wait_for_code(settings_for(sandbox), CODE, "", 0.5) is None
    for number in range(MOST_UPDATES):
        sandbox.world.send_text(alice, alice, f"message {number}")
    with pytest.raises(UpdateBacklog):
        await wait_for_code(settings_for(sandbox), CODE, "")
    assert len(sandbox.world.updates) == MOST_UPDATES
    await sandbox.webhook.set("http://127.0.0.1:9/")
    with pytest.raises(Conflict, match="webhook"):
        await wait_for_code(settings_for(sandbox), CODE, "")
