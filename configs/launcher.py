"""The command template in `training.launcher`, which starts the training step of a run on another machine.

The template is split into words like a shell command, and `{NAME}` in a word is replaced by a value. No shell is
involved, so values need no quoting. docs/deploy/training-elsewhere.md describes what the command must do.
"""

import re
import shlex
from collections.abc import Mapping

PLACEHOLDERS = ("run", "dataset", "base", "command")
"""`run`, `dataset` and `base` are directories; `command` is the training as one shell command, for a shared disk."""
PLACEHOLDER = re.compile(r"\{(\w*)\}")


def split_launcher(template: str) -> list[str]:
    """The words of a template, with their placeholders. Raises ValueError if it is no valid template."""
    words = shlex.split(template)
    names = [name for word in words for name in PLACEHOLDER.findall(word)]
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    if unknown := [name for name in names if name not in PLACEHOLDERS]:
        raise ValueError(f"{{{unknown[0]}}} is no placeholder; there are {known}")
    if words and not {"run", "command"} & set(names):
        raise ValueError("it needs the run's folder, {run}, or the training's command, {command}")
    return words


def fill_launcher(template: str, values: Mapping[str, str]) -> list[str]:
    """The command of a template with its placeholders replaced by `values`."""
    return [PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in split_launcher(template)]
