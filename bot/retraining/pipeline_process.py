"""Runs commands of the train environment as processes of the bot: a run's pipeline, and the retraining preview.

They read their settings like every command. Settings that differ from the defaults are passed in environment
variables, except secrets and those that only the bot needs.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.runtime.child_process import ChildProcess, run_program, start_child
from configs.base import SettingsSection
from configs.child_environment import child_environment
from configs.gpu import GpuSelection
from configs.settings import PREFIX, ROOT, Settings
from storage.learning.retrain_preview import PreviewError, RetrainPreview

BOT_ONLY_SECTIONS = ("telegram", "metrics", "panel")
"""Sections that the train environment doesn't need."""
PREVIEW_TIMEOUT_S = 300.0
GRACE_MARGIN_S = 10.0
"""Seconds beyond the grace of the pipeline's own child, so that it isn't killed while that writes its checkpoint."""


def train_environment(settings: Settings) -> dict[str, str]:
    """This process's environment with the settings, without secrets and the sections that only the bot needs."""
    sections = [section for section in Settings.model_fields if section not in BOT_ONLY_SECTIONS]
    environment = child_environment(f"{PREFIX}CONFIG", *(f"{PREFIX}{section}_".upper() for section in sections))
    for section in sections:
        environment |= {
            f"{PREFIX}{section}_{name}".upper(): text for name, text in _changed_values(getattr(settings, section))
        }
    environment[f"{PREFIX}STORAGE_DIRECTORY"] = str(settings.storage.directory.absolute())
    gpu_ids = settings.training.gpu_ids
    # For all steps of a run: training, merge and gate.
    return environment | (GpuSelection.of(gpu_ids).variables() if gpu_ids else {})


def _changed_values(section: SettingsSection) -> list[tuple[str, str]]:
    defaults = type(section)()
    values = {
        name: getattr(section, name)
        for name in type(section).model_fields
        if getattr(section, name) != getattr(defaults, name)
    }
    return [
        (name, _format_value(value))
        for name, value in values.items()
        if value is not None and not isinstance(value, SecretStr)
    ]


def _format_value(value: Any) -> str:
    if isinstance(value, list | tuple):
        # As JSON, since texts may contain commas.
        return json.dumps(value) if any(isinstance(part, str) for part in value) else ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, bool) else str(value)


def start_pipeline(run_id: int, settings: Settings, log: Path) -> ChildProcess:
    """Start the pipeline process of a run; its output is appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(settings.environments.train_python), "-m", "bot", "_pipeline", str(run_id)]
    return start_child(
        f"run {run_id}",
        command,
        log=log,
        environment=train_environment(settings),
        cwd=ROOT,
        grace_s=settings.retrain.stop_grace_s + GRACE_MARGIN_S,
    )


async def preview_retraining(settings: Settings) -> RetrainPreview:
    """The data on which a run would train now. Takes seconds, in a separate process. Raises PreviewError."""
    python = str(settings.environments.train_python)
    try:
        program = await run_program(
            [python, "-m", "bot", "retrain", "--dry-run", "--json"], train_environment(settings), PREVIEW_TIMEOUT_S
        )
    except TimeoutError:
        raise PreviewError(f"The preview took longer than {PREVIEW_TIMEOUT_S:g} s.") from None
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
