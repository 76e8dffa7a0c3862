"""Evaluates one model on the held-out photos: prompt encoding, likelihood of rated jokes, and new jokes."""

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from configs.chat_templates import chat_template
from configs.learning import GateSettings
from configs.prompts import load_prompts
from trainer.gate.holdout_data import HoldoutData, HoldoutPhoto
from trainer.gate.model_loading import LoadedModel, LoadError, load_model, prompt_problem
from trainer.gate.model_scorer import ModelScorer, NonFiniteScoreError
from trainer.gate.text_metrics import in_language, is_broken

MAX_JOKES_PER_PHOTO = 4
"""Maximum number of jokes generated for one photo in one language."""


@dataclass(frozen=True)
class GateReply:
    """A new joke about a photo."""

    photo: str
    language: str
    text: str
    finished: bool

    def kind(self) -> str:
        """empty, broken, language (not the requested one) or fine."""
        if not self.text:
            return "empty"
        return "broken" if is_broken(self.text) else "fine" if in_language(self.text, self.language) else "language"


@dataclass
class ModelEvaluation:
    """A model's evaluation, or the `code` and `trouble` of its failure.

    `nats` are the nats a token of each held-out joke by photo, `prompt_ids` the token ids that tell
    tokenizers apart.
    """

    nats: dict[str, list[float]] = field(default_factory=dict)
    replies: list[GateReply] = field(default_factory=list)
    prompt_ids: list[list[int]] = field(default_factory=list)
    vocabulary: int = 0
    code: str = ""
    trouble: str = ""

    def counts(self) -> dict[str, int]:
        """Number of replies, in total and by kind, and of unfinished ones."""
        kinds = [reply.kind() for reply in self.replies]
        return {
            "replies": len(kinds),
            **{kind: kinds.count(kind) for kind in ("empty", "broken", "language")},
            "unfinished": sum(not reply.finished for reply in self.replies),
        }

    def texts(self, language: str) -> list[str]:
        return [reply.text for reply in self.replies if reply.language == language and reply.text]


def evaluate_model(
    directory: Path, held_out: HoldoutData, settings: GateSettings, report: Callable[[int, int], None]
) -> ModelEvaluation:
    """Evaluate a model; `report` is called with the numbers of finished and of all answers.

    A failure is returned as `code` and `trouble`.
    """
    try:
        loaded = load_model(directory, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    except LoadError as error:
        return ModelEvaluation(code="load", trouble=str(error))
    if trouble := prompt_problem(loaded):
        return ModelEvaluation(code="prompt", trouble=trouble)
    result = ModelEvaluation(prompt_ids=encode_prompts(loaded), vocabulary=loaded.model.config.llm_config.vocab_size)
    rows = [(photo.path, joke.prompt, joke.text) for photo in held_out.photos for joke in photo.jokes]
    requests = build_requests(held_out, settings)
    done, total = 0, len(held_out.photos) + len(rows) + len(requests)

    def advance(count: int) -> None:
        nonlocal done
        done += count
        report(done, total)

    scorer = ModelScorer(loaded, settings, advance)
    try:
        for photo in held_out.photos:
            scorer.encode_photo(photo.path)
            advance(1)
        jokes = scorer.generate([(photo.path, prompt) for photo, _, prompt in requests])
        nats = iter(scorer.score(rows))
    except NonFiniteScoreError:
        result.code, result.trouble = "nan", "It computes NaN or infinity."
        return result
    result.replies = [
        GateReply(photo.name, language, joke.text, joke.finished)
        for (photo, language, _), joke in zip(requests, jokes, strict=True)
    ]
    result.nats = {photo.name: [next(nats) for _ in photo.jokes] for photo in held_out.photos}
    return result


def encode_prompts(loaded: LoadedModel) -> list[list[int]]:
    """Token ids of the prompts of all languages and styles, in one chat template for all models."""
    prompts, template = load_prompts(), chat_template()
    return [
        loaded.tokenizer.encode(template.render(prompts.ask(code, style)), add_special_tokens=False)
        for code, language in prompts.languages.items()
        for style in language.styles
    ]


def build_requests(held_out: HoldoutData, settings: GateSettings) -> list[tuple[HoldoutPhoto, str, str]]:
    """Photo, language and prompt of each new joke: `replies` in each language, evenly over the photos.

    A photo's prompts are those of users' requests, or the language's default prompt.
    """
    requests = []
    for language in held_out.languages:
        for number in range(min(settings.replies_per_language, MAX_JOKES_PER_PHOTO * len(held_out.photos))):
            photo = held_out.photos[number % len(held_out.photos)]
            own = [joke.prompt for joke in photo.jokes if joke.language == language] or [load_prompts().ask(language)]
            requests.append((photo, language, own[number // len(held_out.photos) % len(own)]))
    return requests


def free_gpu_memory() -> None:
    """Release the GPU memory of a model that is no longer used."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
