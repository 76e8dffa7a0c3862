"""Writes a model as a directory to take away: OpenGVLab's layout, the chat template for LMDeploy, and a model card.

It holds no photo, no user's text, no user id and no path of this host.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import JokebotError
from storage.checkpoint.check import Checkpoint, check_checkpoint
from storage.checkpoint.template import MODEL_JSON, OLD_PROMPTS, TEMPLATE, lmdeploy_template
from storage.learning.model_files import list_model_files
from storage.learning.models import Model

CARD, LMDEPLOY = "README.md", "chat_template.json"
OWN = {MODEL_JSON, OLD_PROMPTS, "prompts.toml", CARD, LMDEPLOY}
"""Files that are written anew or left out."""
LICENCES = (
    "OpenGVLab publishes InternVL2 and InternVL2.5 under the MIT licence, and their component InternLM2 under the "
    "Apache License 2.0. Check the licence of your copy of the base model, and that of imported training data."
)


class ExportError(JokebotError):
    """A model can't be exported; the message says why."""


@dataclass(frozen=True)
class ExportFacts:
    """What the card says beside the model's own record: the base's name, and the rows of its dataset by origin."""

    base: str
    rows: dict[str, int]


def export_model(model: Model, target: Path, facts: ExportFacts) -> Checkpoint:
    """Copy a model to a new directory and describe it. The directory appears when it is complete.

    Raises CheckpointError for a damaged model, ExportError if the directory is there or can't be written.
    """
    source, target = check_checkpoint(Path(model.directory or "")), target.absolute()
    if target.exists():
        raise ExportError(f"{target} is there already. Choose another directory.")
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        for file in list_model_files(source.directory):
            if file.name not in OWN:
                shutil.copyfile(file, part / file.name)
        record = {"format": 1, TEMPLATE: source.template, "name": model.name, "base": facts.base}
        write_json(part / MODEL_JSON, record)
        write_json(part / LMDEPLOY, lmdeploy_template(source.directory))
        (part / CARD).write_text(model_card(model, source, facts), encoding="utf-8")
        check_checkpoint(part)
        part.rename(target)
    except OSError as error:
        raise ExportError(
            f"{target} can't be written: {error.strerror or error}. It needs {source.weight_bytes / 1e9:.1f} GB."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return check_checkpoint(target)


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def model_card(model: Model, checkpoint: Checkpoint, facts: ExportFacts) -> str:
    """The card in Markdown, with the metadata that model hubs read."""
    sections = [
        "---\nlibrary_name: transformers\npipeline_tag: image-text-to-text\nlanguage: [en, zh]\n"
        f"tags: [jokebot, internvl]\n---\n\n# {model.name}",
        "Tells jokes about photos. "
        + (
            "It is a base model as it was downloaded."
            if model.is_base
            else f"It was fine-tuned by Jokebot (XTuner QLoRA, merged) from {facts.base}."
        ),
        f"- {checkpoint.parameters:,} parameters, bf16, at most {checkpoint.max_tiles} tiles of a photo\n"
        f"- chat template `{checkpoint.template}` (`{LMDEPLOY}`), which must be used as it is\n"
        "- transformers: `AutoModel.from_pretrained(DIR, trust_remote_code=True)`, "
        "`AutoTokenizer.from_pretrained(DIR, trust_remote_code=True, use_fast=False)`\n"
        f"- LMDeploy 0.18: `lmdeploy serve api_server DIR --chat-template DIR/{LMDEPLOY} --trust-remote-code`\n"
        "- Jokebot: `jokebot models add DIR`",
    ]
    if not model.is_base:
        sections += ["## Training data", _data(facts), "## Training", _training(checkpoint.directory, model)]
        sections += ["## Measured", _measures(model.measured.get("gate"))]
    sections += [
        "## Limits",
        "Jokes can be wrong, tasteless or hurtful. The model learnt what a few users found funny.",
        "## Licences",
        LICENCES,
    ]
    return "\n\n".join(sections) + "\n"


def _data(facts: ExportFacts) -> str:
    if not facts.rows:
        return "Its dataset is not on this host any more."
    names = {"oogiri": "imported from CLoT-Oogiri-GO", "imported": "imported from CLoT-Oogiri-GO"}
    parts = [f"- {count:,} rows: {names.get(origin, origin)}" for origin, count in facts.rows.items()]
    return "Pairs of a photo and a joke. No row of it is part of this directory.\n\n" + "\n".join(parts)


def _training(directory: Path, model: Model) -> str:
    try:
        about = json.loads((directory / MODEL_JSON).read_text(encoding="utf-8"))["adapter"]["training"]
    except (OSError, ValueError, KeyError, TypeError):
        about = {}
    wanted = ("epochs", "batch_size", "accumulation", "learning_rate", "lora_rank", "lora_alpha", "nf4", "seed")
    figures = {**{name: about[name] for name in wanted if name in about}, **(model.measured.get("training") or {})}
    return _table(figures) or "Its record is not on this host."


def _measures(gate: Any) -> str:
    """The gate's comparison with the champion of that time, on held-out photos."""
    measures = gate.get("measures", gate) if isinstance(gate, dict) else {}
    rows = {
        f"{name}.{key}": value
        for name, figures in measures.items()
        if isinstance(figures, dict)
        for key, value in figures.items()
    }
    table = _table(rows)
    return (
        f"On held-out photos, beside the model that served before (docs/gate.md):\n\n{table}" if table else "Nothing."
    )


def _table(figures: dict[str, Any]) -> str:
    lines = [
        f"| {name} | {value:.4g} |" if isinstance(value, float) else f"| {name} | {value} |"
        for name, value in figures.items()
        if isinstance(value, int | float | str)
    ]
    return "\n".join(["| | |", "|---|---|", *lines]) if lines else ""
