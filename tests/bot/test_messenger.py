"""Messages through the messenger, to the sandbox."""

import logging

from telegram import User

from bot.messaging.admin_notifier import AdminNotifier
from bot.messaging.messenger import Messenger
from bot.telegram.text import TEXT_UNITS, truncate_for_telegram

ADMINS = {"telegram": {"admins": [1001, 1003]}}


def said(stage, chat):
    return [one["text"] for one in stage.world.messages(chat) if one["from"]["is_bot"]]


async def test_a_message_that_is_gone_can_not_be_edited(stage, caplog):
    messenger = stage.part(Messenger)
    message_id = await messenger.send(stage.alice, "first")
    assert await messenger.edit(stage.alice, message_id, "second")
    assert await messenger.edit(stage.alice, message_id, "second"), "an unchanged message is as it should be"
    assert said(stage, stage.alice) == ["second"]
    with caplog.at_level(logging.INFO):
        assert not await messenger.edit(stage.alice, message_id + 100, "third")
    assert "can't be edited" in caplog.text


async def test_a_text_is_said_in_the_users_language(stage):
    messenger = stage.part(Messenger)
    for code in ("en", "zh"):
        user = User(stage.bob, "Bob", False, language_code=code)
        assert messenger.text(user, "say-photo") == stage.words("say-photo", code)


async def test_too_long_a_text_is_cut_between_characters(stage):
    messenger = stage.part(Messenger)
    await messenger.send(stage.alice, "😂" * TEXT_UNITS)
    assert said(stage, stage.alice) == [truncate_for_telegram("😂" * TEXT_UNITS)]
    assert len(said(stage, stage.alice)[0].encode("utf-16-le")) // 2 <= TEXT_UNITS


async def test_each_admin_is_told_and_noted_once(stage_with):
    stage, noted = await stage_with(**ADMINS), []

    async def note(admin_id: int) -> None:
        noted.append(admin_id)

    notifier = stage.part(AdminNotifier)
    assert await notifier.notify("say-photo", note=note) == []
    assert noted == [1001, 1003]
    assert await notifier.notify("say-photo", except_for=[1001], note=note) == []
    assert noted == [1001, 1003, 1003]
    assert (len(said(stage, 1001)), len(said(stage, 1003))) == (1, 2)
