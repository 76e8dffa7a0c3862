"""Writes the reference pages from the code: `python -m bot.cli.reference FOLDER`, which `make docs` calls.

settings.md is made from the settings classes, commands.md from the arguments of each command and from the chat's
command menu. Hidden commands are left out.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from bot.__main__ import load, names
from bot.handlers.command_menu import ADMIN_COMMANDS, COMMANDS
from bot.i18n.translator import Translator
from configs.reference import cell, settings_markdown
from configs.settings import ROOT

COMMANDS_HEAD = """# Commands

All commands, generated from the code. `jokebot COMMAND --help` shows the same in the terminal. A command of the train
environment switches to it by itself, whichever environment it was called from.
"""
CHAT_HEAD = """## In the chat

Telegram's menu shows these commands in the user's language. To get a joke, send a photo; it needs no command.

| command | does |
|---|---|
"""
ADMIN_HEAD = """
Only admins (the setting `telegram.admins`) have these commands in their menu:

| command | does |
|---|---|
"""


def commands_markdown() -> str:
    """The page of all commands: those of the terminal and those of the chat."""
    return "\n".join([COMMANDS_HEAD, *(command_markdown(name) for name in names()), chat_markdown()])


def command_markdown(name: str) -> str:
    """The section of one command."""
    command = load(name)
    parser = argparse.ArgumentParser(prog=f"jokebot {name}", description=command.HELP)
    command.add_arguments(parser)
    lines = [f"## jokebot {name}", "", sentence(command.HELP), "", f"Environment: {command.ENVIRONMENT}.", ""]
    return "\n".join([*lines, *parser_markdown(parser)])


def parser_markdown(parser: argparse.ArgumentParser) -> Iterator[str]:
    """A usage line and a table of arguments, then the same for each subcommand."""
    subparsers = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    arguments = [
        action for action in parser._actions if action not in subparsers and "--help" not in action.option_strings
    ]
    if not subparsers:
        yield from ("```", " ".join(usage(parser).split()), "```", "")
    if arguments:
        yield from ("| argument | meaning |", "|---|---|", *map(argument_row, arguments), "")
    for action in subparsers:
        help_texts = {choice.dest: choice.help for choice in action._choices_actions}
        for name, child in action.choices.items():
            yield from (f"### {child.prog}", "", sentence(help_texts.get(name) or ""), "", *parser_markdown(child))


def usage(parser: argparse.ArgumentParser) -> str:
    return parser.format_usage().removeprefix("usage: ").replace("[-h] ", "").replace(" [-h]", "")


def argument_row(action: argparse.Action) -> str:
    """A table row: the argument as users type it, and its meaning."""
    placeholder = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    if not action.option_strings:
        name = str(action.metavar or action.dest)
    else:
        name = ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {placeholder}")
    text = (action.help or "").replace("%%", "%") + (" (required)" if action.required and action.option_strings else "")
    has_default = action.default not in (None, False, argparse.SUPPRESS, []) and "default" not in text
    default = f" (default: `{cell(format_default(action.default))}`)" if has_default and action.option_strings else ""
    return f"| `{cell(name)}` | {cell(text)}{default} |"


def format_default(default: object) -> str:
    """A default as users would type it: paths relative to the program's folder."""
    return str(default.relative_to(ROOT) if isinstance(default, Path) and default.is_relative_to(ROOT) else default)


def chat_markdown() -> str:
    translator = Translator(default="en")
    tables = [
        "".join(f"| `/{name}` | {cell(translator.format('en', f'command-{name}'))} |\n" for name in commands)
        for commands in (COMMANDS, ADMIN_COMMANDS)
    ]
    return CHAT_HEAD + tables[0] + ADMIN_HEAD + tables[1]


def sentence(text: str) -> str:
    """A help line as a sentence: capital first, full stop last."""
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


def main() -> None:
    """Write both pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where settings.md and commands.md go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.md").write_text(settings_markdown(), encoding="utf-8")
    (folder / "commands.md").write_text(commands_markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
