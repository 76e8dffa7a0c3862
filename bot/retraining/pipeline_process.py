"""The train environment's commands as processes of the bot: the pipeline of a run, and a look at what there is to
learn.

They read their settings as every command does; what differs from the defaults is handed on in variables, without what
only the bot needs.
"""

import json
import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.runtime.child_process import ChildProcess, run_program, start_child
from configs.base import SettingsSection
from configs.settings import PREFIX, ROOT, Settings
from storage.learning.retrain_preview import PreviewError, RetrainPreview

NOT_THEIRS = ("telegram", "metrics", "panel")
"""Sections that the train environment has no use for; the bot's token and the admin pages' key stay with the bot."""
LOOK_TIMEOUT_S = 300.0
GRACE_S = 10.0
"""What the pipeline gets beyond the grace of its own child, so that it isn't killed while that writes its
checkpoint.
"""


def variables(settings: Settings) -> dict[str, str]:
    """This process's environment, with the settings in it and the secrets that aren't theirs out of it."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(tuple(f"{PREFIX}{section.upper()}_" for section in NOT_THEIRS))
    }
    for section in Settings.model_fields:
        if section not in NOT_THEIRS:
            environment |= {
                f"{PREFIX}{section}_{name}".upper(): text for name, text in _changed(getattr(settings, section))
            }
    environment[f"{PREFIX}STORAGE_DIRECTORY"] = str(settings.storage.directory.absolute())
    return environment


def _changed(section: SettingsSection) -> list[tuple[str, str]]:
    defaults = type(section)()
    values = {
        name: getattr(section, name)
        for name in type(section).model_fields
        if getattr(section, name) != getattr(defaults, name)
    }
    return [(name, _text(value)) for name, value in values.items() if value is not None]


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, list | tuple):
        # As JSON, since texts may hold commas.
        return json.dumps(value) if any(isinstance(part, str) for part in value) else ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, bool) else str(value)


def start_pipeline(run_id: int, settings: Settings, log: Path) -> ChildProcess:
    """Start the process that works on a run; what it prints goes to the end of `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(settings.environments.train_python), "-m", "bot", "_pipeline", str(run_id)]
    return start_child(
        f"run {run_id}",
        command,
        log=log,
        environment=variables(settings),
        cwd=ROOT,
        grace_s=settings.retrain.stop_grace_s + GRACE_S,
    )


async def look(settings: Settings) -> RetrainPreview:
    """What a run would train on now; takes seconds, in a process of its own. Raises PreviewError."""
    python = str(settings.environments.train_python)
    try:
        program = await run_program(
            [python, "-m", "bot", "retrain", "--dry-run", "--json"], variables(settings), LOOK_TIMEOUT_S
        )
    except TimeoutError:
        raise PreviewError(f"It took longer than {LOOK_TIMEOUT_S:g} s.") from None
    except OSError as error:
        raise PreviewError(
            f"{python} can't be started ({error.strerror}); `make env-train` makes the train environment."
        ) from error
    try:
        return RetrainPreview.from_json(program.stdout.splitlines()[-1])
    except (PreviewError, IndexError):
        raise PreviewError(
            (program.last_error_line or f"it ended with code {program.code}").removeprefix("jokebot: ")
        ) from None
