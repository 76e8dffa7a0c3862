"""Scores given jokes about photos with a loaded model, and generates new ones, in batches on any device.

It uses only the interface of OpenGVLab's modelling code (`extract_feature`, `language_model.model` and `.output`,
`num_image_token`), as the CPU engine does. A photo's features are computed once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import cross_entropy

from configs.chat_templates import ChatTemplate
from configs.learning import GateSettings
from configs.tiling import MEAN, STD, cut_tiles
from trainer.gate.model_loading import LoadedModel

MEAN_TENSOR, STD_TENSOR = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
MAX_TOKENS, MAX_CACHED_TOKENS = 16384, 49152
"""Maximum numbers of tokens in one pass over whole rows, and in the cache of a batch that writes new jokes."""
VISION_TILES = 8


@dataclass(frozen=True)
class GeneratedJoke:
    """A generated joke; `finished` if the model ended it."""

    text: str
    finished: bool


class NonFiniteScoreError(Exception):
    """The model computes NaN or infinity."""


class ModelScorer:
    """Scores and generates jokes with a model. `report` is called with the number of new answers."""

    def __init__(self, loaded: LoadedModel, settings: GateSettings, report: Callable[[int], None]) -> None:
        self.loaded, self.model, self.settings, self.report = loaded, loaded.model, settings, report
        self.context = loaded.tokenizer.convert_tokens_to_ids(ChatTemplate.context)
        self.end = ChatTemplate.end
        self.features: dict[Path, torch.Tensor] = {}

    @torch.inference_mode()
    def encode_photo(self, photo: Path) -> torch.Tensor:
        """A photo's projected features (tiles × tokens, hidden)."""
        if photo not in self.features:
            with Image.open(photo) as picture:
                tiles = cut_tiles(picture.convert("RGB"), self.model.config.max_dynamic_patch)
            pixels = (
                torch.from_numpy(np.stack([np.asarray(tile) for tile in tiles])).permute(0, 3, 1, 2).float().div(255)
            )
            pixels = ((pixels - MEAN_TENSOR) / STD_TENSOR).to(self.loaded.device, self.model.dtype)
            self.features[photo] = torch.cat(
                [self.model.extract_feature(part).flatten(0, 1) for part in pixels.split(VISION_TILES)]
            )
        return self.features[photo]

    def prompt(self, photo: Path, prompt: str) -> list[int]:
        return self.loaded.encode(prompt, len(self.encode_photo(photo)) // self.model.num_image_token)

    def embed(self, photos: Sequence[Path], ids: torch.Tensor) -> torch.Tensor:
        """Embeddings (rows, tokens, hidden) of token ids, with each row's photo at its context tokens."""
        embeds = self.model.language_model.get_input_embeddings()(ids)
        embeds[ids == self.context] = torch.cat([self.encode_photo(photo) for photo in photos]).to(embeds.dtype)
        return embeds

    def score(self, rows: Sequence[tuple[Path, str, str]]) -> list[float]:
        """Mean nats a token of each (photo, prompt, joke), end token included; less is likelier.

        Raises NonFiniteScoreError.
        """
        answers = [self.loaded.tokenizer.encode(text + self.end, add_special_tokens=False) for _, _, text in rows]
        questions = [self.prompt(photo, prompt) for photo, prompt, _ in rows]
        nats: dict[int, float] = {}
        by_length = sorted(range(len(rows)), key=lambda index: len(questions[index]) + len(answers[index]))
        for batch in self.batches(by_length, lambda index: len(questions[index]) + len(answers[index])):
            values = self.halve_on_oom(
                batch,
                lambda part: self.score_batch(
                    [rows[index][0] for index in part],
                    [questions[index] for index in part],
                    [answers[index] for index in part],
                ),
            )
            nats.update(zip(batch, values, strict=True))
            self.report(len(batch))
        return [nats[index] for index in range(len(rows))]

    @torch.inference_mode()
    def score_batch(self, photos: list[Path], questions: list[list[int]], answers: list[list[int]]) -> list[float]:
        """`score` in one pass, on token ids: questions with the photos' context tokens, answers with the end token."""
        longest = max(len(question) + len(answer) for question, answer in zip(questions, answers, strict=True))
        # Attention is causal, so padding after a row's end needs no mask.
        ids = torch.tensor(
            [
                question + answer + answer[-1:] * (longest - len(question) - len(answer))
                for question, answer in zip(questions, answers, strict=True)
            ],
            device=self.loaded.device,
        )
        hidden = self.model.language_model.model(
            inputs_embeds=self.embed(photos, ids), use_cache=False, return_dict=True
        )[0]
        values = []
        for row, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            predicting = hidden[row, len(question) - 1 : len(question) + len(answer) - 1]
            logits = self.model.language_model.output(predicting).float()
            values.append(float(cross_entropy(logits, ids[row, len(question) : len(question) + len(answer)])))
        if not np.isfinite(values).all():
            raise NonFiniteScoreError
        return values

    def generate(self, requests: Sequence[tuple[Path, str]]) -> list[GeneratedJoke]:
        """Generate a joke for each (photo, prompt) with the settings' sampling. Raises NonFiniteScoreError."""
        questions = [self.prompt(*request) for request in requests]
        jokes: dict[int, GeneratedJoke] = {}
        by_length = defaultdict(list)
        for index, question in enumerate(questions):
            by_length[len(question)].append(index)
        for length, group in sorted(by_length.items()):
            for batch in self.batches(group, dict.fromkeys(group, length).__getitem__, MAX_CACHED_TOKENS):
                generated = self.halve_on_oom(
                    batch,
                    lambda part: self.generate_batch(
                        [requests[index][0] for index in part], [questions[index] for index in part], part
                    ),
                )
                jokes.update(zip(batch, generated, strict=True))
                self.report(len(batch))
        return [jokes[index] for index in range(len(requests))]

    @torch.inference_mode()
    def generate_batch(
        self, photos: list[Path], questions: list[list[int]], indices: Sequence[int]
    ) -> list[GeneratedJoke]:
        """Generate jokes for questions of one length.

        Each index has its own seed, so that the composition of batches changes only rounding.
        """
        language, stops = self.model.language_model, self.stop_tokens()
        dice = [torch.Generator().manual_seed(self.settings.seed * 1_000_003 + index) for index in indices]
        embeds, past = self.embed(photos, torch.tensor(questions, device=self.loaded.device)), None
        written: list[list[int]] = [[] for _ in questions]
        ended = [False] * len(questions)
        for _ in range(self.settings.max_tokens):
            state = language.model(inputs_embeds=embeds, past_key_values=past, use_cache=True, return_dict=True)
            past = state.past_key_values
            logits = language.output(state.last_hidden_state[:, -1]).float()
            if not torch.isfinite(logits).all():
                raise NonFiniteScoreError
            tokens = self.sample(logits, dice)
            for row, token in enumerate(tokens):
                ended[row] = ended[row] or token in stops
                if not ended[row]:
                    written[row].append(token)
            if all(ended):
                break
            embeds = language.get_input_embeddings()(torch.tensor(tokens, device=self.loaded.device)[:, None])
        return [GeneratedJoke(self.decode(row), end) for row, end in zip(written, ended, strict=True)]

    def sample(self, logits: torch.Tensor, dice: list[torch.Generator]) -> list[int]:
        """Sample a token for each row of logits (rows, vocabulary): temperature and nucleus (arXiv 1904.09751)."""
        if self.settings.temperature < 1e-4:
            return logits.argmax(-1).tolist()
        ordered, order = torch.softmax(logits / self.settings.temperature, -1).sort(-1, descending=True)
        reached = ordered.cumsum(-1)
        reached[reached - ordered >= self.settings.top_p] = 2.0
        total = torch.where(reached < 2.0, ordered, 0.0).sum(-1, keepdim=True)
        drawn = torch.stack([torch.rand(1, generator=die) for die in dice]).to(logits.device) * total
        return order.gather(-1, torch.searchsorted(reached, drawn, right=True)).squeeze(-1).tolist()

    def stop_tokens(self) -> frozenset[int]:
        """End of turn, the tokenizer's end of text, and the stop tokens of the checkpoint's generation_config."""
        tokenizer, named = (
            self.loaded.tokenizer,
            getattr(getattr(self.model, "generation_config", None), "eos_token_id", None) or [],
        )
        return frozenset(
            [
                tokenizer.convert_tokens_to_ids(self.end),
                tokenizer.eos_token_id,
                *([named] if isinstance(named, int) else named),
            ]
        )

    def decode(self, tokens: list[int]) -> str:
        return self.loaded.tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        ).strip()

    def batches(
        self, indices: Sequence[int], length: Callable[[int], int], tokens: int = MAX_TOKENS
    ) -> Iterator[list[int]]:
        """Split indices into batches of at most `batch_size` rows and so many tokens, with at least one row."""
        batch: list[int] = []
        for index in indices:
            longest = max(map(length, [*batch, index]))
            if batch and (len(batch) == self.settings.batch_size or longest * (len(batch) + 1) > tokens):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def halve_on_oom(self, indices: Sequence[int], answer: Callable[[Sequence[int]], list[Any]]) -> list[Any]:
        """Compute answers for these indices at once, or in halves if memory runs out.

        Raises OutOfMemoryError if a single one doesn't fit.
        """
        try:
            return answer(indices)
        except torch.OutOfMemoryError:
            if len(indices) == 1:
                raise
        torch.cuda.empty_cache()
        middle = len(indices) // 2
        return self.halve_on_oom(indices[:middle], answer) + self.halve_on_oom(indices[middle:], answer)
