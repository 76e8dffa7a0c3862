"""One message at a time is on its way without being known to have arrived, so a kill repeats one at most."""

import asyncio
from typing import Any

import pytest

from bot.telegram.rate_limiter import CallDropped, Priority, RateLimiter
from bot.telegram.send_journal import journal_replies, journal_sends
from configs.settings import LimitSettings
from storage.chat import inbox
from storage.database import Database
from tests.waiting import until


class Telegram:
    """Takes calls and keeps each until it is told to answer."""

    def __init__(self, **limits: int) -> None:
        self.outgoing = RateLimiter(LimitSettings(messages_per_s=100_000, chat_messages_per_s=100_000, **limits))
        self.under_way: dict[str, asyncio.Future[None]] = {}
        self.numbers = iter(range(501, 1000))

    def send(
        self, name: str, chat: int, priority: Priority = Priority.NORMAL, endpoint: str = "sendMessage"
    ) -> asyncio.Task[Any]:
        async def call() -> dict[str, int]:
            self.under_way[name] = asyncio.get_running_loop().create_future()
            try:
                await self.under_way[name]
            finally:
                del self.under_way[name]
            return {"message_id": next(self.numbers)}

        return asyncio.create_task(self.outgoing.process_request(call, (), {}, endpoint, {"chat_id": chat}, priority))

    def answer(self, name: str, error: Exception | None = None) -> None:
        self.under_way[name].set_exception(error) if error else self.under_way[name].set_result(None)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(tmp_path / "jokebot.sqlite3")
    yield database
    await database.close()


async def test_a_message_goes_when_the_one_before_is_written_down_jokes_first():
    telegram, noted, written = Telegram(), [], asyncio.Event()

    async def note(message_id: int) -> None:
        noted.append(message_id)
        await written.wait()

    with journal_sends(note):
        first = telegram.send("first", 1)
    await until(lambda: "first" in telegram.under_way)
    sends = [telegram.send("answer", 2), telegram.send("joke", 3, Priority.ESSENTIAL)]
    await settle()
    assert list(telegram.under_way) == ["first"]
    telegram.answer("first")
    await until(lambda: noted == [501])
    await settle()
    assert not telegram.under_way, "the next message went before the last was written down"
    written.set()
    await until(lambda: list(telegram.under_way) == ["joke"])
    telegram.answer("joke")
    await until(lambda: list(telegram.under_way) == ["answer"])
    telegram.answer("answer")
    await asyncio.gather(first, *sends)


async def test_edits_and_pressed_buttons_do_not_wait_for_messages_and_decoration_is_dropped():
    telegram = Telegram()
    telegram.send("message", 1)
    await until(lambda: "message" in telegram.under_way)
    telegram.send("edit", 2, endpoint="editMessageText")
    telegram.send("press", 3, endpoint="answerCallbackQuery")
    await until(lambda: len(telegram.under_way) == 3)
    with pytest.raises(CallDropped):
        await telegram.send("half a joke", 4, Priority.BEST_EFFORT)
    for name in list(telegram.under_way):
        telegram.answer(name)


async def test_a_message_that_fails_or_is_given_up_lets_the_next_one_go():
    telegram = Telegram()
    failing = telegram.send("failing", 1)
    await until(lambda: "failing" in telegram.under_way)
    second, third, fourth = (telegram.send(name, chat) for chat, name in enumerate(("second", "third", "fourth"), 2))
    await settle()
    telegram.answer("failing", ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await failing
    await until(lambda: list(telegram.under_way) == ["second"])
    third.cancel()
    second.cancel()
    await until(lambda: list(telegram.under_way) == ["fourth"])
    telegram.answer("fourth")
    await fourth


async def test_a_setting_lets_more_messages_go_at_once():
    telegram = Telegram(concurrent_sends=3)
    sends = [telegram.send(str(chat), chat) for chat in range(1, 6)]
    await until(lambda: len(telegram.under_way) == 3)
    await settle()
    assert list(telegram.under_way) == ["1", "2", "3"]
    for number in range(1, 6):
        await until(lambda number=number: str(number) in telegram.under_way)
        telegram.answer(str(number))
    await asyncio.gather(*sends)


async def test_replies_that_an_earlier_process_sent_are_not_sent_again(database):
    telegram = Telegram()
    await inbox.add_updates(database, [{"update_id": 7}])

    async def handle(sent: dict[int, int], *names: str) -> list[dict[str, Any]]:
        with journal_replies(database, 7, sent):
            return [await telegram.send(name, 1) for name in names]

    killed = asyncio.create_task(handle({}, "one", "two"))
    await until(lambda: "one" in telegram.under_way)
    telegram.answer("one")
    await until(lambda: "two" in telegram.under_way)
    killed.cancel()
    sent = (await inbox.get_progress(database, 7)).sent
    assert sent == {0: 501}
    again = asyncio.create_task(handle(sent, "one", "two"))
    await until(lambda: list(telegram.under_way) == ["two"])
    telegram.answer("two")
    assert [message["message_id"] for message in await again] == [501, 502]
    assert (await inbox.get_progress(database, 7)).sent == {0: 501, 1: 502}
    await inbox.mark_finished(database, 7)
    assert await database.value("SELECT sent FROM inbox") is None


async def test_a_reply_sent_before_a_kill_is_known_after_it_and_a_joke_is_sent_for_what_it_is(stage, monkeypatch):
    worth: list[tuple[str, Priority | None]] = []
    original = RateLimiter.process_request

    async def spy(self, callback, args, kwargs, endpoint, data, rate_limit_args):
        worth.append((endpoint, rate_limit_args))
        return await original(self, callback, args, kwargs, endpoint, data, rate_limit_args)

    monkeypatch.setattr(RateLimiter, "process_request", spy)
    await stage.joke(stage.send_photo())
    await stage.quiet()
    assert any(
        priority is Priority.ESSENTIAL and endpoint in ("sendMessage", "editMessageText")
        for endpoint, priority in worth
    )
    for priority in Priority:
        assert priority, "python-telegram-bot drops what is falsy"

    ended = asyncio.Event()

    async def unfinished(*_: object, **__: object) -> None:
        """As if the process was killed before it could finish the row."""
        ended.set()

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "mark_finished", unfinished)
        hello = stage.world.send_text(stage.bob, stage.bob, "hello")
        await stage.answer(hello)
        await asyncio.wait_for(ended.wait(), 60)
    await stage.restart()
    await stage.quiet()
    assert len(stage.answers(hello)) == 1
