"""A model's code: the files that choose it, their digests, and the verified copy that a process loads.

transformers runs Python files of a model's folder, and `auto_map` in any of its JSON files names them. A name with `--`
is code of another folder or of a hub. A process therefore loads a copy of the files that were read, checked and hashed
once, so that a change after the check has no effect. The copy's tokenizer is InternLM2's slow one, and its folder has a
name without dots, from which transformers can load code. Weights are linked, not copied; only safetensors are, because
loading pickled weights can run code. Used in all environments: standard library only.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from configs.errors import JokebotError
from configs.temporary_folder import make_process_folder

CODE_SUFFIXES = {".py", ".json", ".jinja", ".model", ".txt", ".vocab", ".tiktoken"}
"""Modelling code, configurations, chat templates and tokenizer files. No other files are copied."""
WEIGHT_SUFFIX = ".safetensors"
INDEX = "model.safetensors.index.json"
TOKENIZER = "tokenizer_config.json"
NOT_AGREED = {INDEX, "model.json"}
"""Files that a run writes for its own model. They choose no code: see `check_references` for the index."""
REFERENCE = re.compile(r"(?P<module>[A-Za-z_]\w*)\.[A-Za-z_]\w*", re.ASCII)
"""A class in a Python file directly in the model's folder."""
AGREED = "MODEL_CODE_AGREED"
"""Environment variable: JSON with the agreed fingerprint by folder, for child processes that load models."""


class ModelCodeError(JokebotError):
    """A model's code is not loaded: it changed, or it names code outside its folder."""


def read_code_files(directory: Path) -> dict[str, bytes]:
    """The contents of a model's files that choose code, at any depth, by relative path. Raises OSError."""
    paths = {file: file.relative_to(directory) for file in sorted(directory.rglob("*")) if file.suffix in CODE_SUFFIXES}
    return {
        path.as_posix(): file.read_bytes()
        for file, path in paths.items()
        if file.is_file() and not any(part.startswith(".") for part in path.parts)
    }


def digests_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 by relative path of the files that an admin agrees to."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name not in NOT_AGREED}


def code_digests(directory: Path) -> dict[str, str]:
    """SHA-256 by relative path of a model's files that choose code. Raises OSError."""
    return digests_of(read_code_files(directory))


def fingerprint(digests: Mapping[str, str]) -> str:
    """SHA-256 of all digests."""
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def check_references(directory: Path, files: Mapping[str, bytes]) -> None:
    """Raise ModelCodeError if a file names code or weights outside `directory`.

    An `adapter_config.json` is refused: transformers would load the base model that it names, with that model's code.
    """
    for name, data in files.items():
        if not name.endswith(".json"):
            continue
        if name.rpartition("/")[2] == "adapter_config.json":
            raise ModelCodeError(f"{directory}/{name} names another model, whose code would run. Remove it.")
        try:
            content = json.loads(data.decode("utf-8"))
            references = [*find_references(content)]
            weights = [*content.get("weight_map", {}).values()] if name == INDEX else []
        except (ValueError, RecursionError, AttributeError):
            continue  # transformers can't read it either
        for reference in references:
            match = REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
            if match is None or f"{match['module']}.py" not in files:
                raise ModelCodeError(
                    f"{directory}/{name} names code that is not in the model's folder ({reference!r}). It isn't loaded."
                )
        for file in weights:
            if not isinstance(file, str) or "/" in file or not file.endswith(WEIGHT_SUFFIX):
                raise ModelCodeError(f"{directory}/{name} names weights that are not in the model's folder ({file!r}).")


def find_references(value: Any) -> Iterator[Any]:
    """The values of each `auto_map` in a JSON value, at any depth, without null."""
    if isinstance(value, list):
        for item in value:
            yield from find_references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item) if key == "auto_map" else find_references(item)


def leaves(value: Any) -> Iterator[Any]:
    """The values in nested lists and objects that are neither of them, without null."""
    if isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    elif value is not None:
        yield value


def with_agreed(directory: Path, agreed: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for a process that loads the model in `directory` with this agreed fingerprint."""
    known = json.loads(environment.get(AGREED) or "{}")
    return {AGREED: json.dumps({**known, str(directory.resolve()): agreed})}


def verified_copy(directory: Path) -> Path:
    """A copy of a model's folder to load, removed at exit; weights are links. transformers caches code beside it.

    Call it before transformers is imported. Raises ModelCodeError if a file names code outside the folder, or if the
    files differ from what the parent process has checked (`with_agreed`), and OSError.
    """
    directory = directory.absolute()
    files = read_code_files(directory)
    check_references(directory, files)
    agreed = json.loads(os.environ.get(AGREED) or "{}").get(str(directory.resolve()))
    if agreed is not None and agreed != fingerprint(digests_of(files)):
        raise ModelCodeError(f"The code in {directory} has changed since it was checked. It isn't loaded.")
    folder = make_process_folder("jokebot-model-")
    if "transformers" not in sys.modules:
        os.environ.setdefault("HF_MODULES_CACHE", str(folder / "modules"))
    # The name is in the names of the loaded modules, so it has no dot, and is LMDeploy's default name for the model.
    copy = folder / "model" / (re.sub(r"[^\w-]", "_", directory.name, flags=re.ASCII) or "model")
    for name, data in files.items():
        data = plain_tokenizer(data) if name == TOKENIZER else data
        file = copy / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    copy.mkdir(parents=True, exist_ok=True)
    for weights in directory.glob(f"*{WEIGHT_SUFFIX}"):
        (copy / weights.name).symlink_to(weights)
    return copy


def plain_tokenizer(data: bytes) -> bytes:
    """A tokenizer_config.json whose own class, if it has one, is the slow one and adds no BOS.

    With a fast class of InternLM2's tokenizer, transformers 5 gives other ids than the model was trained with
    (`<|im_end|>` 92548). The BOS is in the chat templates.
    """
    try:
        content = json.loads(data)
        classes = content.get("auto_map", {}).get("AutoTokenizer")
    except (ValueError, AttributeError, RecursionError):
        return data  # the check names the fault
    if not classes:
        return data
    slow = classes[0] if isinstance(classes, list) else classes
    if slow is None:
        return data
    tokenizer_class = str(slow).rpartition(".")[2]
    content |= {"add_bos_token": False, "tokenizer_class": tokenizer_class}
    content["auto_map"] = {**content["auto_map"], "AutoTokenizer": [slow, None]}
    return json.dumps(content, ensure_ascii=False, indent=2).encode()
