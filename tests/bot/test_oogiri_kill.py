"""A round of Oogiri goes on after its bot was killed with SIGKILL in each of its states."""

import signal
from contextlib import AsyncExitStack

import pytest

from benchmarks.bot_process import bot_process
from bot.engine.stub.engine import StubEngine
from bot.sandbox.server import Sandbox
from storage.database import Database
from tests.bot.conftest import TOKEN, make_picture

VARIABLES = {
    "JOKEBOT_OOGIRI_COLLECT_MINUTES": "600",
    "JOKEBOT_OOGIRI_VOTE_MINUTES": "600",
    "JOKEBOT_LIMITS_GROUP_MESSAGES_PER_MIN": "60000",
    "JOKEBOT_LIMITS_CHAT_MESSAGES_PER_S": "1000",
}
TIMEOUT_S = 200


def callback_data(message):
    """The callback data of a message's buttons; the opening has a link too."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [key["callback_data"] for row in rows for key in row if "callback_data" in key]


class Play:
    """A group's round, whose bot process is killed and started again between its steps."""

    def __init__(self, sandbox, engine, folder):
        self.world, self._sandbox, self._engine, self._folder = sandbox.world, sandbox, engine, folder
        self.alice, self.bob, self.ming = list(self.world.users)[:3]
        self.group = self.world.group_id

    def bot(self):
        return bot_process(self._sandbox.url, self._engine.url, self._folder, TOKEN, VARIABLES)

    async def kill(self, process):
        process.send_signal(signal.SIGKILL)
        await process.wait()

    async def shown(self, test):
        def find(world):
            return next((message for message in reversed(world.messages(self.group)) if test(message)), None)

        return await self.world.wait_for(find, TIMEOUT_S)

    async def with_button(self, prefix):
        return await self.shown(lambda m: any(data.startswith(prefix) for data in callback_data(m)))

    async def press(self, message, data, person):
        query = self.world.press(person, self.group, message["message_id"], data)
        assert await self.world.wait_for_answer(query, TIMEOUT_S) is not None

    async def press_late(self, message, prefix, person):
        """Press a button while no bot runs: the press waits for the next one."""
        data = next(data for data in callback_data(message) if data.startswith(prefix))
        self.world.press(person, self.group, message["message_id"], data)

    async def value(self, sql):
        database = await Database.open(self._folder / "jokebot.sqlite3")
        try:
            return await database.value(sql)
        finally:
            await database.close()


@pytest.mark.timeout(1200)
async def test_a_killed_bots_round_goes_on_in_every_state(tmp_path):
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.running(port=0, token=TOKEN))
        engine = await stack.enter_async_context(StubEngine.running())
        play = Play(sandbox, engine, tmp_path / "data")
        async with play.bot() as process:
            photo = play.world.send_photo(play.bob, play.group, make_picture())
            play.world.send_text(play.alice, play.group, "/oogiri", photo["message_id"])
            opening = await play.with_button("e:")
            entry = play.world.send_text(play.bob, play.group, "Survivor", opening["message_id"])
            question = await play.with_button("p:")
            await play.press(question, callback_data(question)[0], play.bob)
            await play.shown(lambda m: m["message_id"] == opening["message_id"] and "One punchline" in m["text"])
            await play.kill(process)  # collecting
        sandbox.faults.add("sendMessage", "slow", times=1, delay_s=3.0)
        await play.press_late(opening, "e:", play.alice)
        async with play.bot() as process:
            await play.world.wait_for(lambda world: world.calls[-1].method == "sendMessage", TIMEOUT_S)
            await play.kill(process)  # closing: the ballot is on its way
        assert await play.value("SELECT state FROM rounds") == "closing"
        async with play.bot() as process:
            ballot = await play.with_button("o:")
            for _ in range(100):
                if await play.value("SELECT ballot_id FROM rounds") == ballot["message_id"]:
                    break
                ballot = await play.with_button("o:")
            line = next(line for line in ballot["text"].splitlines() if line.endswith("Survivor"))
            vote = next(data for data in callback_data(ballot) if data.endswith(f":{line.split('.')[0]}"))
            await play.press(ballot, vote, play.ming)
            await play.kill(process)  # voting
        assert await play.value("SELECT count(*) FROM round_votes") == 1
        sandbox.faults.add("sendMessage", "slow", times=1, delay_s=3.0)
        await play.press_late(ballot, "e:", play.alice)
        async with play.bot() as process:
            calls = len(sandbox.calls)
            await play.world.wait_for(
                lambda world: any(call.method == "sendMessage" for call in list(world.calls)[calls:]), TIMEOUT_S
            )
            await play.kill(process)  # scoring: the result is on its way
        assert await play.value("SELECT state FROM rounds") == "scoring"
        async with play.bot():
            await play.shown(
                lambda m: (
                    m.get("text", "").startswith("Survivor") and any(data.startswith("z:") for data in callback_data(m))
                )
            )
        results = [m for m in play.world.messages(play.group) if "🥇" in m.get("text", "")]
        assert 1 <= len(results) <= 2, "the message that was being sent may come twice"
        assert all("🥇 Survivor" in result["text"] for result in results) and entry
        assert await play.value("SELECT state || (SELECT count(*) FROM round_entries) FROM rounds") == "over2"
