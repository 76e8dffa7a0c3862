"""The demo's scripted players: a newcomer plays a round of Oogiri alone, in English and in Chinese."""

import asyncio
from contextlib import suppress

import aiohttp
import pytest

from bot.demo.player_lines import ANY, LINES, line_for
from bot.demo.players import NAMES, TITLES, ScriptedPlayers, decoded
from bot.demo.samples import write_pack
from bot.handlers.callback_data import EndRoundButton, PublishButton, VoteButton
from configs.settings import Settings
from storage.media.picture_pack import PicturePack

TIMEOUT_S = 120


@pytest.fixture
async def play_with(stage_with, tmp_path):
    """A stage with the demo's pack and fast players."""
    stage = await stage_with(
        oogiri={"collect_minutes": 600, "vote_minutes": 600, "pack": str(write_pack(Settings(), tmp_path))}
    )
    async with aiohttp.ClientSession(stage.sandbox.url) as session:
        playing = asyncio.create_task(ScriptedPlayers(session, pace=0.01).play())
        yield stage
        playing.cancel()
        with suppress(asyncio.CancelledError):
            await playing


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_newcomer_plays_a_round_alone(play_with, language):
    stage, newcomer = play_with, play_with.alice if language == "en" else play_with.ming
    group = await wait(
        stage, lambda world: next((c.id for c in world.chats.values() if c.title == TITLES[language]), 0)
    )
    stage.world.send_text(newcomer, group, "/oogiri")
    opening = await shown(stage, group, EndRoundButton)
    stage.world.send_text(newcomer, group, "Mine", opening["message_id"])
    question = await wait(
        stage,
        lambda world: next(
            (
                m
                for m in world.messages(group)
                if decoded(m, PublishButton) and m["reply_to_message"]["from"]["id"] == newcomer
            ),
            None,
        ),
    )
    await stage.press_data(question, decoded(question, PublishButton)[0], person=newcomer)
    counted = stage.words("oogiri-open", language, minutes=600, entries=3)
    await wait(stage, lambda world: world.message(group, opening["message_id"])["caption"].startswith(counted))
    await stage.press_data(opening, decoded(opening, EndRoundButton)[0], person=newcomer)
    ballot = await shown(stage, group, VoteButton)
    for number in (0, 1):
        assert line_for(opening["caption"], language, number) in ballot["text"]
    await votes_of(stage, 2)
    await stage.press_data(ballot, decoded(ballot, EndRoundButton)[0], person=newcomer)
    result = await wait(
        stage, lambda world: next((m for m in world.messages(group) if NAMES[language][0] in m.get("text", "")), None)
    )
    assert NAMES[language][1] in result["text"] and "🥇" in result["text"]
    own = "SELECT count(*) FROM round_votes JOIN jokes ON jokes.id = joke_id WHERE model_id IS NULL AND "
    assert await stage.value(f"{own} jokes.person_id = round_votes.person_id") == 0


async def wait(stage, condition):
    return await stage.world.wait_for(condition, TIMEOUT_S)


async def shown(stage, group, kind):
    return await wait(stage, lambda world: next((m for m in world.messages(group) if decoded(m, kind)), None))


async def votes_of(stage, voters):
    for _ in range(20 * TIMEOUT_S):
        if await stage.value("SELECT count(DISTINCT person_id) FROM round_votes") == voters:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the players don't vote")


def test_there_are_punchlines_for_each_picture_of_the_demo(tmp_path):
    pack = PicturePack(write_pack(Settings(), tmp_path))
    assert {picture.title for picture in pack.pictures} == LINES["en"].keys() == LINES["zh"].keys()
    written = [
        line for lines in (LINES, {"": ANY}) for each in lines.values() for pair in each.values() for line in pair
    ]
    assert len(set(written)) == len(written)
    assert line_for("📷 Something else · CC0", "en", 1) == ANY["en"][1]
