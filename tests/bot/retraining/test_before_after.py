"""The pages of a run's jokes before and after, under its outcome in an admin's chat."""

import io

from PIL import Image

from storage.learning import promotion
from tests.bot.retraining.conftest import judged_run
from tests.bot.retraining.test_run_notifier import MEASURES, write_results


def gallery_of(count: int) -> list[dict[str, str]]:
    return [
        {"photo": "images/a.jpg", "language": "en", "champion": f"Old {number}.", "candidate": f"New {number}."}
        for number in range(count)
    ]


async def outcome(stage, run):
    """The message with the outcome's picture."""
    end = stage.words("run-ended-undecided", run=run.id)
    return await stage.world.wait_for(
        lambda world: next((one for one in world.messages(stage.alice) if end in one.get("caption", "")), None), 60
    )


def labels(message):
    return [button["text"] for row in message["reply_markup"]["inline_keyboard"] for button in row]


def size(stage, message):
    return Image.open(io.BytesIO(stage.world.files.get(message["photo"][-1]["file_id"]).data)).size


async def turn(stage, message, index):
    """Press a button; the message once its picture has changed."""
    before = message["photo"][-1]["file_id"]
    await stage.press(message, index)

    def changed(world):
        now = world.message(stage.alice, message["message_id"])
        return now if now["photo"][-1]["file_id"] != before else None

    return await stage.world.wait_for(changed, 60)


async def test_all_jokes_before_and_after_are_pages_under_the_outcome(admins_stage, tmp_path, picture):
    stage = admins_stage
    write_results(tmp_path / "data", 1, picture)
    run = await judged_run(stage.app.database, "undecided", measures=MEASURES, codes=["few"], gallery=gallery_of(6))
    card = await outcome(stage, run)
    assert labels(card) == [stage.words("before-after-open", jokes=6)]
    first = await turn(stage, card, 0)
    assert labels(first) == ["◀", "▶"] and first["caption"] == card["caption"]
    second = await turn(stage, first, 1)
    assert labels(second) == ["◀"] and size(stage, second)[1] < size(stage, first)[1]  # two jokes after four
    again = await turn(stage, await turn(stage, second, 0), 0)
    assert labels(again) == labels(card) and size(stage, again) == size(stage, card)


async def test_pages_that_are_gone_and_other_users_presses_are_refused(admins_stage, tmp_path, picture):
    stage = admins_stage
    write_results(tmp_path / "data", 1, picture)
    run = await judged_run(stage.app.database, "undecided", measures=MEASURES, codes=["few"], gallery=gallery_of(1))
    card = await outcome(stage, run)
    for data in (f"k:{run.id}:2", "k:99:1"):
        answer = await stage.press_data(card, data, forged=True)
        assert answer == stage.words("before-after-gone")
    bobs = await stage.answer(stage.world.send_text(stage.bob, stage.bob, "/help"))
    refused = await stage.press_data(bobs, f"k:{run.id}:1", person=stage.bob, forged=True)
    assert refused == stage.words("button-unknown") and "photo" not in stage.world.message(
        stage.bob, bobs["message_id"]
    )


async def test_a_run_without_jokes_has_no_button(admins_stage):
    stage = admins_stage
    run = await judged_run(stage.app.database, "undecided", measures={}, codes=["nothing"], gallery=[])
    end = stage.words("run-ended-undecided", run=run.id)
    message = await stage.world.wait_for(
        lambda world: next((one for one in world.messages(stage.alice) if end in one.get("text", "")), None), 60
    )
    assert "reply_markup" not in message
    assert await promotion.get_previous_champion(stage.app.database) is None
