"""/best is what a chat laughed at most, /mine is one's own."""

from bot.engine.stub.engine import StubReply


async def say(stage, command, person, chat=None):
    message = await stage.answer(stage.world.send_text(person, chat or person, command))
    return message["text"]


async def test_the_best_of_a_group_is_what_was_told_there(stage_with):
    stage = await stage_with(
        script=[StubReply("Elsewhere."), StubReply("Loved."), StubReply("Liked by one."), StubReply("Disliked.")]
    )
    alice, bob, ming, group = stage.alice, stage.bob, stage.ming, stage.group
    assert await say(stage, "/best", alice, group) == stage.words("best-none")
    await stage.press(await stage.joke(stage.send_photo()), 0)
    jokes = [await stage.joke(stage.send_photo("/joke", chat=group)) for _ in range(3)]
    for joke, verdicts in zip(jokes, ({alice: 0, bob: 1, ming: 0}, {alice: 0}, {alice: 2, bob: 2}), strict=True):
        for person, place in verdicts.items():
            await stage.press(joke, place, person=person)
    await stage.quiet()
    assert await say(stage, "/best", ming, group) == stage.words("best-title", "zh") + "\n\n1. Loved.\n😂 2 · 🙂 1"
    assert await say(stage, "/best", alice) == stage.words("best-title") + "\n\n1. Elsewhere.\n😂 1"
    assert await say(stage, "/best", bob) == stage.words("best-none")


async def test_mine_are_my_own_and_in_a_group_only_those_told_there(stage_with):
    stage = await stage_with(script=[StubReply("First."), StubReply("Bob's."), StubReply("In the group.")])
    assert await say(stage, "/mine", stage.alice) == stage.words("mine-none")
    await stage.joke(stage.send_photo())
    await stage.joke(stage.send_photo(person=stage.bob))
    joke = await stage.joke(stage.send_photo("/joke", chat=stage.group))
    await stage.press(joke, 1, person=stage.bob)
    await stage.quiet()
    title, shown = stage.words("mine-title"), "1. In the group.\n🙂 1"
    assert await say(stage, "/mine", stage.alice) == f"{title}\n\n{shown}\n\n2. First."
    assert await say(stage, "/mine", stage.alice, stage.group) == f"{title}\n\n{shown}"
    assert await say(stage, "/mine", stage.bob, stage.group) == stage.words("mine-none")


async def test_only_the_latest_are_shown_and_long_ones_are_cut(stage_with):
    stage = await stage_with(answer=StubReply("😂" * 1500))
    for _ in range(6):
        await stage.joke(stage.send_photo())
    text = await say(stage, "/mine", stage.alice)
    assert text.count("…") == 5 and "5. " in text and text.endswith("…")
