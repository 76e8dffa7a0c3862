"""/privacy and /private: people know what is kept, and decide whether it is learnt from."""


async def test_privacy_says_what_is_kept_and_whether_it_is_learnt_from(stage):
    for person, language in ((stage.alice, "en"), (stage.ming, "zh")):
        said = await stage.answer(stage.world.send_text(person, person, "/privacy"))
        assert stage.words("private-state-off", language) in said["text"] and "/forget" in said["text"]
    assert (await stage.answer(stage.world.send_text(stage.alice, stage.alice, "/private")))["text"] == stage.words(
        "private-on"
    )
    said = await stage.answer(stage.world.send_text(stage.alice, stage.alice, "/privacy"))
    assert stage.words("private-state-on") in said["text"]


async def test_privacy_says_how_long_things_are_kept_where_that_is_set(stage_with):
    stage = await stage_with(retention={"photos_days": 30, "ratings_days": 1})
    for person, language in ((stage.alice, "en"), (stage.ming, "zh")):
        said = (await stage.answer(stage.world.send_text(person, person, "/privacy")))["text"]
        assert (
            stage.words("privacy-kept-photos", language, days=30) in said
            and stage.words("privacy-kept-ratings", language, days=1) in said
        )
        assert stage.words("privacy-kept-jokes", language, days=1) not in said


async def test_private_can_be_taken_back_and_is_ones_own(stage):
    await stage.answer(stage.world.send_text(stage.alice, stage.alice, "/private"))
    await stage.answer(stage.world.send_text(stage.bob, stage.bob, "/private"))
    assert (await stage.answer(stage.world.send_text(stage.bob, stage.bob, "/private")))["text"] == stage.words(
        "private-off"
    )
    rows = [row["person_id"] for row in await stage.app.database.rows("SELECT person_id FROM private_people")]
    assert rows == [stage.alice]


async def test_a_private_person_gets_jokes_and_rates_as_before(stage):
    await stage.answer(stage.world.send_text(stage.alice, stage.alice, "/private"))
    joke = await stage.joke(stage.send_photo())
    assert await stage.press(joke, 0) == stage.words("rated", emoji="😂")
