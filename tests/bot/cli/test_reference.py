"""The site's reference pages name every command, argument and setting that there is."""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.__main__ import HIDDEN_COMMANDS, NOT_COMMANDS, load, names, overview
from bot.cli.reference import command_markdown, commands_markdown
from bot.handlers.command_menu import ADMIN_COMMANDS, COMMANDS
from configs.reference import settings_markdown
from configs.settings import Settings

ROOT = Path(__file__).parents[3]
FILES = sorted(file.stem for file in (ROOT / "bot" / "cli").glob("[!_]*.py") if file.stem not in NOT_COMMANDS)
SECTIONS = [(name, field.annotation) for name, field in Settings.model_fields.items()]


def flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from flags(child)
        else:
            yield from action.option_strings


def test_every_command_has_a_section():
    headings = re.findall(r"^## jokebot (\S+)$", commands_markdown(), re.MULTILINE)
    assert headings == sorted(file.replace("_", "-") for file in FILES) and len(headings) > 5


def test_commands_of_the_program_itself_can_be_loaded_and_are_listed_nowhere():
    hidden = {file.stem for file in (ROOT / "bot" / "cli").glob("_[!_]*.py")}
    assert hidden == HIDDEN_COMMANDS == {"_pipeline", "_recogniser"}
    for name in hidden:
        assert load(name).ENVIRONMENT == "train" and name not in overview() + commands_markdown()


@pytest.mark.parametrize("name", names())
def test_a_command_s_section_names_all_its_arguments(name):
    parser = argparse.ArgumentParser()
    load(name).add_arguments(parser)
    page = command_markdown(name)
    for flag in set(flags(parser)) - {"-h", "--help"}:
        assert re.search(rf"^\| `[^`]*{flag}[ `,]", page, re.MULTILINE), flag
    assert "Environment: " in page and str(ROOT) not in page


def test_every_chat_command_is_named():
    page = commands_markdown()
    assert [f"/{name}" for name in [*COMMANDS, *ADMIN_COMMANDS]] == re.findall(
        r"^\| `(/\w+)` \| \w", page, re.MULTILINE
    )


def test_the_chat_commands_that_pages_show_exist():
    for page in (ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("index", "tutorial", "loop"))):
        shown = set(re.findall(r"`/([a-z]{3,})(?: N| cancel)?`", page.read_text()))
        assert shown - {"newbot"} <= {*COMMANDS, *ADMIN_COMMANDS}, f"{page.name}; /newbot is BotFather's"


@pytest.mark.parametrize(("name", "section"), SECTIONS, ids=[name for name, _ in SECTIONS])
def test_every_setting_is_named_with_its_variable_and_meaning(name, section):
    page = settings_markdown().split(f"## [{name}]\n")[1].split("\n## ")[0]
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) == len(section.model_fields)
    for row, (key, field) in zip(rows, section.model_fields.items(), strict=True):
        assert (
            f"`{key}`" in row
            and f"JOKEBOT_{name}_{key}".upper() in row
            and field.description.split(".")[0].split("|")[0] in row
        )
        assert len(re.findall(r"(?<!\\)\|", row)) == 4, "three cells"


def test_the_pages_are_written(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "bot.cli.reference", str(tmp_path / "new")], cwd=ROOT, check=True, timeout=120
    )
    assert (tmp_path / "new" / "commands.md").read_text() == commands_markdown()
    assert (tmp_path / "new" / "settings.md").read_text() == settings_markdown()


def test_the_commands_that_the_site_shows_exist():
    """Every `jokebot NAME` in a page is a command, and every `--flag` behind it is one of its own."""
    known = {name: set() for name in names()}
    for name in names():
        parser = argparse.ArgumentParser()
        load(name).add_arguments(parser)
        known[name] = {*flags(parser), "--help"}
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for name, rest in re.findall(r"(?:bin/|`)jokebot ([a-z][a-z-]*)([^`\n]*)", page.read_text()):
            assert name in known, f"{page.name}: jokebot {name}"
            assert set(re.findall(r"--[a-z][a-z-]*", rest)) <= known[name], f"{page.name}: jokebot {name}{rest}"
