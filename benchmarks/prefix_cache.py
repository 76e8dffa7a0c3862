"""`make bench-prefix_cache ARGS="--cold URL --warm URL"`: whether a photo found in the cache changes any reply.

Both servers have the demo model, whose replies differ by photo; the warm one has the prefix cache. 40 photos with three
prompts each are answered at temperature 0, four at once: by the cold server twice (the second time eight at once, as a
control), and by the warm server twice (the second time every photo is in the cache). If two token sequences differ, the
gap between the two best log-probabilities at the first differing token is taken; below 0.1, bf16 may choose either.
`benchmarks/gpu_prefix_cache.sh` starts the servers. The last output line is one JSON object:

    warm_equal, warm_near, warm_different        warm replies against the cold ones
    control_equal, control_near, control_different   the cold server's second replies against its first
    hit_share                                    of the prompts' tokens in the warm server's second pass
    foreign_tokens                               most tokens found for a photo that differs in one tile or in its grid,
                                                 or for no photo at all; a request without a photo has `text_tokens`
"""

import argparse
import asyncio
import base64
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from PIL import Image, ImageEnhance, ImageOps

from configs.chat_templates import chat_template
from configs.prompts import load_prompts

SAMPLES = Path(__file__).resolve().parents[1] / "configs" / "demo-model" / "samples"
PHOTOS, PROMPTS, GAP, CLIENTS, CONTROL_CLIENTS = 40, 3, 0.1, 4, 8


@dataclass(frozen=True)
class Reply:
    """A greedy reply: its tokens, each token's lead over the second best in log-probability, and the cached tokens."""

    tokens: tuple[str, ...]
    gaps: tuple[float, ...]
    prompt_tokens: int
    cached: int


def photos() -> list[Image.Image]:
    """40 different pictures: the demo's samples, mirrored, turned, darker and cropped."""
    variants = (
        lambda picture: picture,
        ImageOps.mirror,
        ImageOps.flip,
        lambda picture: ImageEnhance.Brightness(picture).enhance(0.7),
        lambda picture: ImageOps.crop(picture, min(picture.size) // 8),
    )
    opened = [Image.open(file).convert("RGB") for file in sorted(SAMPLES.glob("*.jpg"))]
    return [variant(picture) for variant in variants for picture in opened][:PHOTOS]


def lead(logprobs: Sequence[float]) -> float:
    """How far the best of some log-probabilities is before the second; 9 if LMDeploy gives no second."""
    best = sorted(logprobs, reverse=True)[:2]
    return best[0] - best[1] if len(best) == 2 else 9.0


def data_url(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


@dataclass
class Server:
    client: AsyncOpenAI
    model: str

    @classmethod
    async def connect(cls, url: str) -> "Server":
        key = os.environ.get("JOKEBOT_ENGINE_API_KEY", "none")
        client = AsyncOpenAI(base_url=url, api_key=key, max_retries=0, timeout=120)
        return cls(client, (await client.models.list()).data[0].id)

    async def reply(self, url: str, prompt: str, tiles: int = 1) -> Reply:
        """A greedy reply of at most 40 tokens for the photo of a data URL, or for no photo if `url` is empty."""
        image: dict[str, Any] = {"url": url, "max_dynamic_patch": tiles}
        content = [{"type": "image_url", "image_url": image}] if url else []
        system = {"role": "system", "content": chat_template().system}
        messages: Any = [system, {"role": "user", "content": [*content, {"type": "text", "text": prompt}]}]
        found = await self.client.chat.completions.create(
            model=self.model, messages=messages, max_tokens=40, temperature=0, top_p=1, logprobs=True, top_logprobs=5
        )
        choice, usage = found.choices[0], found.usage
        parts = (choice.logprobs.content if choice.logprobs else None) or []
        details = usage.prompt_tokens_details if usage else None
        return Reply(
            tuple(part.token for part in parts),
            tuple(lead([top.logprob for top in part.top_logprobs]) for part in parts),
            usage.prompt_tokens if usage else 0,
            (details.cached_tokens if details else 0) or 0,
        )


async def all_replies(server: Server, urls: Sequence[str], clients: int) -> list[Reply]:
    """Replies for each photo with each prompt, `clients` at once; a photo's prompts follow each other."""
    loaded, limit = load_prompts(), asyncio.Semaphore(clients)
    texts = [loaded.ask("en", style) for style in list(loaded.languages["en"].styles)[:PROMPTS]]

    async def one(url: str, text: str) -> Reply:
        async with limit:
            return await server.reply(url, text)

    return await asyncio.gather(*(one(url, text) for url in urls for text in texts))


def compare(name: str, replies: Sequence[Reply], reference: Sequence[Reply]) -> dict[str, int]:
    """Numbers of equal replies, of replies that differ first at a gap below GAP, and of others."""
    counts = {"equal": 0, "near": 0, "different": 0}
    for ours, theirs in zip(replies, reference, strict=True):
        pairs = zip(ours.tokens, theirs.tokens, strict=False)
        same = next((index for index, pair in enumerate(pairs) if pair[0] != pair[1]), None)
        if same is None and len(ours.tokens) == len(theirs.tokens):
            counts["equal"] += 1
            continue
        index = min(len(theirs.gaps) - 1, len(ours.tokens) if same is None else same)
        counts["near" if theirs.gaps[index] < GAP else "different"] += 1
        print(json.dumps({name: theirs.gaps[index], "ours": "".join(ours.tokens), "theirs": "".join(theirs.tokens)}))
    return {f"{name}_{kind}": count for kind, count in counts.items()}


async def foreign_hits(server: Server) -> dict[str, int]:
    """Cached tokens for photos that differ from a cached one in one tile or in the grid, and without a photo."""
    prompt, base = load_prompts().ask("en"), photos()[0].resize((896, 448))
    await server.reply(data_url(base), prompt, 2)
    again = await server.reply(data_url(base), prompt, 2)
    other = base.copy()
    # One pixel in the second tile; the thumbnail's change may round to nothing.
    other.putpixel((800, 200), (255 - base.getpixel((800, 200))[0], 0, 0))
    replies = [
        await server.reply(data_url(other), prompt, 2),
        await server.reply(data_url(base), prompt, 1),
        await server.reply(data_url(base.resize((448, 896))), prompt, 2),
        await server.reply("", prompt),
    ]
    return {
        "same_photo_tokens": again.cached,
        "foreign_tokens": max(reply.cached for reply in replies),
        "text_tokens": replies[-1].prompt_tokens,
    }


async def measure(cold_url: str, warm_url: str) -> dict[str, Any]:
    cold, warm = await Server.connect(cold_url), await Server.connect(warm_url)
    urls = [data_url(picture) for picture in photos()]
    reference = await all_replies(cold, urls, CLIENTS)
    control = await all_replies(cold, urls, CONTROL_CLIENTS)
    first, second = await all_replies(warm, urls, CLIENTS), await all_replies(warm, urls, CLIENTS)
    crowded = await all_replies(warm, urls, CONTROL_CLIENTS)
    tokens = sum(reply.prompt_tokens for reply in second)
    return {
        "replies": len(reference),
        "different_texts": len({reply.tokens for reply in reference}),
        **compare("first_pass", first, reference),
        **compare("warm", second, reference),
        **compare("warm_crowded", crowded, reference),
        **compare("control", control, reference),
        "hit_share": round(sum(reply.cached for reply in second) / max(1, tokens), 3),
        "cold_cached": max(reply.cached for reply in [*reference, *control]),
        **await foreign_hits(warm),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cold", required=True, help="address of the server without the cache, /v1 included")
    parser.add_argument("--warm", required=True, help="address of the server with the cache")
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(measure(arguments.cold, arguments.warm))))


if __name__ == "__main__":
    main()
