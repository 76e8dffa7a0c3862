"""The page is in the current user's language."""

import re

import pytest
from playwright.async_api import expect

from bot.sandbox.page_files import PAGE
from tests.bot.sandbox.page.people import switch

MING = 1003
pytestmark = pytest.mark.browser


async def test_the_page_speaks_the_persons_language(page, sandbox, picture):
    sandbox.world.send_photo(MING, sandbox.world.group_id, picture())
    await expect(page.get_by_role("button", name="New group")).to_be_visible()
    await switch(page, "小明")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    await expect(page.get_by_role("button", name="新建群")).to_be_visible()
    await expect(page.locator("#empty-title")).to_have_text("发张照片，换个笑话")
    await expect(page.get_by_role("combobox", name="消息")).to_have_attribute("placeholder", "消息")
    await page.locator(f'[data-chat="{sandbox.world.group_id}"]').click()
    await expect(page.locator(".day")).to_have_text("今天")
    await expect(page.locator("#chat-status")).to_have_text("Jokebot, Alice, Bob, 你")
    await page.get_by_role("button", name="照片，点击放大").click()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="添加附件").click()
    await expect(page.locator("#attach-kinds button")).to_have_text(["照片", "相册", "文件", "贴纸", "动图", "视频"])
    await page.keyboard.press("Escape")
    await switch(page, "Bob")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.locator(".day")).to_have_text("Today")


async def test_every_phrase_is_translated(page):
    """Both tables have the same names and placeholders, and all names that the page uses."""
    tables = await page.evaluate("""async () => {
        const [{ en }, { zh }] = await Promise.all([import("/page/phrases_en.js"), import("/page/phrases_zh.js")]);
        const blanks = (phrases) => Object.fromEntries(Object.entries(phrases).map(
            ([name, phrase]) => [name, typeof phrase === "function" ? phrase.length : 0]));
        return [blanks(en), blanks(zh)];
    }""")
    html_names = await page.evaluate("""() => [...document.querySelectorAll("*")].flatMap((node) =>
        ["say", "sayLabel", "sayTitle", "sayPlaceholder"].map((mark) => node.dataset?.[mark]).filter(Boolean))""")
    assert tables[0] == tables[1]
    assert len(html_names) > 50
    assert set(html_names) <= tables[0].keys()
    source = "".join(
        path.read_text(encoding="utf-8") for path in PAGE.glob("*.js") if not path.name.startswith("phrases")
    )
    script_names = set(re.findall(r'say\(\s*"(\w+)"', source))
    assert len(script_names) > 30
    assert script_names <= tables[0].keys()
