"""The engine of a command in the terminal: one that runs somewhere, or a CPU engine for a checkpoint, started for the while."""
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from configs.errors import JokebotError
from configs.settings import Engine, Settings


def engine_at(url: str | None, settings: Settings) -> Engine:
    """The engine at an address with /v1; None is the settings' own."""
    # The settings' model is the settings' engine's; of another engine the first one is taken.
    return settings.engine.model_copy(update={"url": url, "model": ""} if url else {})


@contextmanager
def serving(directory: Path, settings: Settings) -> Iterator[Engine]:
    """A CPU engine that serves the checkpoint during the block. Raises JokebotError where it can't be started."""
    from bot.engine.child import start_child

    python = settings.environments.train_python
    if not python.exists():
        raise JokebotError(f"A model directory needs the train environment, and {python} is not there. Run `make env-train`.")
    if not directory.is_dir():
        raise JokebotError(f"There is no model directory {directory}.")
    command = [str(python), "-m", "bot", "engine", "cpu", str(directory.absolute()), "--port", "0"]
    with start_child("CPU engine", command) as child:
        yield settings.engine.model_copy(update={"url": f"{child.wait_ready()}/v1", "model": ""})
