"""The headless check of the demo: a scripted user sends photos, waits for each joke and presses a rating button.

It uses the HTTP interface of the sandbox's page. The result is counted from the rows in the database.
"""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import aiohttp

from bot.demo.stack import PHOTO_NAMES, DemoStack
from storage.chat.ratings import VALUES, get_rating
from storage.chat.stats import get_overall_stats
from storage.database import Database

JOKE_TIMEOUT_S = 120.0


class ScriptedUser:
    """One user of the page: acts over HTTP and gets the bot's messages over the WebSocket."""

    def __init__(self, session: aiohttp.ClientSession, user_id: int) -> None:
        self.session, self.id = session, user_id
        self.jokes: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def collect_jokes(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Collect the jokes: a bot's message with buttons is the finished joke for the photo that it replies to."""
        async for event in socket:
            message = event.json().get("message") or {}
            photo = message.get("reply_to_message", {}).get("message_id")
            if message.get("reply_markup") and photo is not None:
                joke = self.joke_for(photo)
                if not joke.done():
                    joke.set_result(message)

    def joke_for(self, photo_message_id: int) -> asyncio.Future[dict[str, Any]]:
        return self.jokes.setdefault(photo_message_id, asyncio.get_running_loop().create_future())

    async def send_photo(self, photo: Path) -> tuple[dict[str, Any], float]:
        """Send a photo; returns the joke's message and the seconds until it came. Raises TimeoutError."""
        form = aiohttp.FormData({"person": str(self.id), "chat": str(self.id), "kind": "photo"})
        form.add_field("files", await asyncio.to_thread(photo.read_bytes), filename=photo.name)
        started = time.perf_counter()
        async with self.session.post("/sandbox/files", data=form) as response:
            response.raise_for_status()
            sent = (await response.json())["messages"][0]
        joke = await asyncio.wait_for(self.joke_for(sent["message_id"]), JOKE_TIMEOUT_S)
        return joke, time.perf_counter() - started

    async def press_button(self, joke: dict[str, Any], index: int) -> str:
        """Press one of the joke's buttons and wait for the answer; returns the button's data."""
        data = [button["callback_data"] for row in joke["reply_markup"]["inline_keyboard"] for button in row][index]
        async with self.session.post(
            "/sandbox/press", json={"person": self.id, "chat": self.id, "data": data, "message_id": joke["message_id"]}
        ) as response:
            response.raise_for_status()
        return data


async def check_demo(demo: DemoStack, photos: Path) -> tuple[dict[str, Any], bool]:
    """Run the check; returns the report of `make demo-check`, and whether nothing was lost."""
    async with aiohttp.ClientSession(demo.page) as session, session.ws_connect("/sandbox/events") as socket:
        async with session.get("/sandbox/state") as response:
            user = ScriptedUser(session, (await response.json())["people"][0]["id"])
        listening = asyncio.create_task(user.collect_jokes(socket))
        try:
            results, presses = await rate_photos(user, [photos / name for name in PHOTO_NAMES])
        finally:
            listening.cancel()
    jokes, ratings = await count_stored(demo, user.id, presses)
    times = [seconds for _, seconds in results]
    report = {
        "photos": len(PHOTO_NAMES),
        "jokes": jokes,
        "ratings": ratings,
        "lost": len(PHOTO_NAMES) - len(results),
        "p50_joke_s": round(statistics.median(times), 2) if times else None,
        "engine": "cpu",
        "model": demo.model,
    }
    return report, jokes == ratings == len(PHOTO_NAMES) and not report["lost"]


async def rate_photos(
    user: ScriptedUser, photos: list[Path]
) -> tuple[list[tuple[dict[str, Any], float]], dict[int, int]]:
    """Send the photos one after another and rate each joke; returns (joke, seconds) pairs, and ratings by joke id."""
    results, presses = [], {}
    for number, photo in enumerate(photos):
        try:
            joke, seconds = await user.send_photo(photo)
        except TimeoutError:
            print(f"{photo.name}: no joke within {JOKE_TIMEOUT_S:.0f} s", flush=True)
            continue
        results.append((joke, seconds))
        index = number % len(VALUES)
        data = await user.press_button(joke, index)
        presses[int(data.split(":")[1])] = VALUES[index]
        print(f"{photo.name} ({seconds:.1f} s): {joke['text']}", flush=True)
    return results, presses


async def count_stored(demo: DemoStack, user_id: int, presses: dict[int, int]) -> tuple[int, int]:
    """The number of stored jokes, and the number of presses that are stored with their rating."""
    database = await Database.open(demo.data / "jokebot.sqlite3")
    try:
        ratings = [await get_rating(database, joke_id, user_id) == value for joke_id, value in presses.items()]
        return (await get_overall_stats(database)).jokes, sum(ratings)
    finally:
        await database.close()
