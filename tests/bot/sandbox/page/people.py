"""Actions on the page that several tests share."""

from playwright.async_api import Page, expect


async def switch(page: Page, name: str) -> None:
    """Switch to another user in the menu and wait for the page."""
    await page.locator("#me").click()
    await page.locator("#people").get_by_role("button", name=name).click()
    await expect(page.locator(".me-name")).to_have_text(name)
