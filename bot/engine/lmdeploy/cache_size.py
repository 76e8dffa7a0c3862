"""The size of a server's cache, computed from the GPU, the checkpoint and the settings before the server starts.

By default LMDeploy takes a share of the memory that is free at its start. Beside another server (a second one, or one
of a swap) or a training run that cache would be too small, or leave too little memory to the others. Here each server,
the extra one of a swap or trial included, has an equal part of the card. A training run uses the extra server's part,
since a run's trial begins after its training.
"""

import json
from pathlib import Path

from configs.errors import JokebotError
from configs.gpu import card_gb
from configs.settings import Settings
from configs.tiling import TILE_TOKENS

BLOCK_TOKENS = 64
"""Tokens of a block; LMDeploy's default."""
TEXT_TOKENS = 2048
"""For prompt and joke, beside the photo's tokens."""
KEPT_TEXT_TOKENS = 128
"""Of prompt and joke, which take room in the cache beside each photo's tokens."""
USABLE_SHARE = 0.95
"""Usable share of the GPU's memory; the driver and the contexts of other processes take the rest."""
MAX_PHOTOS_IN_USE = 37
"""The largest cache that is chosen automatically without the prefix cache, where only photos in work take room."""
DEFAULT_PHOTOS = 10
"""Used if the size of the GPU's memory is unknown."""


def session_tokens(settings: Settings) -> int:
    """The maximum of tokens in one request: the largest photo with its thumbnail, and the texts."""
    return TILE_TOKENS * (settings.engine.max_tiles + 1) + TEXT_TOKENS


def photo_blocks(settings: Settings) -> int:
    """Blocks that the largest photo takes in the cache, with prompt and joke."""
    return -(-(TILE_TOKENS * (settings.engine.max_tiles + 1) + KEPT_TEXT_TOKENS) // BLOCK_TOKENS)


def block_gb(model_dir: Path) -> float:
    """Memory of one block, 10⁹ bytes: keys and values of every layer, two bytes each."""
    config = json.loads((model_dir / "config.json").read_text(encoding="utf-8"))
    llm = config.get("llm_config", config)
    heads = llm["num_attention_heads"]
    head_dim = llm.get("head_dim") or llm["hidden_size"] // heads
    return 2 * 2 * BLOCK_TOKENS * llm["num_hidden_layers"] * (llm.get("num_key_value_heads") or heads) * head_dim / 1e9


def weights_gb(model_dir: Path) -> float:
    """Size of the checkpoint's weights, 10⁹ bytes."""
    return sum(file.stat().st_size for file in model_dir.glob("*.safetensors")) / 1e9


def working_gb(settings: Settings) -> float:
    """Memory for CUDA, kernels and activations, 10⁹ bytes: an estimate, linear in the tokens of a prefill step."""
    return 1.0 + 0.25 * settings.lmdeploy.prefill_tokens / 1024


def servers_per_gpu(settings: Settings) -> int:
    """The most servers that one GPU has to hold: its part of the champion's, and the extra one."""
    gpus = max(1, len(settings.serving_gpus.ids))
    return -(-settings.server_count // gpus) + settings.servers.allow_extra_server


def cache_blocks(model_dir: Path, settings: Settings) -> int:
    """Blocks of one server's cache: for the setting's photos, else as many as fit beside the other servers.

    Raises JokebotError if that is less than the largest photo needs.
    """
    needed = -(-session_tokens(settings) // BLOCK_TOKENS)
    if settings.lmdeploy.cache_photos:
        return max(needed, settings.lmdeploy.cache_photos * photo_blocks(settings))
    all_gb = card_gb(settings.lmdeploy.gpu_ids)
    if not all_gb:
        return max(needed, DEFAULT_PHOTOS * photo_blocks(settings))
    servers = servers_per_gpu(settings)
    left_gb = USABLE_SHARE * all_gb / servers - weights_gb(model_dir) - working_gb(settings)
    blocks = int(left_gb / block_gb(model_dir))
    if not settings.lmdeploy.prefix_cache:
        blocks = min(blocks, max(needed, MAX_PHOTOS_IN_USE * photo_blocks(settings)))
    if blocks < needed:
        advice = "fewer servers.count or lmdeploy.servers, " * (servers > 1 + settings.servers.allow_extra_server)
        advice += "servers.allow_extra_server = false (a swap then pauses), " * settings.servers.allow_extra_server
        raise JokebotError(
            f"{servers} LMDeploy servers of {model_dir.name} don't fit on a card of {all_gb:.0f} GB: "
            f"a cache of {max(0, blocks) * BLOCK_TOKENS} tokens is left for each, and one photo needs "
            f"{needed * BLOCK_TOKENS}. Set {advice}"
            "a smaller engine.max_tiles or lmdeploy.prefill_tokens; or set lmdeploy.cache_photos yourself."
        )
    return blocks


def cache_photos(model_dir: Path, settings: Settings) -> int:
    """Photos of the largest size that one server's cache holds. Raises JokebotError as `cache_blocks` does."""
    return cache_blocks(model_dir, settings) // photo_blocks(settings)
