"""How the page shows a chat's messages, edits and deletions."""

import pytest
from playwright.async_api import expect

ALICE, BOB, MING = 1001, 1002, 1003
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>&lt;b&gt; javascript:alert(3)"
pytestmark = pytest.mark.browser


async def test_entities_become_elements(page, call):
    html = (
        '<b>bold <i>both</i></b> <code>x = 1</code> <a href="https://example.org/a">there</a> '
        "<tg-spoiler>secret</tg-spoiler>"
        "\n<blockquote>quoted</blockquote>😂 <u>after an emoji</u> /help"
    )
    await call("sendMessage", chat_id=ALICE, text=html, parse_mode="HTML")
    text = page.locator(".message .text")
    await expect(text.locator("strong")).to_have_text("bold both")
    await expect(text.locator("strong em")).to_have_text("both")
    await expect(text.locator("code")).to_have_text("x = 1")
    await expect(text.get_by_role("link", name="there")).to_have_attribute("href", "https://example.org/a")
    await expect(text.locator("blockquote")).to_have_text("quoted")
    await expect(text.locator("u")).to_have_text("after an emoji")
    await text.locator(".spoiler").click()
    await expect(text.locator(".spoiler")).to_have_class("spoiler revealed")


async def test_a_command_in_a_text_is_sent_when_it_is_clicked(page, sandbox):
    sandbox.world.send_text(ALICE, ALICE, "try /stats now")
    await page.get_by_role("button", name="/stats", exact=True).click()
    await expect(page.locator(".message.mine")).to_have_count(2)
    assert sandbox.world.messages(ALICE)[-1]["text"] == "/stats"


async def test_hostile_names_titles_captions_and_texts_stay_text(page, sandbox, call, picture):
    alarms = []
    page.on("dialog", lambda dialog: alarms.append(dialog.message))
    mallory = sandbox.world.add_user(HOSTILE, "en").id
    group = sandbox.world.add_group(HOSTILE, [mallory, ALICE])
    await page.locator("[data-chat]", has_text=HOSTILE).click()
    await expect(page.locator("#chat-title")).to_have_text(HOSTILE)
    number = sandbox.world.send_photo(mallory, group, picture(), HOSTILE)["message_id"]
    markup = {"inline_keyboard": [[{"text": HOSTILE, "callback_data": "1"}]]}
    await call("sendMessage", chat_id=group, text=HOSTILE, reply_markup=markup, reply_parameters={"message_id": number})
    await expect(page.locator(".sender").first).to_have_text(HOSTILE)
    await expect(page.locator(".message .text")).to_have_text([HOSTILE, HOSTILE])
    await expect(page.locator(".quotation span").last).to_have_text(HOSTILE)
    await page.locator(".key").click()
    press = (await call("getUpdates", offset=-1, timeout=50))[1]["result"][0]["callback_query"]
    await call("answerCallbackQuery", callback_query_id=press["id"], text=HOSTILE)
    await expect(page.locator("#announcement")).to_have_text(HOSTILE)
    await page.locator(".photo").click()
    await expect(page.locator("#lightbox figcaption")).to_have_text(HOSTILE)
    assert await page.locator("img[src=x], script:not([src]), [href^='javascript']").count() == 0
    assert alarms == []


async def test_a_photo_is_enlarged_and_closed_with_escape(page, sandbox, picture):
    sandbox.world.send_photo(ALICE, ALICE, picture(1600, 1200), "my cat")
    await page.get_by_role("button", name="Photo: my cat. Enlarge").click()
    large = page.locator("#lightbox img")
    await expect(large).to_be_visible()
    await expect(large).to_have_js_property("naturalWidth", 1600)
    await page.keyboard.press("Escape")
    await expect(large).to_be_hidden()


async def test_what_is_no_picture_says_so_in_its_frame(page, sandbox):
    sandbox.world.send_photo(ALICE, ALICE, b"no picture at all")
    await expect(page.locator(".photo.broken")).to_be_visible()


async def test_the_bot_is_seen_typing_until_its_message_comes(page, call):
    status = page.locator("#chat-status")
    await expect(status).to_have_text("@jokebot_sandbox_bot · bot")
    await page.clock.install()
    await page.clock.pause_at(await page.evaluate("Date.now() + 1000"))
    await call("sendChatAction", chat_id=ALICE, action="typing")
    await expect(status).to_have_text("typing…")
    await call("sendMessage", chat_id=ALICE, text="done")
    await expect(status).to_have_text("@jokebot_sandbox_bot · bot")
    await call("sendChatAction", chat_id=ALICE, action="upload_photo")
    await expect(status).to_have_text("sending a photo…")
    await page.clock.run_for(6000)
    await expect(status).to_have_text("@jokebot_sandbox_bot · bot")


async def test_a_deleted_message_goes(page, call):
    _, answer = await call("sendMessage", chat_id=ALICE, text="a mistake")
    await expect(page.locator(".message")).to_have_count(1)
    await call("deleteMessage", chat_id=ALICE, message_id=answer["result"]["message_id"])
    await expect(page.locator(".message")).to_have_count(0)
    await expect(page.locator("#empty")).to_be_visible()


async def test_new_messages_scroll_into_view_unless_the_reader_scrolled_up(page, sandbox, call):
    for number in range(40):
        sandbox.world.send_text(ALICE, ALICE, f"line {number}")
    await expect(page.locator(".message", has_text="line 39")).to_be_in_viewport()
    await page.locator(".message").last.hover()
    await page.mouse.wheel(0, -900)
    jump = page.locator("#to-end")
    await expect(jump).to_be_visible()
    above = await page.locator("#scroller").evaluate("scroller => scroller.scrollTop")
    await call("sendMessage", chat_id=ALICE, text="a joke below")
    await expect(page.get_by_role("button", name="To the latest message, 1 new")).to_be_visible()
    await expect(page.locator(".message", has_text="a joke below")).not_to_be_in_viewport()
    assert await page.locator("#scroller").evaluate("scroller => scroller.scrollTop") <= above
    await jump.click()
    await expect(page.locator(".message", has_text="a joke below")).to_be_in_viewport()
    await expect(jump).to_be_hidden()


async def test_a_button_keeps_the_focus_while_its_message_is_edited(page, call):
    markup = {"inline_keyboard": [[{"text": "😂", "callback_data": "3"}, {"text": "🙂", "callback_data": "2"}]]}
    _, answer = await call("sendMessage", chat_id=ALICE, text="joke", reply_markup=markup)
    await page.get_by_role("button", name="🙂").focus()
    markup["inline_keyboard"][0][1]["text"] = "🙂 4"
    await call("editMessageReplyMarkup", chat_id=ALICE, message_id=answer["result"]["message_id"], reply_markup=markup)
    await expect(page.get_by_role("button", name="🙂 4")).to_be_focused()


async def test_chinese_is_marked_as_chinese(page, sandbox):
    sandbox.world.send_text(ALICE, ALICE, "请你根据这张图片，讲一个脑洞大开的梗")
    await expect(page.locator(".message .text")).to_have_attribute("lang", "zh-Hans")


async def test_messages_of_an_album_stand_in_one_bubble_with_its_caption(page, sandbox, picture):
    sandbox.world.send_album(
        ALICE, ALICE, [picture(color=color) for color in ("red", "green", "blue")], [None, "three", None]
    )
    await expect(page.locator(".message")).to_have_count(1)
    await expect(page.locator(".message .photo img")).to_have_count(3)
    await expect(page.locator(".message .text")).to_have_text("three")
