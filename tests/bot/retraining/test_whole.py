"""From /retrain to a model in service, with the real pipeline on the demo model: export, XTuner, merge and gate."""

import io
import random

import pytest
from PIL import Image

from bot.engine.stub.engine import StubReply
from bot.sandbox.telegram_objects import FIRST_USER_ID
from configs.settings import ROOT, Settings
from storage.learning import models, runs
from tests.bot.conftest import make_picture
from tests.bot.retraining.test_retrain import say

TRAIN_PYTHON = Settings().environments.train_python
PHOTOS = 14
LEARNING = {
    "telegram": {"admins": [FIRST_USER_ID]},
    "model": {"name": "stub", "directory": ROOT / "configs/demo-model/checkpoint"},
    "retrain": {"cron": "", "start_at_new_pairs": 0, "min_pairs": 2},
    "selection": {"holdout_share": 0.4},
    "training": {
        "epochs": 1,
        "batch_size": 2,
        "accumulation": 1,
        "learning_rate": 1e-4,
        "lora_rank": 8,
        "lora_alpha": 16,
        "workers": 0,
    },
    "gate": {"replies_per_language": 4, "max_tokens": 24, "max_likelihood_drift": 100.0},
}


def blocks(number):
    """A picture that is no near duplicate of another one."""
    draw = random.Random(number)
    small = Image.new("RGB", (4, 4))
    small.putdata([tuple(draw.randrange(256) for _ in range(3)) for _ in range(16)])
    buffer = io.BytesIO()
    small.resize((320, 320), Image.Resampling.NEAREST).save(buffer, "JPEG")
    return buffer.getvalue()


async def seen(stage, found, patience_s=2100):
    """The newest message to the admin for which `found` is true."""
    return await stage.world.wait_for(
        lambda world: next((one for one in reversed(world.messages(stage.alice)) if found(one)), None), patience_s
    )


@pytest.mark.timeout(2400)
@pytest.mark.skipif(not TRAIN_PYTHON.exists(), reason="there is no train environment here; `make env-train` makes it")
async def test_a_run_from_the_chat_ends_in_a_model_that_takes_over_and_steps_back(stage_with):
    stage = await stage_with(
        script=[StubReply(f"Nobody ordered the {word}, yet here it is.") for word in "abcdefghijklmn"], **LEARNING
    )
    jokes = [
        await stage.joke(stage.send_photo(data=blocks(number), person=[stage.alice, stage.bob][number % 2]))
        for number in range(PHOTOS)
    ]
    for joke in jokes:
        await stage.press(joke, 0, person=joke["chat"]["id"])
    stage.engine.models = ["stub", "run-1"]
    question = await stage.joke(say(stage, "/retrain"))
    await stage.press(question, 0)
    message = await seen(stage, lambda one: one["from"]["is_bot"] and ("photo" in one or "⚠️" in one.get("text", "")))
    assert "photo" in message, message["text"]
    assert message["caption"].startswith("🧪"), message["caption"]
    candidate = (await runs.current_run(stage.app.database)).candidate_id
    sure = await stage.joke(say(stage, f"/promote {candidate}"))
    await stage.press(sure, 0)
    await seen(stage, lambda one: one.get("text", "").startswith(f"Model {candidate} is in service"))
    assert (await models.get_champion(stage.app.database)).id == candidate
    assert (await runs.list_runs(stage.app.database))[0].state == "promoted"
    answer = await stage.answer(say(stage, "/rollback"))
    assert answer["text"].startswith("Back to model 1 (stub)")
    await stage.joke(stage.send_photo(data=make_picture()))
