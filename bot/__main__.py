"""The `jokebot` command. Each subcommand is a module of `bot/cli/` with

    HELP: str                                   one line
    ENVIRONMENT: "bot" | "train"                which interpreter runs it
    add_arguments(parser) -> None
    run(arguments, settings) -> int             the exit code

Modules are imported only when their subcommand is called, so that `jokebot run` loads nothing that it doesn't need.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path

from bot.runtime.logging_setup import report_error
from configs.errors import JokebotError
from configs.settings import Settings, load_settings

COMMANDS = Path(__file__).with_name("cli")
NOT_COMMANDS = {"__init__", "reference"}
"""Modules of `bot/cli/` that are no subcommands: the reference pages are made by `python -m bot.cli.reference`."""
ENTERED = "_JOKEBOT_ENTERED"
"""In the environment of a process that has just become the train environment's: its number, which exec keeps, and
the interpreter.
"""


def names() -> list[str]:
    """The subcommands, as a person types them."""
    return sorted(file.stem.replace("_", "-") for file in COMMANDS.glob("*.py") if file.stem not in NOT_COMMANDS)


def load(name: str):
    return importlib.import_module(f"bot.cli.{name.replace('-', '_')}")


def overview() -> str:
    width = max(len(name) for name in names())
    lines = [f"  {name.ljust(width)}  {load(name).HELP}" for name in names()]
    return "usage: jokebot COMMAND …\n\n" + "\n".join(lines) + "\n\njokebot COMMAND --help tells more."


def enter_environment(environment: str, settings: Settings, argv: list[str]) -> None:
    """Continue under the train environment's interpreter, where the command needs it and this is another one.

    That may be a script around one, which looks like another one from inside: a process that has entered doesn't again.
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


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print(overview())
        return 0
    if argv[0] not in names():
        print(f"jokebot: there is no command {argv[0]!r}; `jokebot --help` lists them.", file=sys.stderr)
        return 2
    os.umask(0o077)  # whatever a command writes is for its user alone
    command = load(argv[0])
    parser = argparse.ArgumentParser(prog=f"jokebot {argv[0]}", description=command.HELP)
    command.add_arguments(parser)
    arguments = parser.parse_args(argv[1:])
    try:
        settings = load_settings()
        enter_environment(command.ENVIRONMENT, settings, argv)
        return command.run(arguments, settings)
    except JokebotError as error:
        report_error(error)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
