"""Servers that the bot runs, as stub processes: real children on real ports, with faults that a test chooses."""

import os
import sys
from pathlib import Path
from typing import Any

from bot.engine.servers.launch import LaunchSpec
from bot.engine.servers.managed import ManagedServers
from configs.settings import ROOT, Settings
from storage.learning.models import Model

QUICK = {
    "start_timeout_s": 120,
    "restart_delay_s": 0.05,
    "restart_delay_max_s": 0.2,
    "recovery_wait_s": 100,
    "drain_timeout_s": 60,
}
SOON_FOUND = {"probe_interval_s": 0.5, "hang_timeout_s": 2.0}
DEMO = ROOT / "configs" / "demo-model" / "checkpoint"


def model(number: int, name: str | None = None, directory: Path | None = None) -> Model:
    return Model(
        number,
        name or f"model-{number}",
        "candidate",
        None,
        None,
        str(directory) if directory else None,
        None,
        "{}",
        0.0,
    )


def settings(
    folder: Path, *, engine: dict[str, Any] | None = None, lmdeploy: dict[str, Any] | None = None, **servers: Any
) -> Settings:
    return Settings(
        storage={"directory": folder},
        lmdeploy=lmdeploy or {},
        servers={**QUICK, **servers},
        engine={"kind": "cpu", "retry_delay_s": 0.05, "total_timeout_s": 100, **(engine or {})},
    )


class StubLauncher:
    """Launches stub servers. `options[model name]` are their extra options, or a command to run instead.

    A list has an entry for each start; its last entry is used for all later starts.
    """

    def __init__(self, *, sleeps: bool = True) -> None:
        self.options: dict[str, list[list[str]]] = {}
        self.starts: list[str] = []
        self.sleeps = sleeps

    def tell(self, name: str, *options: list[str]) -> None:
        self.options[name] = list(options)

    def __call__(self, model: Model, port: int, key: str) -> LaunchSpec:
        self.starts.append(model.name)
        told = self.options.get(model.name, [[]])
        options = told.pop(0) if len(told) > 1 else told[0]
        command = (
            options
            if options and options[0] == sys.executable
            else [sys.executable, "-m", "bot.engine.stub.server", "--port", str(port), "--name", model.name, *options]
        )
        return LaunchSpec(command, {**os.environ, "STUB_KEY": key}, model.name, sleeps=self.sleeps)


def dies(words: str, code: int = 1) -> list[str]:
    """The command of a server that prints these words at its start and exits."""
    return [sys.executable, "-c", f"import sys; print({words!r}); sys.exit({code})"]


def states(servers: ManagedServers) -> list[tuple[str, str]]:
    return [(state.model, state.state) for state in servers.status()]
