"""/language: a person's choice wins over what Telegram says of their app."""

from tests.bot.handlers.test_forget import ask as ask_to_forget
from tests.bot.handlers.test_forget import says

ENGLISH, CHINESE, AS_APP = range(3)


async def ask(stage, person, chat=None):
    """Send /language; the bot's question, with its buttons."""
    return await stage.joke(stage.world.send_text(person, chat or person, "/language"))


async def choose(stage, person, place, name, spoken):
    """Answer the question; the bot says it in the language that was chosen."""
    question = await ask(stage, person)
    await stage.press(question, place, person=person)
    await says(stage, question, stage.words(name, spoken))


async def test_every_language_is_offered_by_its_own_name(stage):
    assert stage.labels(await ask(stage, stage.alice)) == ["English", "中文", f"✓ {stage.words('language-app')}"]
    await choose(stage, stage.alice, CHINESE, "language-chosen", "zh")
    assert stage.labels(await ask(stage, stage.alice)) == ["English", "✓ 中文", stage.words("language-app", "zh")]


async def test_a_choice_holds_for_words_and_jokes_and_over_a_restart(stage):
    await choose(stage, stage.alice, CHINESE, "language-chosen", "zh")
    for _ in range(2):
        joke = await stage.joke(stage.send_photo())
        assert "请你根据这张图片" in stage.engine.asked[-1].user
        assert await stage.press(joke, 0) == stage.words("rated", "zh", emoji="😂")
        await stage.quiet()
        await stage.restart()
    await stage.joke(stage.send_photo(person=stage.bob))
    assert "请你根据这张图片" not in stage.engine.asked[-1].user


async def test_the_app_decides_again_after_a_word(stage):
    await choose(stage, stage.ming, ENGLISH, "language-chosen", "en")
    await choose(stage, stage.ming, AS_APP, "language-as-app", "zh")
    assert await stage.value("SELECT count(*) FROM chosen_languages") == 0
    await stage.joke(stage.send_photo(person=stage.ming))
    assert "请你根据这张图片" in stage.engine.asked[-1].user


async def test_nobody_can_choose_for_another_person(stage):
    question = await ask(stage, stage.alice, stage.group)
    assert await stage.press(question, CHINESE, person=stage.bob) == stage.words("not-your-button")
    mine = await ask(stage, stage.bob)
    for forged in (f"l:{stage.alice}:zh", f"l:{stage.bob}:fr", "l:"):
        assert await stage.press_data(mine, forged, person=stage.bob, forged=True) == stage.words("not-your-button")
    assert await stage.value("SELECT count(*) FROM chosen_languages") == 0


async def test_forgetting_a_person_forgets_their_choice(stage):
    await choose(stage, stage.alice, CHINESE, "language-chosen", "zh")
    question = await ask_to_forget(stage, stage.alice)
    await stage.press(question, 0)
    await says(stage, question, stage.words("forget-nothing", "zh"))
    assert await stage.value("SELECT count(*) FROM chosen_languages") == 0
    assert (await stage.answer(stage.world.send_text(stage.alice, stage.alice, "/start")))["text"] == stage.words(
        "start"
    )
