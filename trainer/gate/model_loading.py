"""Loads a model directory for the gate, and checks that its tokenizer encodes the bot's prompts."""

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from configs.errors import JokebotError
from configs.memory import free_memory
from configs.model_code import verified_copy
from configs.prompts import PROMPTS_FILE, load_prompts
from configs.transformers_imports import import_transformers

KINDS = ["InternVLChatModel", "InternLM2ForCausalLM"]


class LoadError(JokebotError):
    """A model directory can't be loaded."""


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory with its tokenizer. Its own code was run: the directory must be trusted."""

    directory: Path
    model: Any
    tokenizer: Any
    device: torch.device

    def encode(self, prompt: str, tiles: int) -> list[int]:
        """Token ids of the bot's prompt for a picture of so many tiles; the BOS is in the template."""
        return self.tokenizer.encode(
            load_prompts().render(prompt, self.model.num_image_token * tiles), add_special_tokens=False
        )


def load_model(directory: Path, device: torch.device) -> LoadedModel:
    """Load a model. Raises LoadError if the directory is not a complete InternVL2 with InternLM2."""
    try:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        kinds = [*config.get("architectures", []), *config.get("llm_config", {}).get("architectures", [])]
        if kinds != KINDS:
            raise LoadError(
                f"It is no InternVL2 of InternLM2 kind (it says {', '.join(map(str, kinds)) or 'nothing'})."
            )
        code = verified_copy(directory)
        AutoModel, AutoTokenizer = import_transformers(torch)
        # OpenGVLab's code prints to stdout.
        with contextlib.redirect_stdout(sys.stderr):
            tokenizer = AutoTokenizer.from_pretrained(str(code), trust_remote_code=True)
            model, loading_info = AutoModel.from_pretrained(
                str(code), trust_remote_code=True, torch_dtype=torch.bfloat16, output_loading_info=True
            )
    except (LoadError, MemoryError, torch.OutOfMemoryError):
        raise
    # A checkpoint's code and files can raise any exception.
    except Exception as error:
        raise LoadError(f"It can't be loaded: {str(error)[:300] or type(error).__name__}") from error
    # transformers initialises these randomly and only warns.
    if missing := sorted(loading_info["missing_keys"]):
        raise LoadError(f"{len(missing)} of its weights are missing, {missing[0]} among them.")
    return LoadedModel(directory, model.to(device, choose_dtype(model, device)).eval(), tokenizer, device)


def choose_dtype(model: Any, device: torch.device) -> torch.dtype:
    """bf16 on a GPU. On a CPU float32, which is several times faster, if it needs at most half of the free memory."""
    needed = 4 * sum(parameter.numel() for parameter in model.parameters())
    return torch.float32 if device.type == "cpu" and 2 * needed <= (free_memory() or 0) else torch.bfloat16


def prompt_problem(loaded: LoadedModel) -> str | None:
    """The reason why this model's tokenizer doesn't encode the prompts of `configs/prompts.py`; None if it does."""
    prompts, tokenizer = load_prompts(), loaded.tokenizer
    template = prompts.template
    markers = {
        name: tokenizer.convert_tokens_to_ids(name)
        for name in (template.bos, "<|im_start|>", template.end, "<img>", "</img>", template.context)
    }
    unknown = [name for name, token in markers.items() if token is None or token == tokenizer.unk_token_id]
    if unknown:
        return f"Its tokenizer does not know {', '.join(unknown)}."
    for language in prompts.languages:
        text = prompts.ask(language)
        ids = loaded.encode(text, 2)
        rendered = prompts.render(text, loaded.model.num_image_token * 2)
        wrong = [name for name, token in markers.items() if ids.count(token) != rendered.count(name)]
        if wrong or ids[0] != markers[template.bos]:
            return f"Its tokenizer doesn't read {', '.join(wrong) or template.bos} in the prompt as one token."
        if max(ids) >= loaded.model.config.llm_config.vocab_size:
            return "Its tokenizer makes tokens that its weights don't know."
    return template_problem(loaded.directory / PROMPTS_FILE.name)


def template_problem(papers: Path) -> str | None:
    """The problem if a model's copy of prompts.toml, `papers`, has another template or system prompt, else None."""
    if not papers.is_file():
        return None
    now, then = load_prompts(), load_prompts(papers)
    return (
        None
        if (now.system, now.template) == (then.system, then.template)
        else ("It was trained with another chat template or system prompt than prompts.toml has now.")
    )
