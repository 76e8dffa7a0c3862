"""Loads a model directory for the gate, and checks that its tokenizer encodes the bot's prompts."""

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from configs.chat_templates import ChatTemplate, chat_template
from configs.errors import JokebotError
from configs.memory import free_memory
from configs.model_code import verified_copy
from configs.prompts import load_prompts
from configs.transformers_imports import import_transformers
from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.location import CheckpointError


class LoadError(JokebotError):
    """A model directory can't be loaded."""


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory with its tokenizer. Its own code was run: the directory must be trusted."""

    directory: Path
    template: ChatTemplate
    model: Any
    tokenizer: Any
    device: torch.device

    def encode(self, prompt: str, tiles: int) -> list[int]:
        """Token ids of the bot's prompt for a picture of so many tiles, in the model's chat template with its BOS."""
        return self.tokenizer.encode(
            self.template.render(prompt, self.model.num_image_token * tiles), add_special_tokens=False
        )


def load_model(directory: Path, device: torch.device) -> LoadedModel:
    """Load a model. Raises LoadError if the directory is not a complete InternVL2 with InternLM2."""
    try:
        checkpoint = check_checkpoint(directory)
        code = verified_copy(checkpoint.directory)
        AutoModel, AutoTokenizer = import_transformers(torch)
        # OpenGVLab's code prints to stdout.
        with contextlib.redirect_stdout(sys.stderr):
            tokenizer = AutoTokenizer.from_pretrained(str(code), trust_remote_code=True, use_fast=False)
            model, loading_info = AutoModel.from_pretrained(
                str(code), trust_remote_code=True, torch_dtype=torch.bfloat16, output_loading_info=True
            )
    except CheckpointError as error:
        raise LoadError(str(error)) from error
    except (MemoryError, torch.OutOfMemoryError):
        raise
    # A checkpoint's code and files can raise any exception.
    except Exception as error:
        raise LoadError(f"It can't be loaded: {str(error)[:300] or type(error).__name__}") from error
    # transformers initialises these randomly and only warns.
    if missing := sorted(loading_info["missing_keys"]):
        raise LoadError(f"{len(missing)} of its weights are missing, {missing[0]} among them.")
    template = chat_template(checkpoint.template)
    return LoadedModel(directory, template, model.to(device, choose_dtype(model, device)).eval(), tokenizer, device)


def choose_dtype(model: Any, device: torch.device) -> torch.dtype:
    """bf16 on a GPU. On a CPU float32, which is several times faster, if it needs at most half of the free memory."""
    needed = 4 * sum(parameter.numel() for parameter in model.parameters())
    return torch.float32 if device.type == "cpu" and 2 * needed <= (free_memory() or 0) else torch.bfloat16


def prompt_problem(loaded: LoadedModel) -> str | None:
    """The reason why this model's tokenizer doesn't encode the prompts in its chat template; None if it does."""
    prompts, tokenizer, template = load_prompts(), loaded.tokenizer, loaded.template
    markers = {
        name: tokenizer.convert_tokens_to_ids(name)
        for name in (
            template.bos,
            template.start,
            template.end,
            template.image_start,
            template.image_end,
            template.context,
        )
    }
    unknown = [name for name, token in markers.items() if token is None or token == tokenizer.unk_token_id]
    if unknown:
        return f"Its tokenizer does not know {', '.join(unknown)}."
    for language in prompts.languages:
        text = prompts.ask(language)
        ids = loaded.encode(text, 2)
        rendered = template.render(text, loaded.model.num_image_token * 2)
        wrong = [name for name, token in markers.items() if ids.count(token) != rendered.count(name)]
        if wrong or ids[0] != markers[template.bos]:
            return f"Its tokenizer doesn't read {', '.join(wrong) or template.bos} in the prompt as one token."
        if max(ids) >= loaded.model.config.llm_config.vocab_size:
            return "Its tokenizer makes tokens that its weights don't know."
    return None
