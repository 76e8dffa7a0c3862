"""The best of the week in the chats: opted in, once a week, never twice, and nobody who doesn't want to be shown."""

import asyncio
import time
from datetime import datetime

import pytest

from bot.chats.chat_settings import ChatSettingsStore
from bot.engine.stub.engine import StubReply
from bot.jokes.weekly_digest import DAYS, WeeklyDigest, latest_due
from bot.sandbox.groups import add_basic_group, upgrade
from configs.settings import DigestSettings
from storage.chat.consent import set_private
from tests.bot.handlers.test_settings import choose

FEW = {"rated": 3}
TEXTS = ("Fine.", "Great.", "Good.", "Poor.")


async def set_up(stage, chat, verdicts=((0, 1), (0, 0), (0, 1), (2, 2))):
    """Turn it on, and tell a joke about a photo of its own for each pair of verdicts, Alice's and Bob's."""
    await choose(stage, chat, "weekly", "on")
    jokes = []
    for number, given in enumerate(verdicts):
        joke = await stage.joke(stage.send_photo("/joke", chat=chat, data=make(number)))
        for person, place in zip((stage.alice, stage.bob), given, strict=True):
            await stage.press(joke, place, person=person)
        jokes.append(joke)
    await stage.quiet()
    return jokes


def make(number):
    from tests.bot.conftest import make_picture

    return make_picture((320 + 10 * number, 240), (40 * number, 30, 60))


def next_due(stage):
    """When it is due next, seconds since 1970."""
    return latest_due(stage.settings.digest, time.time() + 7 * 86400)


def shown(stage, chat):
    """The captions of the photos that the bot posted in a chat."""
    return [one["caption"] for one in stage.world.messages(chat) if one["from"]["is_bot"] and "photo" in one]


async def week_ago(stage, seconds=7200):
    """As if all that happened some hours ago."""
    async with stage.app.database.write() as connection:
        await connection.execute("UPDATE deliveries SET created_at = created_at - ?", (seconds,))
        await connection.execute("UPDATE chats SET weekly_since = weekly_since - ?", (seconds,))


def this_hour():
    """Settings by which the week was due at the beginning of this hour."""
    now = datetime.now()
    return {**FEW, "day": DAYS[now.weekday()], "hour": now.hour}


@pytest.fixture
async def stage(stage_with):
    return await stage_with(script=[StubReply(text) for text in TEXTS], digest=FEW)


async def test_the_photos_liked_most_are_shown_with_their_jokes_best_first_and_once(stage):
    await set_up(stage, stage.group)
    week, due = stage.part(WeeklyDigest), next_due(stage)
    await week.post_due(due - 1)
    assert shown(stage, stage.group) == []
    for later in (1, 61, 3600):
        await week.post_due(due + later)
    assert shown(stage, stage.group) == [
        stage.words("weekly-title") + "\n\n🥇 Great.\n😂 2",
        "🥈 Good.\n😂 1 · 🙂 1",
        "🥉 Fine.\n😂 1 · 🙂 1",
    ]
    sizes = [
        one["photo"][-1]["width"]
        for one in stage.world.messages(stage.group)
        if one["from"]["is_bot"] and "photo" in one
    ]
    assert sizes == [330, 340, 320]
    await week.post_due(due + 7 * 86400)  # nothing was told in that week
    assert len(shown(stage, stage.group)) == 3


async def test_where_nobody_asked_for_it_nothing_is_posted(stage):
    await set_up(stage, stage.group)
    await choose(stage, stage.group, "weekly", "off")
    await stage.part(WeeklyDigest).post_due(next_due(stage) + 1)
    assert shown(stage, stage.group) == []


async def test_a_week_with_few_rated_jokes_is_left_out(stage):
    await set_up(stage, stage.group, ((0, 0), (0, 0)))
    due = next_due(stage)
    await stage.part(WeeklyDigest).post_due(due + 1)
    assert shown(stage, stage.group) == []
    await stage.joke(stage.send_photo("/joke", chat=stage.group))
    await stage.part(WeeklyDigest).post_due(due + 3600)
    assert shown(stage, stage.group) == []


async def test_in_a_private_chat_ones_own_ratings_are_enough(stage):
    await choose(stage, stage.alice, "weekly", "on")
    for number, place in enumerate((0, 1, 2)):
        await stage.press(await stage.joke(stage.send_photo(data=make(number))), place)
    await stage.part(WeeklyDigest).post_due(next_due(stage) + 1)
    assert [caption.splitlines()[-2:] for caption in shown(stage, stage.alice)] == [
        ["🥇 Fine.", "😂 1"],
        ["🥈 Great.", "🙂 1"],
    ]


async def test_private_and_forgotten_people_blocked_jokes_and_photos_that_are_gone_are_left_out(stage_with):
    stage = await stage_with(
        script=[StubReply(text) for text in ("Ming's.", "Bad word.", "Gone.", "Left.")], digest=FEW
    )
    joke = await stage.joke(stage.send_photo("/joke", chat=stage.group, person=stage.ming, data=make(9)))
    await stage.press(joke, 0)
    await set_up(stage, stage.group, ((0, 0), (0, 0), (0, 0)))
    await set_private(stage.app.database, stage.ming, True)
    gone = await stage.value("SELECT sha256 FROM photos JOIN jokes ON photo_id = photos.id WHERE text = 'Gone.'")
    (stage.settings.storage.photos / gone[:2] / f"{gone}.jpg").unlink()
    stage.settings = stage.settings.model_copy(
        update={"safety": stage.settings.safety.model_copy(update={"blocked": ["bad word"]})}
    )
    await stage.restart()
    await stage.part(WeeklyDigest).post_due(next_due(stage) + 1)
    assert shown(stage, stage.group) == [stage.words("weekly-title") + "\n\n🥇 Left.\n😂 2"]


async def test_what_was_due_while_the_bot_was_down_is_posted_at_its_start_and_only_then(stage_with):
    stage = await stage_with(digest=this_hour())
    await set_up(stage, stage.group)
    await week_ago(stage)
    for _ in range(2):
        await stage.restart()
        await stage.world.wait_for(lambda _: len(shown(stage, stage.group)) == 3, 60)
    await stage.part(WeeklyDigest).post_due(time.time())
    assert len(shown(stage, stage.group)) == 3


async def test_what_is_a_day_late_is_left_out(stage):
    await set_up(stage, stage.group)
    due = next_due(stage)
    await stage.part(WeeklyDigest).post_due(due + 86400)
    assert shown(stage, stage.group) == []


async def test_a_bot_that_is_killed_while_it_posts_posts_nothing_twice(stage_with, monkeypatch):
    """The first picture is on its way when the process ends: it arrives, and the next process goes on with the
    second.
    """
    monkeypatch.setattr("bot.telegram.send_journal.GRACE_S", 0.0)
    gate = asyncio.Event()
    stage = await stage_with(script=[StubReply(text) for text in TEXTS], digest=this_hour())
    await set_up(stage, stage.group)
    await week_ago(stage)
    send = stage.sandbox._methods["sendphoto"]

    async def late(api, parameters):
        await gate.wait()
        return await send(api, parameters)

    monkeypatch.setitem(stage.sandbox._methods, "sendphoto", late)
    await stage.restart()
    await stage.world.wait_for(lambda _: stage.calls("sendPhoto"), 60)
    await stage.process.aclose()
    gate.set()
    await stage.world.wait_for(lambda _: shown(stage, stage.group), 60)
    await stage.restart()
    await stage.world.wait_for(lambda _: len(shown(stage, stage.group)) == 3, 60)
    assert sorted(caption.splitlines()[-2] for caption in shown(stage, stage.group)) == [
        "🥇 Great.",
        "🥈 Good.",
        "🥉 Fine.",
    ]
    assert len(stage.calls("sendPhoto")) == 3


async def test_a_group_that_became_a_supergroup_unnoticed_gets_its_week_there(stage):
    old = add_basic_group(stage.world, "Small circle", [stage.alice, stage.bob])
    await set_up(stage, old)
    put = stage.world.updates.put
    stage.world.updates.put = lambda kind, payload: None
    new = upgrade(stage.world, old)
    stage.world.updates.put = put
    await stage.part(WeeklyDigest).post_due(next_due(stage) + 1)
    assert len(shown(stage, new)) == 3 and "🥇 Great." in shown(stage, new)[0]
    assert stage.part(ChatSettingsStore).get(new).weekly_since is not None


async def test_who_has_shut_the_bot_out_gets_no_more_weeks(stage):
    await choose(stage, stage.alice, "weekly", "on")
    for number in range(3):
        await stage.press(await stage.joke(stage.send_photo(data=make(number))), 0)
    stage.world.block(stage.alice)
    await stage.part(WeeklyDigest).post_due(next_due(stage) + 1)
    assert len(stage.calls("sendPhoto")) == 1 and stage.part(ChatSettingsStore).get(stage.alice).weekly_since is None


async def test_a_photo_that_telegram_would_refuse_is_made_smaller_and_a_long_joke_is_cut(stage_with):
    from tests.bot.conftest import make_picture

    stage = await stage_with(answer=StubReply("😂" * 700), digest={"rated": 1})
    await choose(stage, stage.alice, "weekly", "on")
    await stage.press(await stage.joke(stage.send_photo(data=make_picture((9000, 1200)))), 0)
    await stage.part(WeeklyDigest).post_due(next_due(stage) + 1)
    (posted,) = [one for one in stage.world.messages(stage.alice) if one["from"]["is_bot"] and "photo" in one]
    assert posted["photo"][-1]["width"] <= 2560 and posted["caption"].endswith("…\n😂 1")
    assert len(posted["caption"].encode("utf-16-le")) // 2 <= 1024


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ((2026, 11, 22, 18), (2026, 11, 22, 18)),
        ((2026, 11, 22, 17, 59), (2026, 11, 15, 18)),
        ((2026, 11, 28, 23), (2026, 11, 22, 18)),
        ((2026, 11, 24, 12), (2026, 11, 22, 18)),
    ],
)
def test_it_is_due_on_the_day_and_at_the_hour_that_are_set(now, due):
    assert latest_due(DigestSettings(), datetime(*now).timestamp()) == datetime(*due).timestamp()
