"""Take the pictures of README and documentation anew: `make screenshots`, or with ARGS="--only NAME …".

Starts demos in temporary folders, plays a few users through the chat page's HTTP interface, and photographs the page in
Chromium. Photographs of the demo's scikit-image package come first: chelsea.png and coffee.png are CC0, astronaut.png
and rocket.jpg are NASA's and in the public domain; the drawings are the demo's own. Pictures above MAX_BYTES get a
palette. The jokes are what the demo's model writes at that moment.
"""

import argparse
import asyncio
import io
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from bot.charts.render import draw_picture
from bot.charts.stats_data import StatsChartData
from bot.demo import stack
from bot.demo.samples import link_samples, photo_folder
from bot.handlers.keyboards import PHOTO
from bot.i18n.localizer import Localizer
from bot.i18n.translator import Translator
from configs.settings import Settings, load_settings
from storage.chat.daily_history import DayStats, ModelLikes
from storage.chat.stats import UsageStats

IMAGES = Path(__file__).with_name("images")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
MAX_BYTES = 150_000
WAIT_S = 600.0
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 780}
ALICE, BOB, MING = 1001, 1002, 1003
FIRST_PHOTOS = ("coffee.png", "chelsea.png")
PARTS = ("stats", "chat", "settings", "learning", "album")
RATED = 16
"""Photos that are rated before the run: the pictures that the page offers, some of them again."""


class Demo:
    """A running demo: users act over HTTP, and pages are photographed."""

    def __init__(self, browser: Browser, page: str) -> None:
        self._browser, self.url = browser, page
        self._request = browser.new_context().request

    def state(self) -> Any:
        return self._request.get(f"{self.url}/sandbox/state").json()

    def group(self) -> int:
        """The id of the group that a new sandbox has."""
        return next(chat["id"] for chat in self.state()["chats"] if chat["type"] != "private")

    def messages(self, chat: int) -> list[dict[str, Any]]:
        return self.state()["messages"][str(chat)]

    def until(self, chat: int, condition: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait for the newest message for which `condition` holds. Raises TimeoutError, which names `what`."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if found := next((one for one in reversed(self.messages(chat)) if condition(one)), None):
                return found
            time.sleep(0.5)
        raise TimeoutError(f"{what} did not come within {WAIT_S:.0f} s")

    def say(self, text: str, person: int = ALICE, chat: int | None = None) -> dict[str, Any]:
        """Send a text, and wait for the answer."""
        body = {"person": person, "chat": chat or person, "text": text}
        sent = self._request.post(f"{self.url}/sandbox/text", data=body).json()["message"]
        return self.until(chat or person, answers(sent), f"the answer to {text}")

    def send(self, *photos: Path, person: int = ALICE, chat: int | None = None, caption: str = "") -> dict[str, Any]:
        """Send a photo or an album, and wait for the joke about the first photo."""
        form: dict[str, Any] = {"person": str(person), "chat": str(chat or person), "caption": caption}
        form["kind"] = "album" if len(photos) > 1 else "photo"
        for number, photo in enumerate(photos):
            form[f"file{number}"] = {"name": photo.name, "mimeType": "image/jpeg", "buffer": photo.read_bytes()}
        sent = self._request.post(f"{self.url}/sandbox/files", multipart=form).json()["messages"][0]
        return self.until(chat or person, lambda one: answers(sent)(one) and "reply_markup" in one, "a joke")

    def press(self, message: dict[str, Any], label: str, person: int = ALICE) -> None:
        """Press the button whose label begins with `label`."""
        rows = message["reply_markup"]["inline_keyboard"]
        data = next(one["callback_data"] for row in rows for one in row if one["text"].startswith(label))
        body = {"person": person, "chat": message["chat"]["id"], "message_id": message["message_id"], "data": data}
        self._request.post(f"{self.url}/sandbox/press", data=body, timeout=60_000)

    def file(self, message: dict[str, Any]) -> bytes:
        """The bytes of a message's photo."""
        return self._request.get(f"{self.url}/sandbox/file/{message['photo'][-1]['file_id']}").body()

    @contextmanager
    def page(self, place: str, size: dict[str, int], *, dark: bool = False, scale: float = 1.0) -> Iterator[Page]:
        """The loaded page at `#place`, for example 1001/1001."""
        scheme = "dark" if dark else "light"
        phone = size is PHONE
        context = self._browser.new_context(
            viewport=size, color_scheme=scheme, device_scale_factor=scale, has_touch=phone, locale="en-GB"
        )
        context.set_default_timeout(1000 * WAIT_S)  # for busy machines
        page = context.new_page()
        page.goto(f"{self.url}/#{place}")
        page.wait_for_selector("body:not(.starting)")
        if phone and "admin" not in place:
            page.evaluate("document.body.dataset.pane = 'conversation'")
        settle(page)
        yield page
        context.close()


def answers(sent: dict[str, Any]) -> Callable[[dict[str, Any]], bool]:
    """Whether a message is the bot's reply to `sent`."""
    number = sent["message_id"]
    return lambda one: one["from"]["is_bot"] and one.get("reply_to_message", {}).get("message_id") == number


def settle(page: Page) -> None:
    """Wait until the visible pictures are loaded and nothing moves any more."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function("[...document.images].every((one) => one.complete || one.loading === 'lazy')")
    page.wait_for_timeout(800)


def save(name: str, data: bytes, folder: Path) -> None:
    """Write a PNG, with a palette if it is too large otherwise."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    for colours in (256, 160, 96):
        if buffer.tell() <= MAX_BYTES:
            break
        buffer = io.BytesIO()
        reduced = image.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
        reduced.save(buffer, "PNG", optimize=True)
    (folder / f"{name}.png").write_bytes(buffer.getvalue())
    print(f"{name}.png: {image.width} × {image.height}, {buffer.tell() / 1000:.0f} kB", flush=True)


@contextmanager
def running(browser: Browser, settings: Settings, **variables: str) -> Iterator[Demo]:
    """A new demo with these variables of the environment."""
    os.environ.update(variables)
    with (
        tempfile.TemporaryDirectory() as folder,
        stack.running_demo(settings, data=Path(folder), report=print) as demo,
    ):
        yield Demo(browser, demo.page)
    for name in variables:
        del os.environ[name]


def samples(settings: Settings) -> list[Path]:
    """The pictures that the page offers."""
    with tempfile.TemporaryDirectory() as folder:
        links = link_samples(settings, Path(folder))
        return [path.resolve() for path in sorted(links.iterdir())]


def chat_pictures(demo: Demo, photos: Path, folder: Path) -> None:
    """The first screens of README.md and, in Chinese and dark, of README.zh.md."""
    for name in FIRST_PHOTOS:
        joke = demo.send(photos / name)
        demo.press(joke, "😂")
    with demo.page(f"{ALICE}/{ALICE}", DESKTOP) as page:
        save("sandbox", page.screenshot(), folder)
    demo.send(photos / FIRST_PHOTOS[-1], person=MING)
    with demo.page(f"{MING}/{MING}", DESKTOP, dark=True) as page:
        save("sandbox-zh", page.screenshot(), folder)


def settings_picture(demo: Demo, folder: Path) -> None:
    """The settings of a group, and below them the page of styles."""
    group = demo.group()
    demo.say("/settings", chat=group)
    second = demo.say("/settings", chat=group)
    data = next(
        one for row in second["reply_markup"]["inline_keyboard"] for one in row if "style" in one["callback_data"]
    )
    demo.press(second, data["text"])
    with demo.page(f"{ALICE}/{group}", {"width": 420, "height": 1180}, scale=1.5) as page:
        page.evaluate("document.body.dataset.pane = 'conversation'")
        settle(page)
        save("settings", page.screenshot(), folder)


def learning_pictures(demo: Demo, pictures: list[Path], folder: Path) -> None:
    """/best, the admin pages during a run, and the picture of its outcome."""
    for number in range(RATED):
        joke = demo.send(pictures[number % len(pictures)])
        demo.press(joke, ("😂", "🙂", "😂", "😐")[number % 4])
    demo.say("/best")
    with demo.page(f"{ALICE}/{ALICE}", PHONE, scale=2) as page:
        save("best", page.locator(".message:not(.mine)").last.screenshot(), folder)
    with demo.page(f"{ALICE}/{ALICE}/admin/ratings", DESKTOP) as page:
        save("admin-ratings", page.screenshot(), folder)
    question = demo.say("/retrain")
    if "reply_markup" not in question:
        print(f"no run: {question['text']}", flush=True)
        return
    demo.press(
        question,
        next(
            one["text"]
            for row in question["reply_markup"]["inline_keyboard"]
            for one in row
            if one["callback_data"].startswith("yes")
        ),
    )
    with demo.page(f"{ALICE}/{ALICE}/admin/now", DESKTOP) as page:
        page.wait_for_selector(".panel-card.run svg, .run-counted strong:not(:empty)")
        settle(page)
        save("admin", page.screenshot(), folder)
    card = demo.until(
        ALICE,
        lambda one: "photo" in one and one["from"]["is_bot"] and "reply_to_message" not in one,
        "the run's picture",
    )
    save("run", demo.file(card), folder)


def stats_picture(folder: Path) -> None:
    """The picture of /stats with made numbers of 45 days and six models."""
    first, waves = date(2026, 10, 11), [1 + 0.3 * math.sin(day / 7) for day in range(45)]
    days = [
        DayStats(
            first + timedelta(day), round(15 * wave), round(10 * wave), round(9 * wave), round(33 * wave), 36, wave, 3.6
        )
        for day, wave in enumerate(waves)
    ]
    likes = ((9, "run-8", 156, 211), (7, "run-6", 2925, 4120), (6, "run-5", 30, 61), (5, "run-4", 576, 900))
    versions = [ModelLikes(number, name, "", liked, count) for number, name, liked, count in likes]
    versions.append(ModelLikes(1, "InternVL2-2B", "base", 1728, 2980))
    chart = StatsChartData(Localizer(Translator(), "en"))
    content = chart.content(days, UsageStats(12_345, 13_001, 8293, 5390), versions, 7, dark=False)
    with tempfile.TemporaryDirectory() as data:
        save("stats", asyncio.run(draw_picture("stats", content, Path(data))), folder)


def album_picture(demo: Demo, pictures: list[Path], folder: Path) -> None:
    """An album with one joke, and the joke about another of its photos."""
    joke = demo.send(*pictures[:5])
    demo.press(joke, f"{PHOTO} 2")
    demo.until(ALICE, lambda one: one["message_id"] > joke["message_id"] and "reply_markup" in one, "the second joke")
    with demo.page(f"{ALICE}/{ALICE}", {"width": 640, "height": 758}) as page:
        page.evaluate("document.body.dataset.pane = 'conversation'")
        settle(page)
        save("album", page.screenshot(), folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder of the pictures (default: docs/images)")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="these pictures only")
    parser.add_argument("--page", help="photograph the demo that runs at this address instead of starting one")
    arguments = parser.parse_args()
    wanted, settings = arguments.only or PARTS, load_settings()
    arguments.out.mkdir(parents=True, exist_ok=True)
    photos, pictures = photo_folder(settings), samples(settings)
    if "stats" in wanted:
        stats_picture(arguments.out)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        if set(wanted) - {"album", "stats"}:
            with nullcontext(Demo(browser, arguments.page)) if arguments.page else running(browser, settings) as demo:
                if "chat" in wanted:
                    chat_pictures(demo, photos, arguments.out)
                if "settings" in wanted:
                    settings_picture(demo, arguments.out)
                if "learning" in wanted:
                    learning_pictures(demo, pictures, arguments.out)
        if "album" in wanted:
            with running(browser, settings, JOKEBOT_JOKE_ALBUM_MODE="per_album") as demo:
                album_picture(demo, pictures, arguments.out)
        browser.close()


if __name__ == "__main__":
    main()
