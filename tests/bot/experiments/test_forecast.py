"""Admins are told when a trial begins how long it takes and how likely a verdict is."""

import pytest

from bot.experiments.forecast import forecast, forecast_text
from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from bot.sandbox.telegram_objects import FIRST_USER_ID
from configs.trials import CanarySettings

FUNNY = 0


async def test_the_message_at_the_beginning_says_how_likely_a_verdict_is(chat_with):
    chat = await chat_with(telegram={"admins": [FIRST_USER_ID]})
    run = await chat.put_on_trial()
    await chat.trial(run)
    told = chat.stage.words("run-judged-canary", run=run.id, model=run.candidate_id)
    (message,) = await chat.stage.world.wait_for(
        lambda world: [
            message
            for message in world.messages(chat.stage.alice)
            if (message.get("text") or message.get("caption", "")).startswith(told)
        ],
        60,
    )
    assert chat.stage.words("trial-forecast-unknown") in (message.get("text") or message["caption"])


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_forecast_is_that_of_the_chats_pace(chat_with, language):
    chat = await chat_with()
    for _ in range(4):
        await chat.rate(FUNNY, FUNNY)
    database, settings = chat.stage.app.database, CanarySettings()
    per_day, trial = await forecast(database, settings)
    assert (per_day, trial.days, trial.ratings) == (4.0, 28.0, 112)
    text = await forecast_text(database, settings, Localizer(Translator(), language))
    assert all(number in text for number in ("4", "28", "10", f"{100 * trial.power:.0f}"))
