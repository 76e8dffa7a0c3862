"""How large a server's cache may be: counted out from the card, the checkpoint and the settings before anything starts.

LMDeploy's own way takes a share of the memory that happens to be free at its start, so a second server, a swap's or a training
run beside it would make it small, or it them.
"""
import json
from pathlib import Path

from configs.card import card_gb
from configs.errors import JokebotError
from configs.settings import Settings
from configs.tiling import TILE_TOKENS

BLOCK = 64
"""Tokens of a block; LMDeploy's default."""
TEXT_TOKENS = 2048
"""Room for prompt and joke beside the photo's tokens."""
USABLE = 0.95
"""Share of the card's memory; the driver and the contexts of other processes have the rest."""
MOST, UNKNOWN = 2048, 512
"""Blocks of the largest cache that is chosen here, 37 photos of 13 tiles; and of one on a card that can't be asked."""


def session_tokens(settings: Settings) -> int:
    """Most tokens of one request: the largest photo's, the thumbnail included, and its texts."""
    return TILE_TOKENS * (settings.engine.max_tiles + 1) + TEXT_TOKENS


def block_gb(model_dir: Path) -> float:
    """Memory of one block: keys and values of every layer, two bytes each."""
    config = json.loads((model_dir / "config.json").read_text(encoding="utf-8"))
    words = config.get("llm_config", config)
    heads = words["num_attention_heads"]
    width = words.get("head_dim") or words["hidden_size"] // heads
    return 2 * 2 * BLOCK * words["num_hidden_layers"] * (words.get("num_key_value_heads") or heads) * width / 1e9


def weights_gb(model_dir: Path) -> float:
    return sum(file.stat().st_size for file in model_dir.glob("*.safetensors")) / 1e9


def working_gb(settings: Settings) -> float:
    """CUDA, kernels and activations: an estimate, which grows with the tokens that are read in one step."""
    return 1.0 + 0.25 * settings.lmdeploy.prefill_tokens / 1024


def cache_blocks(model_dir: Path, settings: Settings) -> int:
    """Blocks of one server's cache: the setting's, else what fits beside the other servers, and one more for a swap.

    Raises JokebotError where that is less than the largest photo needs.
    """
    if settings.lmdeploy.cache_blocks:
        return settings.lmdeploy.cache_blocks
    if not card_gb():
        return UNKNOWN
    places = settings.server_count + settings.servers.extra
    room = USABLE * card_gb() / places - weights_gb(model_dir) - working_gb(settings)
    needed = -(-session_tokens(settings) // BLOCK)
    blocks = min(MOST, int(room / block_gb(model_dir)))
    if blocks < needed:
        advice = "fewer lmdeploy.servers, " * (settings.server_count > 1) + "servers.extra = false (a swap then pauses), " * settings.servers.extra
        raise JokebotError(
            f"{places} LMDeploy servers of {model_dir.name} don't fit on a card of {card_gb():.0f} GB: a cache of {max(0, blocks)} blocks "
            f"is left for each, and one photo needs {needed}. Set {advice}"
            "a smaller engine.max_tiles or lmdeploy.prefill_tokens; or lmdeploy.cache_blocks, if you know better.")
    return blocks
