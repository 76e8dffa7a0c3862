"""Evaluates one model on the held-out photos: prompt encoding, likelihood of rated jokes, and new jokes."""

import gc
from collections.abc import Callable
from pathlib import Path

import torch

from configs.chat_templates import chat_template
from configs.learning import GateSettings
from configs.prompts import load_prompts
from trainer.gate.holdout_data import HoldoutData
from trainer.gate.model_loading import LoadedModel, LoadError, load_model, prompt_problem
from trainer.gate.model_scorer import ModelScorer, NonFiniteScoreError
from trainer.gate.replies import GateReply, ModelEvaluation, build_requests


def evaluate_model(
    directory: Path,
    held_out: HoldoutData,
    settings: GateSettings,
    report: Callable[[int, int], None],
    scored: bool = True,
) -> ModelEvaluation:
    """Evaluate a model; `report` is called with the numbers of finished and of all answers.

    Unless `scored`, the likelihood of the held-out jokes is not computed. A failure is returned as `code` and
    `trouble`.
    """
    try:
        loaded = load_model(directory, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    except LoadError as error:
        return ModelEvaluation(code="load", trouble=str(error))
    if trouble := prompt_problem(loaded):
        return ModelEvaluation(code="prompt", trouble=trouble)
    return evaluate_loaded(loaded, held_out, settings, report, scored)


def evaluate_loaded(
    loaded: LoadedModel,
    held_out: HoldoutData,
    settings: GateSettings,
    report: Callable[[int, int], None],
    scored: bool,
) -> ModelEvaluation:
    """`evaluate_model` of a loaded model."""
    result = ModelEvaluation(prompt_ids=encode_prompts(loaded), vocabulary=loaded.model.config.llm_config.vocab_size)
    requests = build_requests(held_out, settings)
    photos = held_out.photos if scored else list({photo.name: photo for photo, _, _ in requests}.values())
    rows = [(photo.path, joke.prompt, joke.text) for photo in photos for joke in photo.jokes] * scored
    done, total = 0, len(photos) + len(rows) + len(requests)

    def advance(count: int) -> None:
        nonlocal done
        done += count
        report(done, total)

    scorer = ModelScorer(loaded, settings, advance)
    try:
        for photo in photos:
            scorer.encode_photo(photo.path)
            advance(1)
        jokes = scorer.generate([(photo.path, prompt) for photo, _, prompt in requests])
        nats = iter(scorer.score(rows))
    except NonFiniteScoreError:
        result.code, result.trouble = "nan", "It computes NaN or infinity."
        return result
    result.replies = [
        GateReply(photo.name, language, joke.text, joke.finished, prompt)
        for (photo, language, prompt), joke in zip(requests, jokes, strict=True)
    ]
    if scored:
        result.nats = {photo.name: [next(nats) for _ in photo.jokes] for photo in photos}
    return result


def encode_prompts(loaded: LoadedModel) -> list[list[int]]:
    """Token ids of the prompts of all languages and styles, in one chat template for all models."""
    prompts, template = load_prompts(), chat_template()
    return [
        loaded.tokenizer.encode(template.render(prompts.ask(code, style)), add_special_tokens=False)
        for code, language in prompts.languages.items()
        for style in language.styles
    ]


def free_gpu_memory() -> None:
    """Release the GPU memory of a model that is no longer used."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
