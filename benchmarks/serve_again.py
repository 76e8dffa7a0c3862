"""Parts of `make bench-serve` about photos that a server has seen: another joke for each, and four jokes at once.

*again*: photos are sent once, then a second time in random order with another style's prompt. *jokes of 4*: each client
sends four requests for a fresh photo at once and waits for all. Texts are always 64 tokens.
"""

import asyncio
import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from benchmarks.load import LIMIT_S, Engines, Sent, closed_loop, whole_loop
from benchmarks.photos import Photos
from configs.prompts import load_prompts

AGAIN = {300: 1, 100: 2, 40: 4}
"""Number of photos → how often each is sent again."""
FIRST_WORD_PHOTOS = 20
CLIENTS = (32, 64)
JOKES = 4


def prompts() -> list[str]:
    """The English prompts of all styles, which begin with different words."""
    loaded = load_prompts()
    return [loaded.ask("en", style) for style in loaded.languages["en"].styles]


def again(urls: Sequence[str], key: str, tiles: int, photos: Photos, scale: float) -> dict[str, Any]:
    """Measure photos that were sent before, for each number of AGAIN and each number of clients."""
    texts, part = prompts(), {}
    for count, repeats in AGAIN.items():
        for clients in CLIENTS:
            numbers = range(max(clients, int(count * scale)))
            base, shuffled = photos.made + 1, random.Random(count)
            photos.made += len(numbers)
            run_once(Engines(urls, key, tiles=tiles), photos, [base + number for number in numbers], max(CLIENTS))
            measured = []
            for repeat in range(repeats):
                order = [base + number for number in numbers]
                shuffled.shuffle(order)
                engines = Engines(urls, key, tiles=tiles, text=texts[1 + repeat % (len(texts) - 1)])
                measured.append(run_once(engines, photos, order, clients))
            part[f"{count}, {clients} clients"] = combine(measured)
    return part


def run_once(engines: Engines, photos: Photos, order: Sequence[int], clients: int) -> dict[str, Any]:
    remaining = iter(order)
    done = asyncio.run(closed_loop(engines, lambda: photos.photo(next(remaining)), clients, len(order)))
    cached, all_tokens = sum(sent.cached for sent in done), sum(sent.prompt_tokens for sent in done)
    return whole_loop(done, clients) | {"hit_share": round(cached / max(1, all_tokens), 3)}


def combine(measured: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The last repetition's summary with the means of rate and hit share."""
    means = {
        name: round(sum(part[name] for part in measured) / len(measured), 3) for name in ("photos_per_s", "hit_share")
    }
    return {**measured[-1], **means, "failed": sum(part["failed"] for part in measured)}


def first_word(urls: Sequence[str], key: str, tiles: int, photos: Photos) -> dict[str, float]:
    """Median seconds to the first word with one client: fresh photos, and the same ones again."""
    texts, base = prompts(), photos.made + 1
    photos.made += FIRST_WORD_PHOTOS
    result = {}
    for name, text in (("fresh", texts[0]), ("again", texts[1]), ("third", texts[2])):
        order = [base + number for number in range(FIRST_WORD_PHOTOS)]
        measured = run_once(Engines(urls, key, tiles=tiles, text=text), photos, order, 1)
        result[f"{name}_first_word_s"] = measured["first_word_p50_s"]
        result[f"{name}_hit_share"] = measured["hit_share"]
    return result


def jokes_of_4(
    urls: Sequence[str], key: str, tiles: int, photos: Photos, requests: int, clients: int = 64
) -> dict[str, Any]:
    """Photos per second where each gets four jokes at once, and a photo's prefill tokens that were not in the cache."""
    engines, numbers = Engines(urls, key, tiles=tiles), itertools.count()
    done: list[Sent] = []

    async def client(session: aiohttp.ClientSession) -> None:
        while next(numbers) < requests:
            photo = photos.next()
            sent = await asyncio.gather(*(engines.request(session, photo) for _ in range(JOKES)))
            done.append(slowest(sent))

    async def all_clients() -> None:
        limits = aiohttp.ClientTimeout(total=LIMIT_S)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=limits, connector=connector) as session, asyncio.TaskGroup() as tasks:
            for _ in range(clients):
                tasks.create_task(client(session))

    asyncio.run(all_clients())
    prefilled = sum(sent.prompt_tokens - sent.cached for sent in done) / max(1, len(done))
    return whole_loop(done, clients) | {"jokes": JOKES, "prefill_tokens": round(prefilled)}


def slowest(sent: Sequence[Sent]) -> Sent:
    """One photo's requests as one: from the first start to the last end, with the sums of tokens."""
    whole = Sent(min(part.sent for part in sent), first=min(part.first for part in sent))
    whole.ended = max(part.ended for part in sent)
    whole.tokens = sum(part.tokens for part in sent)
    whole.prompt_tokens, whole.cached = sum(part.prompt_tokens for part in sent), sum(part.cached for part in sent)
    whole.failure = next((part.failure for part in sent if part.failure), "")
    return whole


Say = Callable[[str], None]


def measure_all(urls: Sequence[str], key: str, tiles: int, scale: float, say: Say) -> dict[str, Any]:
    """All of this module's measurements on running servers."""
    photos = Photos()
    photos.made = 10_000
    part: dict[str, Any] = first_word(urls, key, tiles, photos)
    say(f"first words: {part}")
    part["jokes_of_4"] = jokes_of_4(urls, key, tiles, photos, max(66, int(320 * scale)))
    say(f"jokes of 4: {part['jokes_of_4']}")
    part["again"] = again(urls, key, tiles, photos, scale)
    say(f"again: {part['again']}")
    return part
