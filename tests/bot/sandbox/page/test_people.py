"""The current user, the open chat, lost connections, faults and samples."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from bot.sandbox.server import Sandbox
from tests.bot.sandbox.page.people import switch

ALICE, BOB, MING = 1001, 1002, 1003
pytestmark = pytest.mark.browser


async def test_switching_the_person_shows_that_persons_chats(page, sandbox, call):
    sandbox.world.send_text(ALICE, ALICE, "I am Alice")
    await expect(page.locator(".message.mine")).to_have_text(re.compile("I am Alice"))
    await call("sendMessage", chat_id=BOB, text="Hello Bob")
    await switch(page, "Bob")
    await expect(page.locator(".message")).to_have_count(1)
    await expect(page.locator(".message.theirs .text")).to_have_text("Hello Bob")
    await page.get_by_role("combobox", name="Message").fill("I am Bob")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.mine .text")).to_have_text("I am Bob")
    assert sandbox.world.messages(BOB)[-1]["from"]["first_name"] == "Bob"
    assert page.url.endswith(f"#{BOB}/{BOB}")
    await page.reload()
    await expect(page.locator(".me-name")).to_have_text("Bob")


async def test_a_group_shows_who_speaks_and_each_sees_their_own_words_on_their_side(page, sandbox):
    group = sandbox.world.group_id
    sandbox.world.send_text(BOB, group, "Hi all")
    sandbox.world.send_text(MING, group, "大家好")
    row = page.locator(f'[data-chat="{group}"]')
    await expect(row.locator(".badge")).to_have_text("2")
    await row.click()
    await expect(page.locator("#chat-status")).to_have_text("Jokebot, you, Bob, 小明")
    await expect(page.locator(".sender")).to_have_text(["Bob", "小明"])
    await expect(row.locator(".badge")).to_have_count(0)
    await switch(page, "Bob")
    await expect(page.locator("#chat-title")).to_have_text("Joke lovers")
    await expect(page.locator(".message.mine .text")).to_have_text("Hi all")


async def test_the_bots_name_is_completed_in_a_group(page, sandbox):
    await page.locator(f'[data-chat="{sandbox.world.group_id}"]').click()
    field = page.get_by_role("combobox", name="Message")
    await field.press_sequentially("look @jo")
    await page.keyboard.press("Tab")
    await expect(field).to_have_value("look @jokebot_sandbox_bot ")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.mine .mention")).to_have_text("@jokebot_sandbox_bot")


async def test_an_unsent_text_waits_in_its_own_chat(page, sandbox):
    field = page.get_by_role("combobox", name="Message")
    await field.fill("half a thought")
    await page.locator(f'[data-chat="{sandbox.world.group_id}"]').click()
    await expect(field).to_have_value("")
    await page.locator(f'[data-chat="{ALICE}"]').click()
    await expect(field).to_have_value("half a thought")


async def test_a_person_and_a_group_are_added(page, sandbox):
    await page.locator("#me").click()
    await page.get_by_role("button", name="Add a person").click()
    await page.get_by_label("Name").fill("Zoë")
    await page.get_by_label("Language").fill("fr")
    await page.keyboard.press("Enter")
    await expect(page.locator(".me-name")).to_have_text("Zoë")
    await page.get_by_role("button", name="New group").click()
    await page.get_by_label("Title").fill("Zoo")
    await page.get_by_role("checkbox", name="Bob").uncheck()
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("#chat-title")).to_have_text("Zoo")
    zoe = next(person for person in sandbox.world.users.values() if person.name == "Zoë")
    zoo = next(chat for chat in sandbox.world.chats.values() if chat.title == "Zoo")
    assert zoe.language_code == "fr"
    assert set(zoo.members) == {ALICE, MING, zoe.id}


async def test_the_page_says_when_the_sandbox_is_away_and_loads_all_anew_when_it_is_back(open_page, mistakes):
    page = await open_page()
    async with Sandbox.running() as first:
        port = int(first.url.rpartition(":")[2])
        await page.goto(first.url)
        first.world.send_text(ALICE, ALICE, "before")
        await expect(page.locator(".message .text")).to_have_text("before")
    await expect(page.locator("#offline")).to_be_visible()
    await expect(page.locator("#offline")).to_have_text("Connection lost. Trying again…")
    async with Sandbox.running(port=port) as second:
        second.world.send_text(BOB, second.world.group_id, "in between")
        second.world.send_text(ALICE, ALICE, "after")
        await expect(page.locator(".message .text")).to_have_text("after")
        await expect(page.locator("#offline")).to_be_hidden()
        await expect(page.locator(".chat", has_text="in between")).to_be_visible()
        second.world.send_text(ALICE, ALICE, "and on")
        await expect(page.locator(".message .text")).to_have_text(["after", "and on"])
        await page.close()
    mistakes[:] = [line for line in mistakes if "WebSocket" not in line and "ERR_" not in line]


async def test_a_message_that_comes_while_the_state_is_on_its_way_is_kept(page, sandbox):
    heard = asyncio.Event()
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: heard.set() if "meanwhile" in frame else None),
    )
    await page.reload()
    await expect(page.locator("#empty")).to_be_visible()

    async def answer_late(route):
        old = await route.fetch()
        sandbox.world.send_text(ALICE, ALICE, "meanwhile")
        await heard.wait()
        await route.fulfill(response=old)

    await page.route("**/sandbox/state", answer_late, times=1)
    sandbox.world.add_user("Zoë")
    await expect(page.locator(".message .text")).to_have_text("meanwhile")
    await page.locator("#me").click()
    await expect(page.locator("#people").get_by_role("button", name="Zoë")).to_be_visible()
    await expect(page.locator(".message .text")).to_have_text("meanwhile")


async def test_a_new_user_appears_in_the_open_lists(page, sandbox):
    await page.locator("#me").click()
    people = page.locator("#people")
    await expect(people.get_by_role("button", name="Bob")).to_be_visible()
    sandbox.world.add_user("Zoë")
    await expect(people.get_by_role("button", name="Zoë")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="New group").click()
    await page.get_by_role("checkbox", name="Bob").uncheck()
    sandbox.world.add_user("Yves")
    await expect(page.get_by_role("checkbox", name="Yves")).to_be_checked()
    await expect(page.get_by_role("checkbox", name="Bob")).not_to_be_checked()


async def test_faults_are_injected_and_removed_in_the_drawer(page, call, sandbox):
    await page.get_by_role("button", name="Inject faults").click()
    await page.get_by_label("Method").fill("sendMessage")
    await page.get_by_label("Retry after, s").fill("7")
    await page.get_by_role("button", name="Add fault").click()
    await expect(page.locator("#fault-list")).to_contain_text("sendMessage: 429, retry after 7 s")
    status, answer = await call("sendMessage", chat_id=ALICE, text="x")
    assert (status, answer["parameters"]) == (429, {"retry_after": 7})
    await page.get_by_role("radio", name="Cut after").check()
    await page.get_by_label("Times").fill("2")
    await page.get_by_role("button", name="Add fault").click()
    await expect(page.locator("#fault-list")).to_contain_text("the answer is cut off2×")
    assert [(fault.kind, fault.times) for fault in sandbox.faults.waiting] == [("cut_after", 2)]
    await page.get_by_role("button", name="Remove all faults").click()
    await expect(page.locator("#fault-list li")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page.locator("#trouble")).to_be_hidden()


async def test_a_newcomer_sends_a_sample(page, tmp_path, picture):
    path = tmp_path / "coffee.jpg"
    path.write_bytes(picture(300, 200))
    async with Sandbox.running(samples={"coffee": path}) as sandbox:
        await page.goto(sandbox.url)
        await page.get_by_role("button", name="Send the photo coffee").click()
        await expect(page.locator(".message.mine img")).to_be_visible()
        await expect(page.locator("#samples")).to_be_hidden()
        assert sandbox.world.messages(ALICE)[0]["photo"][-1]["width"] == 300
        await page.close()


async def test_samples_are_offered_behind_the_paper_clip_too_and_in_a_group_they_wait_for_a_caption(
    page, tmp_path, picture
):
    path = tmp_path / "coffee.jpg"
    path.write_bytes(picture(300, 200))
    async with Sandbox.running(samples={"coffee": path}) as sandbox:
        sandbox.world.send_text(ALICE, ALICE, "no newcomer any more")
        await page.goto(sandbox.url)
        await expect(page.locator(".message")).to_have_count(1)
        await page.get_by_role("button", name="Attach").click()
        await page.locator("#attach-menu").get_by_role("button", name="Send the photo coffee").click()
        await expect(page.locator(".message.mine img")).to_be_visible()
        await expect(page.locator("#attach-menu")).to_be_hidden()
        await page.locator(f'[data-chat="{sandbox.world.group_id}"]').click()
        await page.get_by_role("button", name="Attach").click()
        await page.locator("#attach-menu").get_by_role("button", name="Send the photo coffee").click()
        await expect(page.locator("#tray-files img")).to_be_visible()
        await page.get_by_role("combobox", name="Caption").fill("@jokebot_sandbox_bot and this?")
        await page.get_by_role("button", name="Send", exact=True).click()
        await expect(page.locator(".message.mine .text")).to_contain_text("and this?")
        assert sandbox.world.messages(sandbox.world.group_id)[0]["photo"][-1]["width"] == 300
        await page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_on_a_phone_chats_and_conversation_take_turns(scheme, open_page, sandbox):
    page = await open_page(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True, color_scheme=scheme)
    sandbox.world.send_text(ALICE, ALICE, "wide " * 60 + "W" * 200)
    await expect(page.locator("#conversation")).to_be_visible()
    await expect(page.locator("#sidebar")).to_be_hidden()
    await expect(page.locator(".message .text")).to_contain_text("wide wide")
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    light = (
        await page.locator("#conversation").evaluate("main => getComputedStyle(main).backgroundColor")
        == "rgb(245, 242, 236)"
    )
    assert light == (scheme == "light")
    await page.get_by_role("button", name="Back to the chats").click()
    await expect(page.locator("#conversation")).to_be_hidden()
    await page.locator(f'[data-chat="{sandbox.world.group_id}"]').click()
    await expect(page.locator("#chat-title")).to_have_text("Joke lovers")


async def test_a_person_sees_the_commands_that_are_theirs(page, call):
    await call("setMyCommands", commands=[{"command": "start", "description": "Begin"}])
    await call(
        "setMyCommands",
        commands=[{"command": "retrain", "description": "Learn"}],
        scope={"type": "chat", "chat_id": ALICE},
    )
    await page.get_by_role("combobox", name="Message").fill("/")
    await expect(page.get_by_role("option")).to_have_text([re.compile("/retrain")])
    await switch(page, "Bob")
    await page.get_by_role("combobox", name="Message").fill("/")
    await expect(page.get_by_role("option")).to_have_text([re.compile("/start")])


async def test_commands_that_come_after_the_slash_was_typed_are_offered(page, call):
    """The bot may set its commands while the user is typing."""
    await page.get_by_role("combobox", name="Message").fill("/s")
    await expect(page.get_by_role("option")).to_have_count(0)
    names = ["help", "start", "stats"]
    await call("setMyCommands", commands=[{"command": name, "description": name} for name in names])
    await expect(page.get_by_role("option")).to_have_text([re.compile("/start"), re.compile("/stats")])
    await page.keyboard.press("ArrowDown")
    await call("setMyCommands", commands=[{"command": name, "description": name} for name in ["send", *names]])
    await expect(page.get_by_role("option")).to_have_count(3)
    await expect(page.get_by_role("option", selected=True)).to_have_text(re.compile("/stats"))
    await page.keyboard.press("Escape")
    await call("setMyCommands", commands=[{"command": "stats", "description": "Counts"}])
    await page.get_by_role("button", name="Commands").click()
    await expect(page.get_by_role("option")).to_have_text([re.compile("/stats *Counts")])


async def test_the_list_of_commands_follows_the_person_and_what_the_bot_sets(page, call):
    await call("setMyCommands", commands=[{"command": "start", "description": "Begin"}])
    button = page.get_by_role("button", name="Commands")
    await button.click()
    await expect(page.get_by_role("option")).to_have_text([re.compile("/start")])
    await call(
        "setMyCommands",
        commands=[{"command": "retrain", "description": "Learn"}],
        scope={"type": "chat", "chat_id": ALICE},
    )
    await expect(page.get_by_role("option")).to_have_text([re.compile("/retrain")])
    await button.click()
    await expect(page.get_by_role("option")).to_have_count(0)
    await button.click(delay=300)
    await expect(page.get_by_role("option")).to_have_text([re.compile("/retrain")])
    await page.evaluate(f"location.hash = '{BOB}/{BOB}'")
    await expect(page.get_by_role("option")).to_have_count(0)
    await button.click()
    await expect(page.get_by_role("option")).to_have_text([re.compile("/start")])
