"""The admin pages in a real Chromium, with a running bot that has a history."""

import dataclasses
import re

import pytest
from playwright.async_api import expect

from storage.chat.ratings import record_rating
from storage.learning import runs
from tests.bot.panel.played import say_progress

ALICE, BOB, MING = 1001, 1002, 1003
pytestmark = pytest.mark.browser


async def open_admin(page, sandbox, tab):
    await page.goto(f"{sandbox.url}/#{ALICE}/{ALICE}/admin/{tab}")
    await page.reload()
    await expect(page.locator(f"#tab-{tab}")).to_have_attribute("aria-selected", "true")


async def test_a_run_is_followed_live_and_stopped_by_the_chat_command(watch, open_page, sandbox):
    watched = await watch()
    page = await open_page()
    await page.get_by_role("button", name="Admin").click()
    panel = page.locator("#panel")
    await expect(panel.get_by_role("tab", name="Now")).to_be_focused()
    await expect(panel.get_by_text("No run is under way.")).to_be_visible()
    run = await watched.past.train(
        await runs.create_run(watched.stage.app.database, "admin"), watched.stage.app.database
    )
    await expect(panel.get_by_role("heading", name=f"Run {run.id} · training")).to_be_visible()
    watched.past.write_losses(run, 12)
    for step in (12, 30):
        say_progress(watched.stage.settings, run, step, 40, 600)
        await expect(panel.get_by_role("progressbar")).to_have_attribute("aria-valuenow", str(round(100 * step / 40)))
    await expect(panel.get_by_text("Step 30 of 40 · loss 1.42")).to_be_visible()
    await expect(panel.get_by_text("About 10 minutes to go")).to_be_visible()
    await expect(panel.get_by_role("img", name=re.compile("^Loss: "))).to_be_visible()
    await panel.get_by_role("button", name="Stop the run").click()
    await expect(panel).to_be_hidden()
    await expect(page.locator(".message.mine .text")).to_have_text("/retrain cancel")
    await sandbox.world.wait_for(
        lambda world: [
            one for one in world.messages(ALICE) if one["from"]["is_bot"] and "cancelled" in one.get("text", "")
        ],
        120,
    )
    await page.go_back()
    await expect(panel.get_by_text("No run is under way.")).to_be_visible()
    await panel.get_by_role("tab", name="Runs").click()
    await expect(panel.locator(".runs > li").first).to_contain_text(f"Run {run.id}")
    await expect(panel.locator(".runs > li").first).to_contain_text("cancelled")


async def test_what_is_on_trial_has_a_trial_to_end_and_no_training_to_stop(watch, open_page, sandbox):
    watched = await watch()
    await watched.past.train(await runs.create_run(watched.stage.app.database, "admin"), watched.stage.app.database)
    page = await open_page()

    async def on_trial(route):
        answer = await route.fetch()
        told = await answer.json()
        await route.fulfill(json={**told, "run": {**told["run"], "state": "canary"}})

    await page.route(re.compile(r"/sandbox/panel\?"), on_trial)
    await page.get_by_role("button", name="Admin").click()
    await expect(page.locator("#panel").get_by_role("button", name="End the trial")).to_be_visible()
    await expect(page.locator("#panel").get_by_role("button", name="Stop the run")).to_have_count(0)
    await page.unroute_all(behavior="ignoreErrors")
    await page.close()


async def test_a_past_run_opens_with_measures_jokes_and_its_picture(watch, open_page, sandbox):
    await watch()
    page = await open_page()
    await open_admin(page, sandbox, "runs")
    await expect(page.locator(".run-row")).to_contain_text(
        [re.compile("Run 2.*not good enough.*what people liked"), re.compile("Run 1.*promoted|Run 1.*in service")]
    )
    row = page.get_by_role("button", name=re.compile("^Run 1 "))
    await row.focus()
    await page.keyboard.press("Enter")
    await expect(row).to_have_attribute("aria-expanded", "true")
    await expect(row).to_be_focused()
    await expect(page.locator(".measures tbody tr").first).to_contain_text("2.510")
    await expect(page.locator(".pairs li")).to_have_count(4)
    await expect(page.locator(".pairs img").first).to_have_js_property("naturalWidth", 320)
    outcome = page.get_by_role("button", name="The outcome of run 1")
    await outcome.scroll_into_view_if_needed()
    await expect(outcome.locator("img")).to_have_js_property("complete", True)
    await outcome.click()
    await expect(page.locator("#lightbox img")).to_have_js_property("complete", True)
    assert await page.locator("#lightbox img").evaluate("image => image.naturalWidth") > 400


async def test_a_model_is_put_into_service_by_the_command_in_the_chat(watch, open_page, sandbox):
    await watch()
    page = await open_page()
    await open_admin(page, sandbox, "models")
    serving = page.locator(".model.champion")
    await expect(serving).to_contain_text("run-1 (2)")
    await expect(serving).to_contain_text("gets 100%")
    await expect(serving.get_by_role("img", name=re.compile(r"^liked: \d+% \(\d+%–\d+%\)$"))).to_be_visible()
    await page.locator(".model.base").get_by_role("button", name="Put into service").click()
    await expect(page.locator(".message.mine .text")).to_have_text("/promote 1")
    await expect(page.locator(".message.theirs .key").first).to_be_visible()
    assert page.url.endswith(f"#{ALICE}/{ALICE}")


async def test_a_new_rating_comes_onto_the_page_that_is_open(watch, open_page, sandbox):
    watched = await watch()
    page = await open_page()
    await open_admin(page, sandbox, "ratings")
    await expect(page.locator(".recent li")).not_to_have_count(0)
    await expect(page.locator(".recent img").first).to_have_js_property("naturalWidth", 320)
    assert (
        await page.locator(".day-column span").evaluate_all(
            "all => Math.max(...all.map(one => one.getBoundingClientRect().height))"
        )
        > 50
    )
    photo = watched.past.photos[2]
    joke = await watched.past.tell(
        await watched.past.serving(watched.stage.app.database),
        photo,
        "Fresh as bread.",
        database=watched.stage.app.database,
    )
    await record_rating(watched.stage.app.database, joke, BOB, 3)
    await expect(page.locator(".recent li").first).to_contain_text("Fresh as bread.")
    await record_rating(watched.stage.app.database, joke, MING, 3)
    await expect(page.locator(".recent li").first).to_contain_text("😂 2")


async def test_only_an_admin_has_the_pages_and_without_a_bot_nobody_has(watch, open_page, sandbox):
    await watch(past=False)
    page = await open_page()
    button = page.get_by_role("button", name="Admin")
    await expect(button).to_be_visible()
    await button.click()
    await page.evaluate(f"location.hash = '{BOB}/{BOB}/admin/now'")
    await expect(page.locator(".me-name")).to_have_text("Bob")
    await expect(button).to_be_hidden()
    await expect(page.locator("#panel")).to_be_hidden()
    await expect(page.locator("#conversation")).to_be_visible()
    await page.close()
    sandbox.panel.url = ""
    page = await open_page()
    await page.evaluate(f"location.hash = '{ALICE}/{ALICE}/admin/now'")
    await expect(page.locator(".me-name")).to_have_text("Alice")
    await expect(page.locator("#conversation")).to_be_visible()
    await expect(page.get_by_role("button", name="Admin")).to_be_hidden()


async def test_a_bot_that_is_away_is_said_and_comes_back(watch, open_page, sandbox, mistakes):
    watched = await watch(past=False)
    page = await open_page()
    await page.get_by_role("button", name="Admin").click()
    await expect(page.get_by_text("Who answers photos")).to_be_visible()
    url, sandbox.panel.url = sandbox.panel.url, "http://127.0.0.1:9"
    await expect(page.locator(".panel-trouble")).to_have_text("The bot doesn't answer.")
    await expect(page.get_by_text("Who answers photos")).to_be_visible()
    sandbox.panel.url = url
    await expect(page.locator(".panel-trouble")).to_have_count(0)
    await page.close()
    assert watched.stage.app.panel.url == url
    mistakes[:] = [line for line in mistakes if "status of 502" not in line]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_on_a_phone_they_fit_and_arrow_keys_go_through_the_tabs_in_chinese(watch, open_page, sandbox, scheme):
    await watch()
    sandbox.world.users[ALICE] = dataclasses.replace(sandbox.world.users[ALICE], language_code="zh")
    page = await open_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    await page.get_by_role("button", name="返回聊天列表").click()
    await page.get_by_role("button", name="管理").click()
    await expect(page.locator("#panel h1")).to_have_text("管理")
    await page.locator("#tab-now").focus()
    for name, heading in (("runs", "训练"), ("models", "模型"), ("ratings", "打分")):
        await page.keyboard.press("ArrowRight")
        await expect(page.locator(f"#tab-{name}")).to_be_focused()
        await expect(page.locator(f"#tab-{name}")).to_have_text(heading)
        await expect(page.locator(".panel-body li").first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
    light = (
        await page.locator("#panel").evaluate("panel => getComputedStyle(panel).backgroundColor")
        == "rgb(245, 242, 236)"
    )
    assert light == (scheme == "light")
    await page.get_by_role("button", name="返回聊天", exact=True).click()
    await expect(page.locator("#conversation")).to_be_visible()
