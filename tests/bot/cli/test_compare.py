"""`jokebot compare` makes a page with two models' jokes side by side."""

import re
import shutil
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Page, async_playwright

from bot.engine.stub.engine import StubEngine, StubRefusal, StubReply
from configs.prompts import load_prompts
from configs.settings import ROOT
from tests.bot.cli.command import jokebot

compare = partial(jokebot, "compare")
NASTY = '<script>document.title = "taken over"</script><img src=x onerror="alert(1)"> & "quotes"\nsecond line'
CHROMIUM = shutil.which("chromium")


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "big <b>photo.jpg"
    Image.radial_gradient("L").convert("RGB").resize((3000, 2000)).save(path)
    return path


@pytest.fixture
async def before():
    async with StubEngine.running(text="Why did the cat\ncross the road?", models=["before"]) as engine:
        yield engine


@pytest.fixture
async def after():
    async with StubEngine.running(text="The cat has no comment.", models=["after"]) as engine:
        yield engine


async def test_both_models_are_asked_the_same_with_the_same_seed(before, after, photo, tmp_path):
    code, out, err = await compare(
        before.url,
        after.url,
        photo,
        "--out",
        tmp_path / "page.html",
        "--language",
        "zh",
        "--style",
        "pun",
        "--seed",
        42,
    )
    assert (code, err) == (0, "") and out.splitlines()[-1] == f"The page: {tmp_path / 'page.html'}"
    [first], [second] = before.asked, after.asked
    assert first.user == second.user == load_prompts().ask("zh", "pun") and first.seed == second.seed == 42
    assert first.size == second.size == (3000, 2000)
    page = (tmp_path / "page.html").read_text()
    assert "Why did the cat\ncross the road?" in page and "The cat has no comment." in page and "seed 42" in page


async def test_each_photo_has_a_seed_of_its_own_that_both_models_share(before, after, photo, tmp_path):
    code, _, _ = await compare(before.url, after.url, photo, photo, photo, "--out", tmp_path / "page.html", "--seed", 7)
    assert code == 0 and [one.seed for one in before.asked] == [one.seed for one in after.asked] == [7, 8, 9]
    assert "seeds 7 to 9" in (tmp_path / "page.html").read_text()


async def test_the_page_needs_nothing_else_and_runs_nothing(before, after, photo, tmp_path):
    after.answer = StubReply(NASTY)
    await compare(before.url, after.url, photo, photo, "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page and "<img src=x" not in page and "&lt;script&gt;" in page and "&lt;b&gt;photo" in page
    assert all(source.startswith("data:image/jpeg;base64,") for source in re.findall(r'<img src="([^"]+)', page))
    assert str(tmp_path) not in page and len(page) < 400_000 and page.count("<article>") == 2


async def test_a_photo_without_a_joke_says_why_and_the_rest_is_there(before, after, photo, tmp_path):
    after.script.append(StubRefusal(400, "too funny"))
    code, _, err = await compare(
        before.url, after.url, photo, tmp_path / "missing.jpg", photo, "--out", tmp_path / "page.html"
    )
    page = (tmp_path / "page.html").read_text()
    assert code == 1 and "missing.jpg: The file can't be read" in err and "too funny" in err and "Traceback" not in err
    assert (
        page.count("<article>") == 2 and page.count("No joke: ") == 1 and "1 of 2 told" in page and "too funny" in page
    )


async def test_equal_jokes_are_pointed_out(before, after, photo, tmp_path):
    after.answer = before.answer
    await compare(before.url, after.url, photo, photo, "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert (
        page.count("Both say the same.") == 2
        and page.count("1 repeated") == 2
        and "<h2>before</h2>" in page
        and "<h2>after</h2>" in page
    )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--style", "nonsense"], "no style"),
        (["--language", "xx"], "no prompts for the language"),
        (["--out", "/nowhere/page.html"], "folder does not exist"),
        (["--out", "/"], "is a folder"),
    ],
)
async def test_a_mistake_is_told_before_anything_is_asked(before, after, photo, tmp_path, arguments, word):
    code, _, err = await compare(before.url, after.url, photo, "--out", tmp_path / "page.html", *arguments)
    assert code == 2 and word in err and len(err.splitlines()) == 1
    assert not before.model_requests and not (tmp_path / "page.html").exists()


async def test_a_second_model_that_is_none_is_told_before_the_first_is_asked(before, photo, tmp_path):
    async with StubEngine.running() as gone:
        url = gone.url
    for model, word in ((url, "can't be reached"), ("/nowhere", "neither a model directory nor")):
        code, _, err = await compare(before.url, model, photo, "--out", tmp_path / "page.html")
        assert code == 2 and word in err and not before.requests and not (tmp_path / "page.html").exists()


async def test_no_joke_at_all_makes_no_page(before, after, photo, tmp_path):
    before.script.append(StubRefusal(400))
    after.script.append(StubRefusal(400))
    code, _, err = await compare(before.url, after.url, photo, "--out", tmp_path / "page.html")
    assert code == 2 and "nothing to compare" in err and [path.name for path in tmp_path.iterdir()] == [photo.name]


async def test_directories_are_served_one_after_the_other(photo, tmp_path):
    """The interpreter of the train environment is a script that serves a fixed text and notes when it starts and
    ends.
    """
    python, notes = tmp_path / "bin" / "python", tmp_path / "notes"
    python.parent.mkdir()
    python.write_text(
        f"#!/bin/sh\ncd '{ROOT}'\necho start >>'{notes}'\n'{sys.executable}' -m bot.engine.stub.engine --port 0 "
        '--text "I am $4" &\n'
        f"trap \"kill $!; wait; echo end >>'{notes}'; exit\" TERM\nwait\n"
    )
    python.chmod(0o700)
    models = [tmp_path / "old", tmp_path / "new"]
    for model in models:
        shutil.copytree(ROOT / "configs" / "demo-model" / "checkpoint", model)
    code, _, err = await compare(
        *models, photo, "--out", tmp_path / "page.html", JOKEBOT_ENVIRONMENTS_TRAIN_PYTHON=str(python)
    )
    page = (tmp_path / "page.html").read_text()
    assert (code, err) == (0, "") and f"I am {models[0]}" in page and f"I am {models[1]}" in page
    assert notes.read_text().split() == ["start", "end", "start", "end"]


@pytest.fixture
async def opened(before, after, photo, tmp_path) -> AsyncIterator[Page]:
    """The page in Chromium on a dark phone."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here; Debian's is installed by `apt-get install chromium`")
    after.answer = StubReply(NASTY + " word" * 60 + "x" * 300)
    assert (await compare(before.url, after.url, photo, "--out", tmp_path / "page.html"))[0] == 0
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, timeout=60_000, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        context = await browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
        context.set_default_timeout(60_000)
        page = await context.new_page()
        await page.goto((tmp_path / "page.html").as_uri())
        yield page
        await browser.close()


@pytest.mark.browser
async def test_in_a_browser_the_page_fits_a_phone_and_follows_its_colours(opened: Page):
    assert await opened.evaluate("document.documentElement.scrollWidth") == 390
    boxes = [await opened.locator(f".joke.{letter}").bounding_box() for letter in "ab"]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"], "one below the other"
    await opened.set_viewport_size({"width": 1200, "height": 900})
    boxes = [await opened.locator(f".joke.{letter}").bounding_box() for letter in "ab"]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"], "side by side"
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    dark = await opened.evaluate(colour)
    await opened.emulate_media(color_scheme="light")
    assert await opened.evaluate(colour) != dark


@pytest.mark.browser
async def test_in_a_browser_the_jokes_are_text_and_the_picture_shows(opened: Page):
    assert "taken over" not in await opened.title()
    assert (await opened.locator(".joke.b blockquote").inner_text()).startswith(NASTY)
    assert await opened.locator("article img").evaluate("image => [image.complete, image.naturalWidth]") == [True, 900]
