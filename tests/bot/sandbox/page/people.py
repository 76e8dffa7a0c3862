"""What tests of the page do as a reader of it."""

from playwright.async_api import Page, expect


async def switch(page: Page, name: str) -> None:
    """Be another person, by the menu; returns when the page says so."""
    await page.locator("#me").click()
    await page.locator("#people").get_by_role("button", name=name).click()
    await expect(page.locator(".me-name")).to_have_text(name)
