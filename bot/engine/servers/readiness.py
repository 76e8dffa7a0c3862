"""The checks of a server before it gets users' photos: the right prompt, plausible text about the golden photos.

A server with another chat template or tokenizer would answer, only worse. So the token ids of its prompts are compared
with those of the model's chat template, in three parts: the special tokens are single tokens with the checkpoint's own
ids; a text in the server's template has our ids; a photo's request with system prompt and image has as many tokens as
ours.
"""

import asyncio
import io
import json
from pathlib import Path

from PIL import Image

from bot.engine.chat_types import is_plausible_text
from bot.engine.client import EngineClient, EngineReply, SamplingParams
from bot.engine.errors import EngineError
from bot.engine.servers.control_client import ControlClient
from configs.chat_templates import ChatTemplate
from configs.errors import JokebotError
from configs.prompts import load_prompts
from configs.settings import ROOT
from storage.checkpoint.location import CheckpointError
from storage.checkpoint.tokenizer_files import special_tokens

SAMPLES = ROOT / "configs" / "demo-model" / "samples"
GOLDEN = (("fox.jpg", "en"), ("cactus.jpg", "zh"), ("guitar.jpg", "en"))
"""Drawings of 448 × 448 pixels, one tile, with the language of the joke about each."""
PROBE_TOKENS, GOLDEN_TOKENS, WARM_TOKENS = 8, 48, 8


class NotReadyError(JokebotError):
    """A server must not be used: it would answer, but not with this model's jokes."""


async def ask_about_golden(client: EngineClient, index: int, *, tokens: int) -> EngineReply:
    """Request a joke about a golden photo; `client` should cut it into one tile. Raises EngineError."""
    name, language = GOLDEN[index]
    prompts = load_prompts()
    return await client.ask(
        user=prompts.ask(language),
        photo=(SAMPLES / name).read_bytes(),
        media_type="image/jpeg",
        sampling=SamplingParams(0.8, 0.9, tokens, seed=index),
    )


async def check_golden(client: EngineClient) -> EngineReply:
    """Check that the server writes plausible text about each golden photo; returns the first reply.

    Raises NotReadyError, EngineError.
    """
    replies = []
    for index, (name, _) in enumerate(GOLDEN):
        try:
            reply = await ask_about_golden(client, index, tokens=GOLDEN_TOKENS)
        except EngineError as error:
            if error.kind == "empty":
                raise NotReadyError(f"The server says nothing about {name}.") from error
            raise
        if not is_plausible_text(reply.text):
            raise NotReadyError(f"The server's reply about {name} is no text: {reply.text[:60]!r}.")
        replies.append(reply)
    return replies[0]


async def warm_up(client: EngineClient, photos: int) -> None:
    """Send `photos` requests with photos of the usual size at the same time. Raises EngineError.

    `client` should cut the photos as it does for users.
    """
    data = await asyncio.to_thread(full_size_photo)
    prompts = load_prompts()
    await asyncio.gather(
        *(
            client.ask(
                user=prompts.ask("en"),
                photo=data,
                media_type="image/jpeg",
                sampling=SamplingParams(0.8, 0.9, WARM_TOKENS, seed=number),
            )
            for number in range(photos)
        )
    )


def full_size_photo() -> bytes:
    """A golden photo as a JPEG of 1280 × 960 pixels, the size that Telegram gives most photos."""
    buffer = io.BytesIO()
    with Image.open(SAMPLES / GOLDEN[0][0]) as drawing:
        drawing.resize((1280, 960)).save(buffer, "JPEG")
    return buffer.getvalue()


async def check_prompt(
    control: ControlClient, reply: EngineReply, directory: Path | None, template: ChatTemplate
) -> None:
    """Compare the token ids of the server's prompts with ours; `reply` is the one about the first golden photo.

    `directory` is the checkpoint's, None if this host doesn't have it. Raises NotReadyError, EngineError.
    """
    user = load_prompts().ask(GOLDEN[0][1])
    expected = await control.encode(template.render(user))
    await check_specials(control, template, expected, special_ids(directory) if directory else {})
    if await control.encode(user, as_user=True) != expected:
        raise NotReadyError(
            f"The server's chat template differs from the model's ({template.name} in configs/chat_templates.toml)."
        )
    tile = tile_tokens(directory) if directory else None
    if tile and reply.prompt_tokens is not None:
        prompt_tokens = len(await control.encode(template.render(user, tile)))
        if prompt_tokens != reply.prompt_tokens:
            raise NotReadyError(
                f"The server's prompt for a photo has {reply.prompt_tokens} tokens, "
                f"and that of the chat template {template.name} has {prompt_tokens}."
            )


async def check_specials(
    control: ControlClient, template: ChatTemplate, ids: list[int], file_ids: dict[str, int]
) -> None:
    """Check that the template's special tokens are single tokens at their positions. Raises NotReadyError."""
    expected = {token: file_ids[token] for token in (template.bos, template.end, template.context) if token in file_ids}
    context = (await control.encode(template.context * 3))[-3:]
    if len(set(context)) != 1 or expected.get(template.context, context[0]) != context[0]:
        raise NotReadyError(f"The tokenizer does not know {template.context}: it is missing or of another model.")
    if ids[0] != expected.get(template.bos, ids[0]) or expected.get(template.end, ids[0]) not in ids:
        raise NotReadyError("The tokenizer's ids differ from those in the checkpoint's files.")


def special_ids(directory: Path) -> dict[str, int]:
    """The ids of special tokens in the checkpoint's files; empty if they name none."""
    try:
        return dict(special_tokens(directory))
    except (CheckpointError, ValueError, TypeError):
        return {}


def tile_tokens(directory: Path) -> int | None:
    """Tokens of one tile, 256 for InternVL2; None if the configuration doesn't define it."""
    try:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        side = config["force_image_size"] // config["vision_config"]["patch_size"]
        return int(side * side * config["downsample_ratio"] ** 2)
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return None
