"""Which model jokes: one that is fetched, a directory, or the demo model. Commands of Jokebot check and register it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.setup.answers import SetupAnswers
from bot.setup.terminal import SetupError, SetupTerminal
from configs.base import ROOT
from configs.errors import JokebotError
from configs.memory import free_memory
from storage.checkpoint.check import check_checkpoint
from storage.learning.models import Model
from storage.learning.serving_model import plan_serving, read_registry

FLAG, SOURCE_FLAG = "--model MODEL", "--from SOURCE"
DEMO = "demo"
DEMO_DIRECTORY = ROOT / "configs" / "demo-model" / "checkpoint"
USUAL_MODEL = "InternVL2-2B"
SOURCES = ("hf", "modelscope")
LARGE = 500_000_000
"""Parameters from which a CPU takes half a minute and more for a joke."""
SLOW_CPU_SETTINGS = (
    ("engine", "max_tiles", 1),
    ("engine", "in_flight", 1),
    ("engine", "first_token_timeout_s", 120.0),
    ("engine", "total_timeout_s", 300.0),
    ("servers", "hang_timeout_s", 300.0),
    ("joke", "max_tokens", 60),
    ("joke", "candidates", 1),
)
"""What docs/deploy/cpu.md advises for a 2B model: with the defaults its jokes end by a timeout."""


@dataclass(frozen=True)
class ModelCommands:
    """Commands of Jokebot, run with the terminal; they return exit codes.

    `fetch` gets a name, the source and whether the user agrees to everything; `add` a directory and the same; `promote`
    the name of a model. `download_directory`: where `fetch` puts a name; None if it doesn't know the name.
    """

    fetch: Callable[[str, str, bool], int]
    add: Callable[[Path, bool], int]
    promote: Callable[[str], int]
    download_directory: Callable[[str], Path | None]


class ModelStep:
    """Registers a model, unless one is in service already, and records settings that a slow host needs."""

    def __init__(self, terminal: SetupTerminal, answers: SetupAnswers, commands: ModelCommands, kind: str) -> None:
        self._terminal, self._answers, self._commands, self._kind = terminal, answers, commands, kind

    def run(self, given: str | None, source: str | None) -> None:
        """Raises SetupError, and CheckpointError for a directory that can't be used."""
        served, choice = self._served(), given
        if choice is None and served and (self._answers.resumed or not self._asks):
            choice = ""
        while choice is None:
            choice = self._ask(served)
            if choice and not self._is_known(choice):
                self._terminal.show("model-malformed", answer=choice)
                choice = None
        if choice:
            obtained = self._obtain(choice, source)
            if self._answers.known("model", "directory") and self._served() is None:
                self._answers.set("model", "directory", str(obtained))  # it names a directory that can't be used
            self._put_into_service(obtained)
        served = self._served()
        if served is None:
            raise SetupError(self._terminal.text("model-missing"))
        self._terminal.show("model-known", name=served.name, directory=str(served.directory))
        self._record_slow_host(served)

    @property
    def _asks(self) -> bool:
        return self._terminal.interactive and not self._terminal.agree

    def _served(self) -> Model | None:
        """The model that `jokebot run` would serve. A fault of its files is told."""
        settings = self._answers.settings()
        try:
            plan = plan_serving(settings, read_registry(settings.storage.database))
        except JokebotError as error:
            print(error)
            return None
        if plan.champion or plan.base is None:
            return plan.champion
        return Model(0, settings.model.name, "base", None, None, str(plan.base.directory), None, "{}", 0.0)

    def _ask(self, served: Model | None) -> str:
        if self._kind == "cpu":
            self._tell_slowness()
        if served:
            return self._terminal.ask("ask-model-again", FLAG, name=served.name, directory=str(served.directory))
        default = DEMO if self._kind == "cpu" else USUAL_MODEL
        return self._terminal.ask("ask-model", FLAG, default)

    def _is_known(self, choice: str) -> bool:
        return choice == DEMO or is_path(choice) or self._commands.download_directory(choice) is not None

    def _tell_slowness(self) -> None:
        free = free_memory()
        self._terminal.show(
            "cpu-is-slow",
            cores=len(os.sched_getaffinity(0)),
            gb=f"{(free or 0) / 1e9:.1f}",
            known=int(free is not None),
        )

    def _obtain(self, choice: str, source: str | None) -> Path:
        """Fetch or register a model, and return its directory. Raises SetupError if the user declines."""
        if choice == DEMO or Path(choice).expanduser().absolute() == DEMO_DIRECTORY:
            if self._answers.known("model", "directory") is None and self._served() is None:
                self._answers.set("model", "directory", str(DEMO_DIRECTORY))
            return DEMO_DIRECTORY
        target = None if is_path(choice) else self._commands.download_directory(choice)
        if target is None:
            target = check_checkpoint(Path(choice), for_training=True).directory
            self._terminal.show("about-code")
            code = self._commands.add(target, self._terminal.agree)
        else:
            if self._kind == "cpu" and not self._asks:
                self._tell_slowness()
            source = source or self._ask_source()
            self._terminal.show("about-fetch")
            code = self._commands.fetch(choice, source, self._terminal.agree)
        if code:
            raise SetupError(self._terminal.text("model-command-failed"))
        return target

    def _put_into_service(self, directory: Path) -> None:
        """Put the model into service where another one is, if the user agrees."""
        served = self._served()
        if served is None or served.directory == str(directory):
            return
        registry = read_registry(self._answers.settings().storage.database)
        model = next((model for model in registry if model.directory == str(directory)), None)
        if model is None:
            self._terminal.show("model-stays", name=served.name)
        elif self._terminal.confirm("ask-promote", FLAG, default=True, name=model.name, served=served.name):
            self._commands.promote(model.name)

    def _ask_source(self) -> str:
        if not self._asks:
            return SOURCES[0]
        proxied = bool(self._answers.known("telegram", "proxy"))
        return self._terminal.ask("ask-source", SOURCE_FLAG, SOURCES[self._terminal.language == "zh" or proxied])

    def _record_slow_host(self, served: Model) -> None:
        """Record what a large model needs on a CPU, where the admin has chosen nothing."""
        if self._kind != "cpu" or served.directory is None:
            return
        if check_checkpoint(Path(served.directory)).parameters < LARGE:
            return
        changed = [
            f"{section}.{name}" for section, name, value in SLOW_CPU_SETTINGS if self._suggest(section, name, value)
        ]
        if changed:
            self._terminal.show("cpu-settings", names=", ".join(changed))

    def _suggest(self, section: str, name: str, value: float) -> bool:
        return self._answers.suggest(section, name, value)


def is_path(choice: str) -> bool:
    """Whether a user means a directory: it exists, or is written as a path."""
    return Path(choice).expanduser().is_dir() or choice.startswith(("/", "./", "../", "~"))
