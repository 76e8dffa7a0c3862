"""Rounds of Oogiri with a picture of the pack: at an hour of the day, and by /oogiri alone."""

import asyncio
import os
import time
from datetime import datetime
from unittest.mock import AsyncMock
from zoneinfo import ZoneInfo

import pytest
from telegram.error import TelegramError

from bot.chats.chat_settings import ChatSettingsStore
from bot.engine.stub.engine import StubRefusal
from bot.handlers import oogiri_schedule
from bot.handlers.oogiri_schedule import HOUR_S, OogiriSchedule, current_hours, request_id
from bot.messaging.messenger import Messenger
from bot.sandbox import groups
from bot.telegram.client import TelegramClient
from storage.chat import rounds
from tests.bot.conftest import make_picture
from tests.bot.handlers.test_oogiri import ballot_of, button, consenting, end, enter, shown

MINUTES = {"collect_minutes": 600, "vote_minutes": 600}
CREDIT = "📷 Red wall · Ann · CC0-1.0"


@pytest.fixture
def pack(tmp_path):
    """A folder with a red and a blue picture, and a file that is none."""
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "credits.csv").write_text(
        "file,title,author,licence\nred.jpg,Red wall,Ann,CC0-1.0\nblue.png,Blue wall,Bea,MIT\nbomb.jpg,Bomb,Eve,MIT\n"
    )
    (folder / "red.jpg").write_bytes(make_picture(colour=(200, 0, 0)))
    (folder / "blue.png").write_bytes(make_picture(colour=(0, 0, 200), kind="PNG"))
    (folder / "bomb.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return folder


@pytest.fixture
def play_with(stage_with, pack, monkeypatch):
    """Starts a stage with the pack, whose group has chosen the present hour yesterday. Only tests call `begin_due`."""
    monkeypatch.setattr(oogiri_schedule, "POLL_INTERVAL_S", 3600.0)

    async def start(**settings):
        answer = settings.pop("script", ())
        stage = await consenting(await stage_with(script=answer, oogiri={**MINUTES, "pack": str(pack), **settings}))
        await set_hour(stage)
        return stage

    return start


async def set_hour(stage, hour=None, since=0.0):
    now = datetime.now() if hour is None else None
    await stage.part(ChatSettingsStore).change(stage.group, oogiri_hour=now.hour if now else hour, oogiri_since=since)


async def begin_due(stage, now=None):
    await stage.part(OogiriSchedule).begin_due(time.time() if now is None else now)


def openings(stage, chat=None):
    return [message for message in stage.world.messages(chat or stage.group) if button(message, "e:")]


async def test_a_round_begins_at_the_groups_hour_with_a_picture_of_the_pack(play_with):
    stage = await play_with()
    await asyncio.gather(begin_due(stage), begin_due(stage))
    (opening,) = openings(stage)
    credits = ("📷 Red wall · Ann · CC0-1.0", "📷 Blue wall · Bea · MIT")
    assert opening["photo"] and opening["caption"].endswith(credits)
    assert opening["caption"].startswith(stage.words("oogiri-open", minutes=600, entries=0))
    await enter(stage, opening, "Bob's", stage.bob)
    counted = stage.words("oogiri-open", minutes=600, entries=1)
    await shown(stage, lambda m: m.get("caption", "").startswith(counted) and m["caption"].endswith(credits))
    groups.promote(stage.world, stage.group, stage.alice)
    ballot = await ballot_of(stage, opening)
    await stage.press_data(ballot, button(ballot, "o:"), person=stage.ming)
    await end(stage, ballot)
    await shown(stage, lambda m: m.get("text", "").startswith(stage.words("oogiri-result", voted="yes").split("\n")[0]))
    await begin_due(stage)
    assert await stage.value("SELECT count(*) FROM rounds") == 1, "one round an hour"
    sql = "SELECT (SELECT count(*) FROM photo_senders), licence FROM rounds JOIN photo_credits USING (photo_id)"
    row = await stage.app.database.row(sql)
    assert row[0] == 0 and row[1] in ("CC0-1.0", "MIT")


async def test_pictures_take_turns_and_files_that_are_none_are_skipped(play_with):
    stage = await play_with()
    seen = []
    for number in range(4):
        stage.world.send_text(stage.alice, stage.group, "/oogiri")
        await stage.world.wait_for(lambda _, wanted=number + 1: len(openings(stage)) + len(seen) >= wanted, 60)
        await stage.quiet()
        opening = openings(stage)[-1]
        seen.append(opening["caption"].splitlines()[-1])
        await end(stage, opening)
        await stage.quiet()
        await stage.world.wait_for(lambda _: not openings(stage), 60)
    assert seen[0] != seen[1] and seen[0:2] == seen[2:4]
    points = stage.world.send_text(stage.alice, stage.group, "/oogiri points")
    assert (await stage.answer(points))["text"].startswith(stage.words("oogiri-what-pack"))


async def test_a_restart_between_the_rounds_row_and_its_opening_sends_it_once(play_with, monkeypatch):
    stage = await play_with()
    with monkeypatch.context() as patch:
        patch.setattr(Messenger, "_post", AsyncMock(side_effect=TelegramError("the process is killed here")))
        await begin_due(stage)
        assert await stage.value("SELECT count(*) FROM rounds WHERE message_id IS NULL") == 1 and not openings(stage)
        await stage.process.aclose()
    await stage.restart()
    opening = await shown(stage, lambda m: button(m, "e:"))
    await begin_due(stage)
    assert len(openings(stage)) == 1 and await stage.value("SELECT count(*) FROM rounds") == 1
    for _ in range(600):
        if await stage.value("SELECT message_id FROM rounds") == opening["message_id"]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the opening's message is not recorded")


async def test_no_round_for_others_hours_for_choices_of_this_hour_or_during_a_round(play_with):
    stage = await play_with()
    await set_hour(stage, (datetime.now().hour + 2) % 24)
    await begin_due(stage)
    await set_hour(stage, since=time.time())
    await begin_due(stage)
    await set_hour(stage, -1)
    await begin_due(stage)
    assert await stage.value("SELECT count(*) FROM rounds") == 0
    await set_hour(stage)
    photo = stage.send_photo(person=stage.bob, chat=stage.group)
    stage.world.send_text(stage.bob, stage.group, "/oogiri", photo["message_id"])
    await shown(stage, lambda m: button(m, "e:"))
    await begin_due(stage)
    assert await stage.value("SELECT count(*) FROM rounds") == 1
    assert await stage.value("SELECT count(*) FROM jokes") == 1, "no entry is written in vain"


@pytest.mark.parametrize("reason", ["muted", "left", "unknown"])
async def test_where_the_bot_may_not_write_nothing_begins(play_with, reason, monkeypatch):
    stage = await play_with()
    if reason == "muted":
        stage.world.chats[stage.group].muted = True
    elif reason == "left":
        stage.world.chats[stage.group].left = True
    else:
        monkeypatch.setattr(TelegramClient, "get_chat_member", AsyncMock(side_effect=TelegramError("unknown")))
    await begin_due(stage)
    assert await stage.value("SELECT count(*) FROM jokes") == 0 and not openings(stage)


async def test_a_group_in_which_nobody_plays_is_told_once_and_left_alone(play_with):
    stage = await play_with(unplayed_rounds=2)
    for _ in range(2):
        await begin_due(stage)
        await end(stage, openings(stage)[-1], await admin(stage))
        await stage.quiet()
        await age(stage)
    told = stage.words("oogiri-paused", rounds=2)
    for _ in range(3):
        await begin_due(stage)
        await stage.restart()
    messages = [message.get("text") for message in stage.world.messages(stage.group)]
    assert messages.count(told) == 1 and not openings(stage)
    photo = stage.send_photo(person=stage.bob, chat=stage.group)
    stage.world.send_text(stage.bob, stage.group, "/oogiri", photo["message_id"])
    opening = await shown(stage, lambda m: button(m, "e:"))
    await enter(stage, opening, "A user plays", stage.bob)
    await end(stage, await ballot_of(stage, opening), stage.alice)
    await stage.quiet()
    await age(stage)
    await begin_due(stage)
    assert len(openings(stage)) == 1, "rounds go on once a user has played"


async def admin(stage):
    groups.promote(stage.world, stage.group, stage.alice)
    return stage.alice


async def age(stage):
    """Make all rounds two hours older; the schedule's numbers count hours."""
    async with stage.app.database.write() as connection:
        await connection.execute("UPDATE rounds SET created_at = created_at - 7200, update_id = update_id + 2")


async def test_a_model_that_is_down_is_asked_again_within_the_hour(play_with):
    stage = await play_with(script=[StubRefusal(400)])
    await begin_due(stage)
    assert not openings(stage) and await stage.value("SELECT count(*) FROM rounds") == 0
    await begin_due(stage)
    assert len(openings(stage)) == 1


async def test_the_default_hour_is_for_active_groups_that_chose_nothing(play_with):
    stage = await play_with(hour=datetime.now().hour)
    await stage.part(ChatSettingsStore).change(stage.group, oogiri_hour=None)
    await begin_due(stage)
    assert not openings(stage), "nothing has happened in the group yet"
    await stage.joke(stage.send_photo("/joke", chat=stage.group))
    await stage.quiet()
    await begin_due(stage)
    assert len(openings(stage)) == 1


async def test_without_a_usable_pack_the_bot_says_so_and_takes_photos(play_with, pack):
    stage = await play_with()
    (pack / "credits.csv").unlink()
    await begin_due(stage)
    asked = stage.world.send_text(stage.alice, stage.group, "/oogiri")
    assert (await stage.answer(asked))["text"] == stage.words("oogiri-no-picture")
    photo = stage.send_photo(person=stage.bob, chat=stage.group)
    stage.world.send_text(stage.bob, stage.group, "/oogiri", photo["message_id"])
    opening = await shown(stage, lambda m: button(m, "e:"))
    assert "text" in opening, "the opening quotes the users' photo"


@pytest.fixture
def in_zone():
    """Sets this process's time zone."""
    before = os.environ.get("TZ")

    def change(name):
        os.environ["TZ"] = name
        time.tzset()

    yield change
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "moment", "fold", "begun", "hours"),
    [
        ("Asia/Shanghai", (2026, 11, 30, 20, 40), 0, (2026, 11, 30, 20, 0), (20,)),
        ("Asia/Kathmandu", (2026, 11, 30, 0, 5), 0, (2026, 11, 30, 0, 0), (0,)),
        ("Europe/Berlin", (2026, 3, 29, 3, 10), 0, (2026, 3, 29, 3, 0), (2, 3)),
        ("Europe/Berlin", (2026, 3, 29, 4, 10), 0, (2026, 3, 29, 4, 0), (4,)),
        ("Europe/Berlin", (2026, 10, 25, 2, 10), 0, (2026, 10, 25, 2, 0), (2,)),
        ("Europe/Berlin", (2026, 10, 25, 3, 10), 0, (2026, 10, 25, 3, 0), (3,)),
        ("America/Santiago", (2026, 9, 6, 1, 10), 0, (2026, 9, 6, 1, 0), (0, 1)),
    ],
)
def test_hours_are_those_of_this_machines_zone(in_zone, zone, moment, fold, begun, hours):
    in_zone(zone)
    here = ZoneInfo(zone)
    now = datetime(*moment, fold=fold, tzinfo=here).timestamp()
    assert current_hours(now) == (datetime(*begun, tzinfo=here).timestamp(), hours)


def test_of_an_hour_that_comes_twice_the_first_one_counts(in_zone):
    in_zone("Europe/Berlin")
    second = datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    due, hours = current_hours(second)
    assert hours == (2,) and second - due == HOUR_S + 600


def test_requests_of_the_schedule_differ_by_chat_and_hour():
    ids = {request_id(chat, hour * HOUR_S) for chat in (-1_001_234_567_890, -4001) for hour in (490_000, 490_001)}
    assert len(ids) == 4 and all(-(2**63) < number < 0 for number in ids)


async def test_a_round_moves_with_its_group_into_a_supergroup(play_with):
    stage = await play_with()
    old = groups.add_basic_group(stage.world, "Small circle", [stage.alice, stage.bob, stage.ming])
    photo = stage.send_photo(person=stage.bob, chat=old)
    stage.world.send_text(stage.alice, old, "/oogiri", photo["message_id"])
    opening = await shown(stage, lambda m: button(m, "e:"), old)
    await enter_in(stage, old, opening, "Before", stage.bob)
    new = groups.upgrade(stage.world, old)
    again = await shown(stage, lambda m: button(m, "e:"), new)
    assert again["photo"], "the photo's message is in the former chat, so it is shown again"
    await enter_in(stage, new, again, "After", stage.ming)
    await end(stage, again)
    ballot = await shown(stage, lambda m: button(m, "o:"), new)
    assert "Before" in ballot["text"] and "After" in ballot["text"]
    await stage.press_data(ballot, button(ballot, "o:"), person=stage.alice)
    await end(stage, ballot)
    await shown(stage, lambda m: "🥇" in m.get("text", ""), new)
    assert await stage.value("SELECT chat_id || state FROM rounds") == f"{new}over"


async def enter_in(stage, chat, opening, text, person):
    stage.world.send_text(person, chat, text, opening["message_id"])
    await stage.quiet()


async def test_a_ballot_moves_too_with_the_votes_given_so_far(play_with):
    stage = await play_with()
    old = groups.add_basic_group(stage.world, "Small circle", [stage.alice, stage.bob, stage.ming])
    stage.world.send_text(stage.alice, old, "/oogiri")
    opening = await shown(stage, lambda m: button(m, "e:"), old)
    await enter_in(stage, old, opening, "Mine", stage.bob)
    await end(stage, opening)
    ballot = await shown(stage, lambda m: button(m, "o:"), old)
    vote = next(data for data in callbacks(ballot) if line_of(ballot, data).endswith("Mine"))
    await stage.press_data(ballot, vote, person=stage.ming)
    new = groups.upgrade(stage.world, old)
    moved = await shown(stage, lambda m: button(m, "o:"), new)
    assert callbacks(moved) == callbacks(ballot) and line_of(moved, vote) == line_of(ballot, vote)
    await end(stage, moved)
    result = await shown(stage, lambda m: "🥇" in m.get("text", ""), new)
    assert result["text"].split("🥇 ")[1].startswith("Mine")


def callbacks(message):
    rows = message["reply_markup"]["inline_keyboard"]
    return [key["callback_data"] for row in rows for key in row if key["callback_data"].startswith("o:")]


def line_of(ballot, data):
    number = data.split(":")[2]
    return next(line for line in ballot["text"].splitlines() if line.startswith(f"{number}. "))


async def test_a_rounds_quota_is_the_days(play_with):
    stage = await play_with(rounds_per_day=1)
    await begin_due(stage)
    await end(stage, openings(stage)[0], await admin(stage))
    await stage.quiet()
    assert await rounds.count_rounds(stage.app.database, stage.group, 0.0) == 1
    await age(stage)
    await begin_due(stage)
    assert await stage.value("SELECT count(*) FROM rounds") == 1
