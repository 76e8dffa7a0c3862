"""Reuse of the keys and values of a photo that the server has seen: LMDeploy's prefix cache, for InternVL2's pictures.

LMDeploy 0.18.0 keeps the cache blocks of ended requests and takes them again for a request that begins alike; pictures
count by a hash of their content. It turns this off for models whose preprocess is not of its newer kind
(`VLAsyncEngine.__init__`), InternVL2 among them. Its engine needs only the hash, which `vision_model.py` sends, so
`register` turns it on again for our class.

Blocks are matched whole, and a match never ends inside a picture. A picture's last block also holds the first words of
the user's turn, so that with another prompt the whole picture would be read again. Therefore a picture is sent to the
engine as two spans that meet at the last boundary of blocks: the *head*, which is found again with any prompt, and the
*tail* of less than a block. The tail's embeddings are kept here, so that the vision model is not run for it.
"""

import functools
import importlib
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

PREFIX_CACHE = "LMDEPLOY_JOKEBOT_PREFIX_CACHE"
"""Environment variable: tokens of a cache block if the prefix cache is on, else "0"."""
PIXEL_HASH = "jokebot_hash"
"""Key of the SHA-256 of an image's pixels and grid."""
MAX_TAILS = 512
"""Tails that are kept: 63 tokens of InternVL2-2B at most, 0.26 MB each."""


def cache_block_tokens() -> int:
    """Tokens of a cache block, 0 without the prefix cache."""
    return int(os.environ.get(PREFIX_CACHE, "0"))


class TailCache:
    """The embeddings (tokens, hidden size) of pictures' last tokens, by the picture's hash. The oldest are dropped."""

    def __init__(self, max_tails: int = MAX_TAILS) -> None:
        self._tails: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._max_tails = max_tails

    def __contains__(self, key: str) -> bool:
        return key in self._tails

    def add(self, key: str, tokens: "torch.Tensor") -> None:
        """Keep a copy: a view would keep the embeddings of the whole picture."""
        self._tails[key] = tokens.clone()
        self._tails.move_to_end(key)
        while len(self._tails) > self._max_tails:
            self._tails.popitem(last=False)

    def get(self, key: str) -> "torch.Tensor":
        """Raises KeyError for an unknown picture."""
        self._tails.move_to_end(key)
        return self._tails[key]


def register() -> None:
    """Turn the prefix cache on for engines with our vision model. Raises AttributeError if LMDeploy differs."""
    engine = importlib.import_module("lmdeploy.serve.core.async_engine").AsyncEngine
    vision_model = importlib.import_module("bot.engine.lmdeploy.vision_model").PhotoVisionModel
    start = engine.__init__

    @functools.wraps(start)
    def start_with_cache(self: Any, *arguments: Any, **options: Any) -> None:
        config, encoder = options.get("backend_config"), getattr(self, "vl_encoder", None)
        if config is not None and isinstance(getattr(encoder, "model", None), vision_model):
            config.enable_prefix_caching = cache_block_tokens() > 0
        start(self, *arguments, **options)

    engine.__init__ = start_with_cache
