"""A photo, whichever way it is sent, gets one joke."""


async def test_a_photo_gets_one_joke_with_buttons_in_one_message(stage):
    photo = stage.send_photo()
    joke = await stage.joke(photo)
    await stage.quiet()
    assert joke["text"] == stage.engine.answer.text
    assert stage.labels(joke) == ["😂", "🙂", "😐", "🔁"]
    assert len(stage.answers(photo)) == 1
    assert [call.method for call in stage.sandbox.calls if call.status == 200 and "chat_id" in call.parameters] == ["sendMessage"]
    assert await stage.value("SELECT count(*) FROM deliveries WHERE chat_id = ? AND message_id = ?", stage.alice, joke["message_id"]) == 1
