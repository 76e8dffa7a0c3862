"""The demo, headless: a person sends photos, waits for each joke and presses a button under it.

Everything goes through the sandbox page's own HTTP interface; what counts in the end is what SQLite holds.
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
    """One person at the page: acts over HTTP, hears over the WebSocket what the bot writes."""

    def __init__(self, session: aiohttp.ClientSession, person_id: int) -> None:
        self.session, self.id = session, person_id
        self.jokes: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """A bot's message with buttons is a finished joke for the photo it replies to."""
        async for event in socket:
            message = event.json().get("message") or {}
            photo = message.get("reply_to_message", {}).get("message_id")
            if message.get("reply_markup") and photo is not None:
                joke = self.joke_for(photo)
                if not joke.done():
                    joke.set_result(message)

    def joke_for(self, photo_message_id: int) -> asyncio.Future[dict[str, Any]]:
        return self.jokes.setdefault(photo_message_id, asyncio.get_running_loop().create_future())

    async def send(self, photo: Path) -> tuple[dict[str, Any], float]:
        """Send a photo; its joke's message and the seconds it took. Raises TimeoutError."""
        form = aiohttp.FormData({"person": str(self.id), "chat": str(self.id), "kind": "photo"})
        form.add_field("files", await asyncio.to_thread(photo.read_bytes), filename=photo.name)
        started = time.perf_counter()
        async with self.session.post("/sandbox/files", data=form) as response:
            response.raise_for_status()
            sent = (await response.json())["messages"][0]
        joke = await asyncio.wait_for(self.joke_for(sent["message_id"]), JOKE_TIMEOUT_S)
        return joke, time.perf_counter() - started

    async def press(self, joke: dict[str, Any], place: int) -> str:
        """Press one of the joke's buttons and wait for the answer; returns the button's data."""
        data = [button["callback_data"] for row in joke["reply_markup"]["inline_keyboard"] for button in row][place]
        async with self.session.post(
            "/sandbox/press", json={"person": self.id, "chat": self.id, "data": data, "message_id": joke["message_id"]}
        ) as response:
            response.raise_for_status()
        return data


async def check(demo: DemoStack, photos: Path) -> tuple[dict[str, Any], bool]:
    """Play the demo through; the numbers of `make demo-check` and whether nothing was lost."""
    async with aiohttp.ClientSession(demo.page) as session, session.ws_connect("/sandbox/events") as socket:
        async with session.get("/sandbox/state") as response:
            person = ScriptedUser(session, (await response.json())["people"][0]["id"])
        listening = asyncio.create_task(person.listen(socket))
        try:
            results, presses = await play(person, [photos / name for name in PHOTO_NAMES])
        finally:
            listening.cancel()
    jokes, ratings = await kept(demo, person.id, presses)
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


async def play(person: ScriptedUser, photos: list[Path]) -> tuple[list[tuple[dict[str, Any], float]], dict[int, int]]:
    """Send the photos one after another and rate each joke; (joke, seconds) pairs and the verdicts pressed by joke
    id.
    """
    results, presses = [], {}
    for number, photo in enumerate(photos):
        try:
            joke, seconds = await person.send(photo)
        except TimeoutError:
            print(f"{photo.name}: no joke within {JOKE_TIMEOUT_S:.0f} s", flush=True)
            continue
        results.append((joke, seconds))
        place = number % len(VALUES)
        data = await person.press(joke, place)
        presses[int(data.split(":")[1])] = VALUES[place]
        print(f"{photo.name} ({seconds:.1f} s): {joke['text']}", flush=True)
    return results, presses


async def kept(demo: DemoStack, person_id: int, presses: dict[int, int]) -> tuple[int, int]:
    """How many jokes are stored, and how many of the presses are rows with the verdict that was pressed."""
    database = await Database.open(demo.data / "jokebot.sqlite3")
    try:
        ratings = [await get_rating(database, joke_id, person_id) == value for joke_id, value in presses.items()]
        return (await get_overall_stats(database)).jokes, sum(ratings)
    finally:
        await database.close()
