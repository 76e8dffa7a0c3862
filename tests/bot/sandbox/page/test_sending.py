"""Sending with the page, and the bot's answers."""

import pytest
from playwright.async_api import expect

ALICE = 1001
pytestmark = pytest.mark.browser


def keyboard(count=""):
    return {
        "inline_keyboard": [
            [{"text": f"😂 {count}".strip(), "callback_data": "3"}, {"text": "🙂", "callback_data": "2"}]
        ]
    }


async def update(call, offset=0):
    """The bot's next update."""
    _, answer = await call("getUpdates", offset=offset, timeout=50)
    return answer["result"][0]


async def test_a_photo_gets_a_joke_that_grows_in_place_and_a_press_is_counted_and_answered(
    page, choose, photo_file, call
):
    await choose("photo", photo_file())
    await expect(page.locator("#tray-files img")).to_be_visible()
    await page.get_by_role("combobox", name="Caption").fill("on a Monday")
    await page.get_by_role("button", name="Send", exact=True).click()
    mine = page.locator(".message.mine")
    await expect(mine.locator("img")).to_be_visible()
    await expect(mine).to_contain_text("on a Monday")
    await expect(page.locator("#tray")).to_be_hidden()
    sent = (await update(call))["message"]
    assert sent["caption"] == "on a Monday"
    assert sent["photo"][-1]["width"] == 900

    _, answer = await call(
        "sendMessage", chat_id=ALICE, text="A cat", reply_parameters={"message_id": sent["message_id"]}
    )
    number = answer["result"]["message_id"]
    joke = page.locator(f'[data-message-id="{number}"]')
    await expect(joke.locator(".text")).to_have_text("A cat")
    await expect(joke.locator(".quotation")).to_contain_text("on a Monday")
    element = await joke.element_handle()
    for text in ("A cat walks", "A cat walks into a bar."):
        await call("editMessageText", chat_id=ALICE, message_id=number, text=text)
        await expect(joke.locator(".text")).to_have_text(text)
    await call("editMessageReplyMarkup", chat_id=ALICE, message_id=number, reply_markup=keyboard())
    assert await element.evaluate("element => element.isConnected"), "an edit changes the bubble that is there"

    laugh = joke.get_by_role("button", name="😂")
    await laugh.click()
    await expect(laugh).to_have_attribute("aria-busy", "true")
    query = (await update(call, -1))["callback_query"]
    assert (query["data"], query["from"]["id"], query["message"]["message_id"]) == ("3", ALICE, number)
    await call("editMessageReplyMarkup", chat_id=ALICE, message_id=number, reply_markup=keyboard(1))
    await call("answerCallbackQuery", callback_query_id=query["id"], text="Thank you!")
    await expect(page.locator("#announcement")).to_have_text("Thank you!")
    await expect(laugh.locator(".key-count")).to_have_text("1")
    await expect(laugh).not_to_have_attribute("aria-busy", "true")
    await expect(page.locator(".message")).to_have_count(2)


async def test_an_alert_is_a_dialog_that_waits_for_the_person(page, call):
    await call("sendMessage", chat_id=ALICE, text="joke", reply_markup=keyboard())
    await page.get_by_role("button", name="🙂").click()
    query = (await update(call))["callback_query"]
    await call("answerCallbackQuery", callback_query_id=query["id"], text="Too many\njokes", show_alert=True)
    dialog = page.get_by_role("alertdialog")
    await expect(dialog).to_contain_text("Too many\njokes")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()


async def test_two_dropped_photos_become_an_album(page, drag, photo_file, sandbox):
    paths = photo_file("one.jpg", "teal"), photo_file("two.jpg", "orange")
    zone = page.locator("[data-drop=photo]")
    await expect(zone).to_be_hidden()
    await drag("dragEnter", 300, 400, *paths)
    await expect(zone).to_be_visible()
    await expect(page.locator("[data-drop=document]")).to_be_visible()
    await drag("dragOver", 300, 400, *paths)
    await drag("drop", 300, 400, *paths)
    await expect(zone).to_be_hidden()
    await expect(page.locator("#tray-files li")).to_have_count(2)
    await expect(page.get_by_role("radio", name="Album")).to_be_checked()
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.mine")).to_have_count(1)
    await expect(page.locator(".message.mine .photo img")).to_have_count(2)
    albums = {message["media_group_id"] for message in sandbox.world.messages(ALICE)}
    assert len(sandbox.world.messages(ALICE)) == 2 and len(albums) == 1


async def test_a_photo_dropped_on_the_other_half_goes_as_a_file(page, drag, photo_file, sandbox):
    path = photo_file("original.jpg")
    await drag("dragEnter", 900, 400, path)
    await expect(page.locator("[data-drop=document]")).to_be_visible()
    await drag("dragOver", 900, 400, path)
    await expect(page.locator("[data-drop=document]")).to_have_class("over")
    await drag("drop", 900, 400, path)
    await expect(page.get_by_role("radio", name="File")).to_be_checked()
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".file-name")).to_have_text("original.jpg")
    assert sandbox.world.messages(ALICE)[0]["document"]["mime_type"] == "image/jpeg"


async def test_a_drag_that_leaves_the_window_takes_the_drop_zone_away(page, drag, photo_file):
    await drag("dragEnter", 300, 400, photo_file())
    await expect(page.locator("[data-drop=photo]")).to_be_visible()
    await page.evaluate("document.body.dispatchEvent(new DragEvent('dragleave', {bubbles: true, relatedTarget: null}))")
    await expect(page.locator("[data-drop=photo]")).to_be_hidden()


async def test_a_pasted_picture_waits_in_the_tray_and_can_be_left_out(page, sandbox):
    paste = """() => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.of(255, 216, 255)], "pasted.jpg", {type: "image/jpeg"}));
      document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
    }"""
    await page.evaluate(paste)
    await expect(page.locator("#tray-files li")).to_contain_text("pasted.jpg")
    await page.get_by_role("button", name="Remove pasted.jpg").click()
    await expect(page.locator("#tray")).to_be_hidden()
    await expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    assert sandbox.world.messages(ALICE) == []


@pytest.mark.parametrize("kind", ["sticker", "animation", "video", "document"])
async def test_every_kind_of_file_can_be_chosen(kind, page, choose, tmp_path, picture, sandbox):
    data = {
        "sticker": picture(512, 512, kind="WEBP"),
        "animation": picture(64, 64, kind="GIF"),
        "video": b"\0\0\0\x18ftypisom" + bytes(64),
        "document": b"words",
    }[kind]
    path = tmp_path / {"sticker": "a.webp", "animation": "a.gif", "video": "a.mp4", "document": "a.txt"}[kind]
    path.write_bytes(data)
    await choose(kind, path)
    await expect(page.locator(f"#tray-kinds [value={kind}]")).to_be_checked()
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".message.mine .media")).to_be_visible()
    assert kind in sandbox.world.messages(ALICE)[0]


async def test_a_refused_sending_says_why_and_gives_everything_back(page, choose, photo_file, sandbox, mistakes):
    await choose("photo", photo_file())
    await page.get_by_role("combobox", name="Caption").fill("please")
    await page.route(
        "**/sandbox/files", lambda route: route.fulfill(status=400, json={"error": "The file is too big."})
    )
    async with page.expect_console_message(lambda line: "status of 400" in line.text):
        await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator("#announcement")).to_have_text("The file is too big.")
    await expect(page.get_by_role("combobox", name="Caption")).to_have_value("please")
    await expect(page.locator("#tray-files li")).to_have_count(1)
    assert sandbox.world.messages(ALICE) == []
    assert "status of 400" in mistakes.pop()


async def test_after_a_break_only_what_was_not_sent_is_given_back(page, choose, photo_file, sandbox, mistakes):
    await choose("document", photo_file("one.jpg"), photo_file("two.jpg"), photo_file("three.jpg"))
    await page.get_by_role("combobox", name="Caption").fill("all of them")
    answered = []

    async def fail_second(route):
        answered.append(route)
        await (route.abort() if len(answered) == 2 else route.continue_())

    await page.route("**/sandbox/files", fail_second)
    async with page.expect_console_message(lambda line: "ERR_FAILED" in line.text):
        await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator("#announcement")).to_contain_text("can't be reached")
    await expect(page.locator("#tray-files .tray-name")).to_have_text(["two.jpg", "three.jpg"])
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".file-name")).to_have_text(["one.jpg", "two.jpg", "three.jpg"])
    assert [message.get("caption") for message in sandbox.world.messages(ALICE)] == ["all of them", None, None]
    assert "ERR_FAILED" in mistakes.pop()


async def test_a_message_is_answered_with_its_arrow(page, sandbox, call):
    _, answer = await call("sendMessage", chat_id=ALICE, text="Which photo?")
    bubble = page.locator(".message", has_text="Which photo?")
    await bubble.hover()
    await bubble.get_by_role("button", name="Reply to Jokebot: Which photo?").click()
    await expect(page.locator("#reply-words")).to_have_text("Which photo?")
    await page.keyboard.type("The first one")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.mine .quotation")).to_contain_text("Which photo?")
    await expect(page.locator("#reply")).to_be_hidden()
    assert sandbox.world.messages(ALICE)[-1]["reply_to_message"]["message_id"] == answer["result"]["message_id"]


async def test_what_is_being_answered_follows_its_edits_and_its_end(page, call):
    _, answer = await call("sendMessage", chat_id=ALICE, text="Which photo?")
    number = answer["result"]["message_id"]
    await page.locator(".message").hover()
    await page.get_by_role("button", name="Reply to Jokebot: Which photo?").click()
    await call("editMessageText", chat_id=ALICE, message_id=number, text="Which of them?")
    await expect(page.locator("#reply-words")).to_have_text("Which of them?")
    await call("deleteMessage", chat_id=ALICE, message_id=number)
    await expect(page.locator("#reply")).to_be_hidden()
    await page.get_by_role("combobox", name="Message").fill("Never mind")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.mine .text")).to_have_text("Never mind")


async def test_a_toast_goes_by_itself(page, call):
    await page.clock.install()
    await call("sendMessage", chat_id=ALICE, text="joke", reply_markup=keyboard())
    await page.clock.pause_at(await page.evaluate("Date.now() + 1000"))
    await page.get_by_role("button", name="🙂").click()
    query = (await update(call))["callback_query"]
    await call("answerCallbackQuery", callback_query_id=query["id"], text="Noted")
    await expect(page.locator(".toast.answer")).to_have_text("Noted")
    await page.clock.run_for(5000)
    await expect(page.locator(".toast")).to_have_count(0)


async def test_commands_are_completed_by_keyboard(page, sandbox, call):
    await call(
        "setMyCommands",
        commands=[{"command": "start", "description": "Begin"}, {"command": "stats", "description": "Counts"}],
    )
    await expect(page.get_by_role("button", name="Commands")).to_be_visible()
    await page.get_by_role("combobox", name="Message").fill("/sta")
    await expect(page.get_by_role("option")).to_have_count(2)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.mine .text")).to_have_text("/stats")
    assert sandbox.world.messages(ALICE)[-1]["entities"][0]["type"] == "bot_command"


async def test_a_request_for_a_reply_opens_it_for_whom_it_asks(sandbox, call, open_page):
    page, group = await open_page(), sandbox.world.group_id
    await page.goto(f"{sandbox.url}#{ALICE}/{group}")
    other = {"type": "text_mention", "offset": 0, "length": 3, "user": {"id": 1002, "is_bot": False, "first_name": "B"}}
    field = {"force_reply": True, "selective": True}
    await call("sendMessage", chat_id=group, text="Bob?", entities=[other], reply_markup=field)
    await expect(page.locator(".message").last).to_contain_text("Bob?")
    await expect(page.locator("#reply")).to_be_hidden()
    mine = {**other, "length": 5, "user": {"id": ALICE, "is_bot": False, "first_name": "A"}}
    await call("sendMessage", chat_id=group, text="Alice?", entities=[mine], reply_markup=field)
    await expect(page.locator("#reply-words")).to_have_text("Alice?")
    await page.locator("#text").fill("Here")
    await page.keyboard.press("Enter")
    await expect(page.locator("#reply")).to_be_hidden()
    assert sandbox.world.messages(group)[-1]["reply_to_message"]["text"] == "Alice?"
