"""Completes a model directory that lacks code or tokenizer from the model that it was trained from.

XTuner's `convert_to_official` writes such directories: weights and config.json, and not all of the other files.
"""

import json
import shutil
from pathlib import Path

from configs.model_code import CODE_SUFFIXES, NOT_AGREED
from storage.checkpoint.check import check_checkpoint
from storage.checkpoint.location import CONFIG, CheckpointError
from storage.checkpoint.tensor_header import read_json


def missing_files(directory: Path, base: Path) -> list[str]:
    """The names of the base's files (code, tokenizer, settings) that a directory lacks."""
    return sorted(
        file.name
        for file in base.iterdir()
        if file.is_file()
        and file.suffix in CODE_SUFFIXES
        and file.name not in NOT_AGREED
        and not file.name.startswith(".")
        and not (directory / file.name).exists()
    )


def complete(directory: Path, base: Path) -> list[str]:
    """Copy the base's files that a directory lacks, and name the modelling code in its config.json.

    Returns the names of the files written. Existing weights and tokenizer files are not changed. Raises
    CheckpointError if the base is no valid model or has other sizes.
    """
    origin = check_checkpoint(base).directory
    config, whole = read_json(directory / CONFIG), read_json(origin / CONFIG)
    for part in ("llm_config", "vision_config"):
        if not isinstance(config.get(part), dict) or any(
            config[part].get(key) != whole[part].get(key) for key in ("hidden_size", "num_hidden_layers")
        ):
            raise CheckpointError(f"{origin} is not the base of {directory}: their {part} differ.")
    written = missing_files(directory, origin)
    for name in written:
        shutil.copyfile(origin / name, directory / name)
    completed = {**config, "auto_map": whole["auto_map"], "template": config.get("template") or whole.get("template")}
    for part in ("llm_config", "vision_config"):
        if "auto_map" in config[part] or "auto_map" in whole[part]:
            completed[part] = {**config[part], "auto_map": whole[part].get("auto_map")}
            if completed[part]["auto_map"] is None:
                del completed[part]["auto_map"]
    if completed != config:
        unfinished = directory / f".{CONFIG}.tmp"
        unfinished.write_text(json.dumps(completed, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(directory / CONFIG)
        written.append(CONFIG)
    return written
