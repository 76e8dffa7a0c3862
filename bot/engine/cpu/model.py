"""Loads an InternVL2 checkpoint of InternLM2 kind and generates text with it, on the CPU.

It uses the interface of OpenGVLab's own modelling code (`extract_feature`, `language_model.model` and `.output`,
`num_image_token`, the configuration) with a decoding loop of ours, so that the demo model, a merged model and
OpenGVLab's InternVL2-2B run the same way.
"""

import contextlib
import dataclasses
import hashlib
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from bot.engine.cpu.preprocess import to_pixels
from bot.engine.cpu.protocol import ChatRequest, RequestError, RequestImage
from bot.engine.cpu.sampling import TokenSampler
from configs.chat_templates import ChatTemplate, chat_template
from configs.memory import free_memory
from configs.model_code import ModelCodeError, verified_copy
from configs.tiling import cut_tiles
from configs.transformers_imports import import_transformers
from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.location import CheckpointError

CACHED_TILES = 64
"""Tiles whose features are kept, 2 MB each with a 2B model: candidates of a joke and 🔁 are about the same photo."""


class GenerationCancelled(Exception):
    """The client has disconnected, or the engine is shutting down."""


@dataclasses.dataclass(frozen=True)
class TokenizedPrompt:
    """The model's input: token ids, and pixels (tiles, 3, 448, 448) where there are images."""

    ids: list[int]
    pixels: torch.Tensor | None


class CpuModel:
    """A loaded checkpoint. Not thread-safe."""

    def __init__(self, model: Any, tokenizer: Any, template: ChatTemplate, max_tiles: int | None = None) -> None:
        self.model, self.tokenizer, self.template = model, tokenizer, template
        self.max_tiles = max_tiles or model.config.max_dynamic_patch
        self.context = tokenizer.convert_tokens_to_ids(template.context)
        self.max_context = model.config.llm_config.max_position_embeddings
        self.stops = stop_tokens(model, tokenizer)
        self._features: OrderedDict[bytes, torch.Tensor] = OrderedDict()

    def cut_image(self, part: RequestImage, picture: Image.Image) -> list[Image.Image]:
        """An image's tiles, up to the request's maximum and that of this engine or checkpoint."""
        return cut_tiles(picture, min(part.max_tiles or self.max_tiles, self.max_tiles))

    def prepare_prompt(self, request: ChatRequest, pictures: list[list[Image.Image]]) -> TokenizedPrompt:
        """Render and encode a request; `pictures` are the tiles of its image parts, in order.

        Raises RequestError if the prompt and max_tokens exceed the model's context length.
        """
        ids = self.encode_request(request, [len(tiles) for tiles in pictures])
        if len(ids) + request.max_tokens > self.max_context:
            raise RequestError(
                f"{len(ids)} prompt tokens and {request.max_tokens} new ones are more than {self.max_context}.",
                param="max_tokens",
                code="context_length_exceeded",
            )
        return TokenizedPrompt(ids, torch.cat([to_pixels(tiles) for tiles in pictures]) if pictures else None)

    def encode_request(self, request: ChatRequest, tiles: list[int]) -> list[int]:
        """Token ids of the rendered prompt; `tiles` is each image's number of tiles. The template has the BOS."""
        counts, user = iter(tiles), ""
        for part in request.parts:
            if isinstance(part, RequestImage):
                part = self.template.image(self.model.num_image_token * next(counts))
            user += part
        return self.tokenizer.encode(self.template.render(user, system=request.system), add_special_tokens=False)

    def encode_text(self, text: str, *, template: bool = False) -> list[int]:
        """Token ids of a text. `template` puts it into the model's chat template first, as a user's only message."""
        if template:
            text = self.template.render(text)
        return self.tokenizer.encode(text, add_special_tokens=False)

    def decode(self, tokens: list[int]) -> str:
        return self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    @torch.inference_mode()
    def generate(self, prompt: TokenizedPrompt, sampler: TokenSampler, cancelled: Callable[[], bool]) -> Iterator[int]:
        """Yield new tokens, without the stop token. Raises GenerationCancelled between two tokens."""
        embeds, past = self.embed_prompt(prompt, cancelled), None
        while True:
            if cancelled():
                raise GenerationCancelled
            state = self.model.language_model.model(
                inputs_embeds=embeds, past_key_values=past, use_cache=True, return_dict=True
            )
            past = state.past_key_values
            logits = self.model.language_model.output(state.last_hidden_state[0, -1]).float()
            token = sampler.choose_token(logits)
            if token in self.stops:
                return
            yield token
            embeds = self.model.language_model.get_input_embeddings()(torch.tensor([[token]]))

    def embed_prompt(self, prompt: TokenizedPrompt, cancelled: Callable[[], bool]) -> torch.Tensor:
        """Input embeddings (1, tokens, hidden), with the images' features at the positions of the context tokens."""
        ids = torch.tensor([prompt.ids])
        embeds = self.model.language_model.get_input_embeddings()(ids)
        if prompt.pixels is None:
            return embeds
        features = []
        for tile in prompt.pixels.to(embeds.dtype).split(1):
            if cancelled():
                raise GenerationCancelled
            features.append(self._extract_feature(tile))
        embeds[ids == self.context] = torch.cat(features).to(embeds.dtype)
        return embeds

    def _extract_feature(self, tile: torch.Tensor) -> torch.Tensor:
        """The features (tokens, hidden) of a tile (1, 3, 448, 448); those of the latest tiles are kept."""
        key = hashlib.sha256(tile.contiguous().view(torch.uint8).numpy().tobytes()).digest()
        if key not in self._features:
            self._features[key] = self.model.extract_feature(tile).flatten(0, 1)
            if len(self._features) > CACHED_TILES:
                self._features.popitem(last=False)
        self._features.move_to_end(key)
        return self._features[key]


def stop_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end a text: end of turn, end of text, and those of the checkpoint's generation_config."""
    config = getattr(model, "generation_config", None)
    named = getattr(config, "eos_token_id", None) or []
    return frozenset(
        [
            tokenizer.convert_tokens_to_ids(ChatTemplate.end),
            tokenizer.eos_token_id,
            *([named] if isinstance(named, int) else named),
        ]
    )


def load_model(directory: Path, dtype: str = "auto", max_tiles: int | None = None) -> CpuModel:
    """Load a checkpoint directory. This runs a verified copy of the modelling code in it, which the caller must trust.

    `dtype` is float32, bfloat16 or auto (see `choose_dtype`). `max_tiles` replaces the checkpoint's own maximum of
    tiles. Raises CheckpointError if the directory holds no such checkpoint, or its code may not run.
    """
    checkpoint = check_checkpoint(directory)
    directory = checkpoint.directory
    try:
        code = verified_copy(directory)
    except (ModelCodeError, OSError) as error:
        raise CheckpointError(f"{directory} can't be loaded: {error}") from error
    AutoModel, AutoTokenizer = import_transformers(torch)
    try:
        # OpenGVLab's code prints warnings; stdout is reserved for the ready line.
        with contextlib.redirect_stdout(sys.stderr):
            tokenizer = AutoTokenizer.from_pretrained(code, trust_remote_code=True, use_fast=False)
            model = AutoModel.from_pretrained(code, trust_remote_code=True, torch_dtype=torch.bfloat16)
    except (OSError, ValueError, ImportError, KeyError, AttributeError, RuntimeError) as error:
        raise CheckpointError(f"{directory} can't be loaded: {error}") from error
    template = chat_template(checkpoint.template)
    if tokenizer.convert_tokens_to_ids(template.context) in (None, tokenizer.unk_token_id):
        raise CheckpointError(f"{directory}: its tokenizer does not know {template.context}.")
    return CpuModel(model.to(choose_dtype(model, dtype)).eval(), tokenizer, template, max_tiles)


def choose_dtype(model: Any, dtype: str) -> torch.dtype:
    """For auto: float32 if its weights take at most half of the free memory, else bfloat16.

    bfloat16 is several times slower on CPUs without instructions for it: with InternVL2-2B's shape on 2 cores a token
    takes 1.9 s instead of 0.4 s.
    """
    float32_bytes = 4 * sum(parameter.numel() for parameter in model.parameters())
    fits = dtype == "float32" or dtype == "auto" and 2 * float32_bytes <= (free_memory() or 0)
    return torch.float32 if fits else torch.bfloat16
