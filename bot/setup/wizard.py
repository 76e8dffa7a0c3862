"""The course of `jokebot setup`: the questions in their order, the settings file, the doctor, the command to start."""

import asyncio
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.monitoring.doctor import print_findings
from bot.setup.admin_step import AdminStep
from bot.setup.answers import SetupAnswers, is_secret
from bot.setup.engine_step import EngineStep
from bot.setup.model_step import ModelCommands, ModelStep
from bot.setup.terminal import SetupError, SetupTerminal
from bot.setup.time_zone_step import TimeZoneStep
from bot.setup.token_step import TokenStep
from configs.host_environment import use_time_zone
from configs.operation import StorageSettings
from configs.reference import toml_value
from configs.settings import PREFIX, SETUP_FILE, Settings, load_settings
from storage.maintenance.data_folder import is_bot_running

YES_FLAG = "--yes"


@dataclass(frozen=True)
class SetupOptions:
    """What the command line answers; None and empty values are asked."""

    token_file: Path | None = None
    proxy: str | None = None
    admins: list[int] = field(default_factory=list)
    engine: str | None = None
    model: str | None = None
    source: str | None = None
    time_zone: str | None = None


class SetupWizard:
    """Asks what is not known, and writes the settings file when all is answered."""

    def __init__(self, terminal: SetupTerminal, answers: SetupAnswers, models: ModelCommands) -> None:
        self._terminal, self._answers, self._models = terminal, answers, models

    def run(self, options: SetupOptions) -> int:
        """Return 0 if the doctor finds nothing bad, else 1. Raises JokebotError; the answers so far are kept."""
        self._greet()
        bot = TokenStep(self._terminal, self._answers).run(options.token_file, options.proxy)
        AdminStep(self._terminal, self._answers, bot).run(options.admins)
        kind = EngineStep(self._terminal, self._answers).run(options.engine)
        if kind != "url":
            ModelStep(self._terminal, self._answers, self._models, kind).run(options.model, options.source)
        elif options.model:
            raise SetupError(self._terminal.text("model-not-served", model=options.model))
        TimeZoneStep(self._terminal, self._answers).run(options.time_zone)
        self._write()
        return self._finish()

    def _greet(self) -> None:
        self._terminal.show("welcome", file=str(self._answers.path))
        if self._answers.resumed:
            self._terminal.show("resumed", file=str(self._answers.draft_path))
        if is_bot_running(folder := self._answers.settings().storage.directory):
            self._terminal.show("bot-runs", folder=str(folder))

    def _write(self) -> None:
        """Write the file. Where there is one already, the changes are shown and the user is asked."""
        changes = self._answers.changes()
        if self._answers.exists and not changes:
            self._answers.discard_draft()
            self._terminal.show("nothing-changes", file=str(self._answers.path))
            return
        for section, values in changes.items():
            for name, value in values.items():
                print(f"  {section}.{name} = {'…' if is_secret(section, name) else toml_value(value)}")
        if self._answers.exists and not self._terminal.confirm(
            "ask-write", YES_FLAG, default=True, file=str(self._answers.path)
        ):
            raise SetupError(self._terminal.text("not-written", draft=str(self._answers.draft_path)))
        self._answers.write()
        self._terminal.show("written", file=str(self._answers.path))

    def _finish(self) -> int:
        settings = load_settings(self._answers.path)
        use_time_zone(settings.host.time_zone)
        self._terminal.show("doctor")
        well = asyncio.run(print_findings(settings))
        self._terminal.show("done" if well else "done-with-faults")
        print(f"\n    {start_command(self._answers.path, settings)}\n", flush=True)
        return 0 if well else 1


def start_command(file: Path, settings: Settings, variables: Mapping[str, str] = os.environ) -> str:
    """The command that starts the bot from the current folder with this settings file."""
    folder = variables.get(f"{PREFIX}STORAGE_DIRECTORY")
    words = [f"{PREFIX}STORAGE_DIRECTORY={shlex.quote(folder)}"] if folder else []
    if file.absolute() != (Path(folder or StorageSettings().directory) / SETUP_FILE).absolute():
        words.append(f"{PREFIX}CONFIG={shlex.quote(str(file.absolute()))}")
    return " ".join([*words, shlex.quote(_program()), "run"])


def _program() -> str:
    """The `jokebot` of this interpreter, relative to the current folder if it is in it."""
    script = Path(sys.executable).with_name("jokebot")
    if not script.exists():
        return "jokebot"
    return str(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script)
