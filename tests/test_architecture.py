"""The rules of docs/architecture.md, read off the source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("configs", "storage", "trainer", "bot")
ALLOWED = {
    "configs": {"configs"},
    "storage": {"configs", "storage"},
    "trainer": {"configs", "storage", "trainer"},
    "bot": {"configs", "storage", "bot"},
}
HEAVY = {"torch", "transformers", "xtuner", "mmengine", "peft", "bitsandbytes", "torchvision"}
HEAVY_HOMES = (
    "trainer/xtuner/",
    "trainer/merge",
    "trainer/gate/",
    "trainer/demo_model/",
    "bot/engine/cpu/",
    "bot/engine/lmdeploy/",
    "configs/transformers_imports.py",
    "trainer/dataset/token_budget.py",
)
NOT_OURS = (ROOT / "configs" / "demo-model",)
"""A checkpoint's own code, which nothing here imports."""
FILES = sorted(
    file for package in PACKAGES for file in (ROOT / package).rglob("*.py") if not set(file.parents) & set(NOT_OURS)
)
LONGEST_FILE, LONGEST_FUNCTION = 300, 40


ROWS = [
    row.split(" | ")[0] for row in (ROOT / "docs" / "architecture.md").read_text().splitlines() if row.startswith("| `")
]


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("file", FILES, ids=name)
def test_arrows_point_one_way(file):
    package = name(file).split("/")[0]
    allowed = ALLOWED[package] | ({"trainer"} if name(file).startswith("bot/cli/") else set())
    ours = {module.split(".")[0] for module in imported(ast.parse(file.read_text()))} & set(PACKAGES)
    assert ours <= allowed


@pytest.mark.parametrize("file", FILES, ids=name)
def test_torch_stays_in_its_homes(file):
    source = file.read_text()
    heavy = {module.split(".")[0] for module in imported(ast.parse(source))} & HEAVY
    trains = name(file).startswith("bot/cli/") and 'ENVIRONMENT = "train"' in source
    assert not heavy or trains or name(file).startswith(HEAVY_HOMES)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_files_and_functions_stay_small(file):
    source = file.read_text()
    assert len(source.splitlines()) <= LONGEST_FILE
    long = [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert not long


def told(row: str) -> Iterator[str]:
    """What a row of docs/architecture.md is about: `folder/one.py two.py` are two modules of that folder, `folder/`
    is all in it.
    """
    for span in re.findall(r"`([^`]+)`", row):
        first, *others = span.split()
        yield first
        yield from (f"{first.rpartition('/')[0]}/{other}" for other in others)


def test_every_row_of_the_page_names_what_is_there():
    assert ROWS and [path for row in ROWS for path in told(row) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("file", [file for file in FILES if file.name != "__init__.py"], ids=name)
def test_every_module_stands_in_a_row_of_the_page(file):
    assert any(
        name(file) == path or path.endswith("/") and name(file).startswith(path) for row in ROWS for path in told(row)
    )


def test_sql_lives_in_storage():
    for file in FILES:
        if not name(file).startswith("storage/"):
            words = [
                node.value
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
            assert not [
                text
                for text in words
                if text.lstrip().startswith(("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "))
            ], name(file)


def test_migrations_are_numbered_without_gaps_or_doubles():
    """A second one of the same number would never be applied."""
    numbers = [int(file.name.split("_")[0]) for file in sorted((ROOT / "storage" / "migrations").glob("*.sql"))]
    assert numbers == [*range(1, len(numbers) + 1)]
