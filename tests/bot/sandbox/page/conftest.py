"""The chat page of a running sandbox in Chromium; a test fails if the page logs an error to its console."""

import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from bot.sandbox.server import Sandbox

CHROMIUM = shutil.which("chromium")
TIMEOUT_MS = 60_000
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
OpenPage = Callable[..., Coroutine[Any, Any, Page]]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here; Debian's is installed by `apt-get install chromium`")
    expect.set_options(timeout=TIMEOUT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=TIMEOUT_MS)
        yield browser
        await browser.close()


@pytest.fixture
def mistakes() -> list[str]:
    """Errors in the page's console; a test removes those that it expects."""
    return []


@pytest.fixture
async def open_page(sandbox: Sandbox, browser: Browser, mistakes: list[str]) -> AsyncIterator[OpenPage]:
    """`await open_page(…)`: the loaded page in a new browser context with these settings."""

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            mistakes.append(message.text)

    async def open_(**settings: Any) -> Page:
        size = settings.pop("viewport", {"width": 1200, "height": 800})
        context = await browser.new_context(viewport=size, locale="en-GB", timezone_id="UTC", **settings)
        context.set_default_timeout(TIMEOUT_MS)
        page = await context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        await page.goto(sandbox.url)
        await expect(page.locator("body")).not_to_have_class("starting")
        return page

    yield open_
    for context in browser.contexts:
        await context.close()
    assert mistakes == []


@pytest.fixture(autouse=True)
def long_answer_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Presses wait longer for their answer, for slow machines."""
    monkeypatch.setattr("bot.sandbox.control_api.ANSWER_TIMEOUT_S", TIMEOUT_MS / 1000)


@pytest.fixture
async def page(open_page: OpenPage) -> Page:
    return await open_page()


@pytest.fixture
def photo_file(tmp_path: Path, picture: Callable[..., bytes]) -> Callable[[str, str], Path]:
    """`photo_file(name, color)`: the path of a new JPEG file."""

    def make(name: str = "cat.jpg", color: str = "teal") -> Path:
        path = tmp_path / name
        path.write_bytes(picture(900, 600, color))
        return path

    return make


@pytest.fixture
def choose(page: Page) -> Callable[..., Coroutine[Any, Any, None]]:
    """`await choose("photo", path…)`: choose files in the attachment menu."""

    async def choose_(kind: str, *paths: Path) -> None:
        await page.get_by_role("button", name="Attach").click()
        async with page.expect_file_chooser() as chooser:
            await page.locator(f"#attach-menu [data-kind={kind}]").click()
        await (await chooser.value).set_files([str(path) for path in paths])

    return choose_


@pytest.fixture
def drag(page: Page) -> Callable[..., Coroutine[Any, Any, None]]:
    """`await drag("dragEnter", x, y, path…)`: dispatch a drag event with files from outside the browser."""

    async def drag_(kind: str, x: float, y: float, *paths: Path) -> None:
        session = await page.context.new_cdp_session(page)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        await session.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})

    return drag_
