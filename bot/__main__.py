"""The `jokebot` command. Each subcommand is a module of `bot/cli/` with

    HELP: str                                   one line
    ENVIRONMENT: "bot" | "train"                the environment whose interpreter runs it
    add_arguments(parser) -> None
    run(arguments, settings) -> int             the exit code

A module is imported only when its subcommand is called, so `jokebot run` loads nothing that it doesn't need. A module
whose name begins with `_` is a hidden subcommand: the program calls it, and no help text lists it.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from bot.runtime.logging_setup import report_error
from configs.errors import JokebotError
from configs.host_environment import use_time_zone
from configs.settings import CONFIG_FILE, PREFIX, Settings, load_settings, settings_file

CLI_FOLDER = Path(__file__).with_name("cli")
HIDDEN_COMMANDS = {"_pipeline", "_recogniser"}
NOT_COMMANDS = {"reference", "tutorial_steps"}
"""Modules of `bot/cli/` that are no subcommands: `python -m bot.cli.reference` writes the reference pages; the steps of
`jokebot tutorial`."""
OWN_SETTINGS = {"demo"}
"""Commands whose processes have settings of their own, and none of the file that `jokebot setup` wrote."""
ENTERED = "_JOKEBOT_ENTERED"
"""Variable that marks a process as started by `enter_environment`: its process id (exec keeps it) and interpreter."""


def names() -> list[str]:
    """The subcommands, without the hidden ones, as users type them."""
    stems = (file.stem for file in CLI_FOLDER.glob("[!_]*.py"))
    return sorted(stem.replace("_", "-") for stem in stems if stem not in NOT_COMMANDS)


def load(name: str) -> ModuleType:
    """Import the module of a subcommand."""
    return importlib.import_module(f"bot.cli.{name if name in HIDDEN_COMMANDS else name.replace('-', '_')}")


def overview() -> str:
    """The text of `jokebot --help`."""
    width = max(len(name) for name in names())
    lines = [f"  {name.ljust(width)}  {load(name).HELP}" for name in names()]
    return (
        "usage: jokebot COMMAND …\n\n" + "\n".join(lines) + "\n\n`jokebot COMMAND --help` shows a command's arguments."
    )


def enter_environment(environment: str, settings: Settings, argv: list[str]) -> None:
    """Replace this process by the train environment's interpreter if the command needs it.

    The setting may name a wrapper script, whose interpreter has another prefix; the variable ENTERED stops a second
    attempt. Raises JokebotError if the interpreter doesn't exist.
    """
    python = settings.environments.train_python
    if environment == "bot" or Path(sys.prefix) == python.parent.parent:
        return
    if os.environ.pop(ENTERED, "") in (f"{os.getpid()} {python}", f"{os.getppid()} {python}"):
        return
    if not python.exists():
        raise JokebotError(
            f"This command needs the train environment, and {python} is not there. Run `make env-train`."
        )
    os.execve(python, [str(python), "-m", "bot", *argv], {**os.environ, ENTERED: f"{os.getpid()} {python}"})


def name_settings_file() -> None:
    """Set JOKEBOT_CONFIG to the file that `jokebot setup` wrote, since some child processes get no data folder."""
    if (file := settings_file()) != CONFIG_FILE:
        os.environ[f"{PREFIX}CONFIG"] = str(file.absolute())


def main(argv: list[str] | None = None) -> int:
    """Run a subcommand and return its exit code: 2 for a JokebotError (one line on stderr), 130 for Ctrl-C."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print(overview())
        return 0
    if argv[0] not in {*names(), *HIDDEN_COMMANDS}:
        print(f"jokebot: there is no command {argv[0]!r}; `jokebot --help` lists them.", file=sys.stderr)
        return 2
    os.umask(0o077)  # files that a command writes are readable by their owner only
    command = load(argv[0])
    parser = argparse.ArgumentParser(prog=f"jokebot {argv[0]}", description=command.HELP)
    command.add_arguments(parser)
    arguments = parser.parse_args(argv[1:])
    try:
        settings = load_settings()
        use_time_zone(settings.host.time_zone)
        if argv[0] not in OWN_SETTINGS:
            name_settings_file()
        enter_environment(command.ENVIRONMENT, settings, argv)
        return command.run(arguments, settings)
    except JokebotError as error:
        report_error(error)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
