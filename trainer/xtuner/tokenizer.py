"""What a model's own tokenizer and shapes make of a row: the counting that an export needs, without torch.

Only the tokenizer is loaded. In a process of its own, `USE_TORCH=0` keeps transformers from importing torch as well.
"""
import json
from pathlib import Path

from configs.errors import JokebotError
from configs.tiling import TILE
from trainer.dataset.rows import Budget


class ModelDirectoryError(JokebotError):
    """A model's directory lacks what is needed to count a row's tokens."""


def load_budget(directory: Path, max_length: int) -> Budget:
    """Count rows as the model in `directory` will see them, at most `max_length` tokens. Raises ModelDirectoryError.

    The directory's own tokenizer code runs (`trust_remote_code`): give only directories that are trusted.
    """
    from transformers import AutoTokenizer

    try:
        shapes = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        tile = shapes["force_image_size"]
        tokens = int((tile // shapes["vision_config"]["patch_size"]) ** 2 * shapes["downsample_ratio"] ** 2)
        tokenizer = AutoTokenizer.from_pretrained(str(directory), trust_remote_code=True)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise ModelDirectoryError(f"{directory} is no InternVL2 checkpoint whose tokens can be counted: {error}.") from error
    if tile != TILE or not shapes.get("use_thumbnail", True) or shapes.get("min_dynamic_patch", 1) != 1:
        raise ModelDirectoryError(f"{directory} cuts photos in another way than InternVL2 (tiles of {TILE} pixels and a thumbnail).")
    special = frozenset(token for token in (*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()) if token.strip())
    return Budget(lambda text: tokenizer.encode(text, add_special_tokens=False), special, max_length, tokens,
                  shapes.get("max_dynamic_patch", 12), tile)
