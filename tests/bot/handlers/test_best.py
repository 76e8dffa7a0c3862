"""/best is what a chat laughed at most, /mine is one's own: each joke under its photo, one at a time."""

from bot.engine.stub.engine import StubReply
from bot.messaging.stored_photos import StoredPhotoSender
from storage.media.photos import photo_file
from tests.bot.conftest import callback_data

COLOURS = ((200, 30, 60), (30, 200, 60), (30, 60, 200))


async def say(stage, command, person, chat=None):
    """The answer, once its update is finished."""
    message = await stage.answer(stage.world.send_text(person, chat or person, command))
    await stage.quiet()
    return message


async def words(stage, command, person, chat=None):
    """The text or the caption of the answer."""
    message = await say(stage, command, person, chat)
    return message.get("text") or message["caption"]


def labels(message):
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


async def turn(stage, message, label, person=None):
    """Press a button by its label; returns the message as it is then, and the bot's answer."""
    current = stage.world.message(message["chat"]["id"], message["message_id"])
    answer = await stage.press(current, labels(current).index(label), person=person)
    await stage.quiet()
    return stage.world.message(message["chat"]["id"], message["message_id"]), answer


def picture_of(stage, message):
    return stage.world.files.get(message["photo"][-1]["file_id"]).data


async def three_of_mine(stage_with, picture):
    """Three jokes about three photos, 3 being the newest, and the photos."""
    stage = await stage_with(script=[StubReply(f"Joke {number}.") for number in (1, 2, 3)])
    photos = [picture(colour=colour) for colour in COLOURS]
    for photo in photos:
        await stage.joke(stage.send_photo(data=photo))
    await stage.quiet()
    return stage, photos


async def stored_file(stage, number):
    sha256 = await stage.value("SELECT sha256 FROM photos WHERE id = ?", number)
    return photo_file(stage.settings.storage.photos, sha256)


async def test_the_best_of_a_group_is_what_was_told_there(stage_with):
    stage = await stage_with(
        script=[StubReply("Elsewhere."), StubReply("Loved."), StubReply("Liked by one."), StubReply("Disliked.")]
    )
    alice, bob, ming, group = stage.alice, stage.bob, stage.ming, stage.group
    assert await words(stage, "/best", alice, group) == stage.words("best-none")
    await stage.press(await stage.joke(stage.send_photo()), 0)
    jokes = [await stage.joke(stage.send_photo("/joke", chat=group)) for _ in range(3)]
    for joke, verdicts in zip(jokes, ({alice: 0, bob: 1, ming: 0}, {alice: 0}, {alice: 2, bob: 2}), strict=True):
        for person, place in verdicts.items():
            await stage.press(joke, place, person=person)
    await stage.quiet()
    best = await say(stage, "/best", ming, group)
    assert best["caption"] == stage.words("best-title", "zh") + "\n\nLoved.\n😂 2 · 🙂 1"
    assert labels(best) == []
    assert await words(stage, "/best", alice) == stage.words("best-title") + "\n\nElsewhere.\n😂 1"
    assert await words(stage, "/best", bob) == stage.words("best-none")


async def test_mine_are_my_own_and_in_a_group_only_those_told_there(stage_with):
    stage = await stage_with(script=[StubReply("First."), StubReply("Bob's."), StubReply("In the group.")])
    assert await words(stage, "/mine", stage.alice) == stage.words("mine-none")
    await stage.joke(stage.send_photo())
    await stage.joke(stage.send_photo(person=stage.bob))
    joke = await stage.joke(stage.send_photo("/joke", chat=stage.group))
    await stage.press(joke, 1, person=stage.bob)
    await stage.quiet()
    title = stage.words("mine-title")
    mine = await say(stage, "/mine", stage.alice)
    assert mine["caption"] == f"{title}\n\nIn the group.\n🙂 1" and labels(mine) == ["◀️", "1 / 2", "▶️"]
    older, _ = await turn(stage, mine, "▶️")
    assert older["caption"] == f"{title}\n\nFirst."
    there = await say(stage, "/mine", stage.alice, stage.group)
    assert there["caption"] == f"{title}\n\nIn the group.\n🙂 1" and labels(there) == []
    assert await words(stage, "/mine", stage.bob, stage.group) == stage.words("mine-none")


async def test_each_joke_stands_under_its_photo_and_the_arrows_go_around(stage_with, picture):
    stage, photos = await three_of_mine(stage_with, picture)
    mine = await say(stage, "/mine", stage.alice)
    seen = [mine]
    for label in ("▶️", "▶️", "▶️", "◀️"):
        seen.append((await turn(stage, mine, label))[0])
    assert [message["caption"].splitlines()[2] for message in seen] == [f"Joke {n}." for n in (3, 2, 1, 3, 1)]
    assert [picture_of(stage, message) for message in seen] == [photos[n - 1] for n in (3, 2, 1, 3, 1)]
    assert labels(seen[-1]) == ["◀️", "3 / 3", "▶️"]


async def test_a_photo_is_uploaded_once_and_then_sent_by_telegrams_id(stage_with, picture):
    stage, photos = await three_of_mine(stage_with, picture)
    first, second = [await say(stage, "/mine", stage.alice) for _ in range(2)]
    assert picture_of(stage, first) == picture_of(stage, second) == photos[2]
    sent = [call["photo"] for call in stage.calls("sendPhoto")]
    assert isinstance(sent[1], str) and "attach://" not in sent[1]


async def test_a_file_id_that_telegram_has_dropped_is_replaced_by_an_upload(stage_with, picture):
    stage, photos = await three_of_mine(stage_with, picture)
    first = await say(stage, "/mine", stage.alice)
    stage.part(StoredPhotoSender)._file_ids = dict.fromkeys(stage.part(StoredPhotoSender)._file_ids, "dropped")
    second = await say(stage, "/mine", stage.alice)
    assert picture_of(stage, first) == picture_of(stage, second) == photos[2]


async def test_a_photo_that_is_gone_is_passed_over_in_both_directions(stage_with, picture):
    stage, photos = await three_of_mine(stage_with, picture)
    (await stored_file(stage, 2)).unlink()
    mine = await say(stage, "/mine", stage.alice)
    for label, number in (("▶️", 1), ("◀️", 3)):
        message, _ = await turn(stage, mine, label)
        assert picture_of(stage, message) == photos[number - 1]


async def test_without_any_photo_the_texts_are_listed_and_long_ones_are_cut(stage_with):
    stage = await stage_with(answer=StubReply("😂" * 1500))
    for _ in range(6):
        await stage.joke(stage.send_photo())
    shown = (await say(stage, "/mine", stage.alice))["caption"]
    assert shown.endswith("…") and len(shown.encode("utf-16-le")) <= 2 * 1024
    await stage.restart()  # forgets what has been uploaded
    (await stored_file(stage, 1)).unlink()
    text = (await say(stage, "/mine", stage.alice))["text"]
    assert text.count("…") == 5 and "5. " in text and text.endswith("…")


async def test_where_no_photos_may_be_sent_the_texts_are_listed(stage_with, picture):
    stage, _ = await three_of_mine(stage_with, picture)
    stage.sandbox.faults.add("sendPhoto", "restricted")
    text = await words(stage, "/mine", stage.alice)
    assert text == stage.words("mine-title") + "\n\n1. Joke 3.\n\n2. Joke 2.\n\n3. Joke 1."


async def test_what_was_hidden_or_erased_meanwhile_is_not_shown_by_the_buttons(stage_with, picture):
    stage, _ = await three_of_mine(stage_with, picture)
    mine = await say(stage, "/mine", stage.alice)
    flagged = next(one for one in stage.world.messages(stage.alice) if "h:2" in callback_data(one))
    await stage.press_data(flagged, "h:2")
    message, _ = await turn(stage, mine, "▶️")
    assert "Joke 1." in message["caption"] and labels(message)[1] == "2 / 2"
    async with stage.app.database.write() as connection:
        await connection.execute("DELETE FROM photos")
    _, answer = await turn(stage, mine, "▶️")
    assert answer == stage.words("mine-none")


async def test_others_may_turn_the_pages_of_best_and_not_of_my_own(stage_with, picture):
    stage = await stage_with(script=[StubReply("One."), StubReply("Two.")])
    for colour in COLOURS[:2]:
        joke = await stage.joke(stage.send_photo("/joke", chat=stage.group, data=picture(colour=colour)))
        for person in (stage.alice, stage.bob):
            await stage.press(joke, 0, person=person)
    await stage.quiet()
    mine = await say(stage, "/mine", stage.alice, stage.group)
    unchanged, answer = await turn(stage, mine, "▶️", person=stage.bob)
    assert answer == stage.words("not-your-button") and "Two." in unchanged["caption"]
    best = await say(stage, "/best", stage.alice, stage.group)
    message, _ = await turn(stage, best, "▶️", person=stage.bob)
    assert message["caption"] != best["caption"]


async def test_a_group_sees_no_photo_of_a_private_user_again(stage_with):
    stage = await stage_with()
    joke = await stage.joke(stage.send_photo("/joke", chat=stage.group))
    for person in (stage.alice, stage.bob):
        await stage.press(joke, 0, person=person)
    await say(stage, "/private", stage.alice)
    await stage.quiet()
    assert await words(stage, "/best", stage.bob, stage.group) == stage.words("best-none")
    assert (await say(stage, "/mine", stage.alice))["photo"]
