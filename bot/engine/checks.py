"""What a server must show before it gets people's photos: the right prompt, and sane words about photos that we know.

LMDeploy takes the chat template from the checkpoint's tokenizer, and a bare one, without a word, where that doesn't load.
So the ids of what it would ask are compared with those of `configs/prompts.toml`, in three parts: the special tokens are
single tokens with the checkpoint's own ids, a user's turn in the checkpoint's template has the ids of ours, and a photo's
request with system prompt and picture has as many tokens as ours.
"""
import asyncio
import io
import json
from collections import Counter
from pathlib import Path

from PIL import Image

from bot.engine.client import EngineClient, Reply, Sampling
from bot.engine.control import Control
from bot.engine.errors import EngineError
from configs.errors import JokebotError
from configs.prompts import Prompts, load_prompts
from configs.settings import ROOT

SAMPLES = ROOT / "configs" / "demo-model" / "samples"
GOLDEN = (("fox.jpg", "en"), ("cactus.jpg", "zh"), ("guitar.jpg", "en"))
"""Drawings of 448 × 448 pixels, one tile, with the language of the joke about each."""
PROBE_TOKENS, GOLDEN_TOKENS, WARM_TOKENS = 8, 48, 8
SAME_MOST = 0.6
"""A text of which more is one and the same character is none ("!!!!" is what a broken checkpoint says)."""


class CheckError(JokebotError):
    """A server must not be used: it would answer, but not with jokes of this model."""


def sane(text: str) -> bool:
    """Whether a reply can be a text at all: not empty, not one character again and again, not undecodable, not "nan"."""
    letters = [one for one in text if not one.isspace()]
    if not any(one.isalnum() for one in letters) or text.strip().lower().strip(".,") == "nan":
        return False
    (_, most), = Counter(letters).most_common(1)
    return (len(letters) < 4 or most <= SAME_MOST * len(letters)) and letters.count("\ufffd") * 2 <= len(letters)


async def ask(client: EngineClient, place: int, *, tokens: int) -> Reply:
    """A joke about one of our photos. Raises EngineError; `client` should cut into one tile."""
    name, language = GOLDEN[place]
    prompts = load_prompts()
    return await client.ask(system=prompts.system, user=prompts.ask(language), photo=(SAMPLES / name).read_bytes(),
                            media_type="image/jpeg", sampling=Sampling(0.8, 0.9, tokens, seed=place))


async def check_golden(client: EngineClient) -> Reply:
    """Sane words about each of our photos; the first reply. Raises CheckError, EngineError."""
    replies = []
    for place, (name, _) in enumerate(GOLDEN):
        try:
            reply = await ask(client, place, tokens=GOLDEN_TOKENS)
        except EngineError as error:
            if error.kind == "empty":
                raise CheckError(f"It says nothing about {name}.") from error
            raise
        if not sane(reply.text):
            raise CheckError(f"What it says about {name} is no text: {reply.text[:60]!r}.")
        replies.append(reply)
    return replies[0]


async def warm_up(client: EngineClient, photos: int) -> None:
    """Jokes about so many photos of ordinary size at the same time; `client` should cut as for people. Raises EngineError."""
    data = await asyncio.to_thread(full_sized)
    prompts = load_prompts()
    await asyncio.gather(*(client.ask(system=prompts.system, user=prompts.ask("en"), photo=data, media_type="image/jpeg",
                                      sampling=Sampling(0.8, 0.9, WARM_TOKENS, seed=number)) for number in range(photos)))


def full_sized() -> bytes:
    """One of our drawings at 1280 × 960 pixels, which is what Telegram makes of most photos."""
    buffer = io.BytesIO()
    with Image.open(SAMPLES / GOLDEN[0][0]) as drawing:
        drawing.resize((1280, 960)).save(buffer, "JPEG")
    return buffer.getvalue()


async def check_prompt(control: Control, reply: Reply, directory: Path | None) -> None:
    """Compare what the server makes of prompts with ours; `reply` is the one about the first of our photos.

    `directory` is the checkpoint's, where this host has it. Raises CheckError, EngineError.
    """
    prompts, template = load_prompts(), load_prompts().template
    user = prompts.ask(GOLDEN[0][1])
    expected = await control.encode(template.bos + template.user.format(user=user) + template.assistant)
    await check_specials(control, prompts, expected, special_ids(directory) if directory else {})
    if await control.encode(user, as_user=True) != expected:
        raise CheckError("Its chat template is not the one of configs/prompts.toml: the checkpoint's tokenizer is missing or damaged.")
    tile = tile_tokens(directory) if directory else None
    if tile and reply.prompt_tokens is not None:
        whole = await control.encode(prompts.render(user, tile))
        if len(whole) != reply.prompt_tokens:
            raise CheckError(f"It asked about a photo with {reply.prompt_tokens} tokens, and configs/prompts.toml makes {len(whole)}.")


async def check_specials(control: Control, prompts: Prompts, ids: list[int], known: dict[str, int]) -> None:
    """The template's special tokens are single tokens, in their places. Raises CheckError."""
    template = prompts.template
    named = {token: known[token] for token in (template.bos, template.end, template.context) if token in known}
    context = (await control.encode(template.context * 3))[-3:]
    if len(set(context)) != 1 or named.get(template.context, context[0]) != context[0]:
        raise CheckError(f"Its tokenizer does not know {template.context}: it is missing or of another model.")
    if ids[0] != named.get(template.bos, ids[0]) or named.get(template.end, ids[0]) not in ids:
        raise CheckError("Its tokenizer gives other ids than the checkpoint's own files say.")


def special_ids(directory: Path) -> dict[str, int]:
    """The ids of special tokens as the checkpoint's files name them; empty where they don't."""
    found: dict[str, int] = {}
    for name, key in (("tokenizer.json", "added_tokens"), ("tokenizer_config.json", "added_tokens_decoder")):
        try:
            listed = json.loads((directory / name).read_text(encoding="utf-8")).get(key) or []
            rows = [(row["content"], row["id"]) for row in listed] if isinstance(listed, list) else \
                [(row["content"], int(number)) for number, row in listed.items()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        found |= dict(rows)
    return found


def tile_tokens(directory: Path) -> int | None:
    """Tokens of one tile, 256 for InternVL2; None where the configuration doesn't say."""
    try:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        side = config["force_image_size"] // config["vision_config"]["patch_size"]
        return int(side * side * config["downsample_ratio"] ** 2)
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return None
