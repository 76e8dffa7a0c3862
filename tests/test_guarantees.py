"""Every guarantee in docs/guarantees.md names an existing test."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROMISE = re.compile(r"^\| (?P<promise>[^|]+) \| (?P<tests>`[^|]+`) \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")


def named() -> list[str]:
    return [name for match in PROMISE.finditer(PAGE) for name in re.findall(r"`([^`]+)`", match["tests"])]


def test_every_row_is_a_promise_with_a_test():
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and not line.startswith(("| promise |", "|---"))]
    assert len(rows) == len(PROMISE.findall(PAGE)) > 30


def test_every_test_that_is_named_exists():
    missing = []
    for name in named():
        path, _, function = name.partition("::")
        file = ROOT / path
        functions = (
            {
                node.name
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            if file.is_file()
            else set()
        )
        if not function.startswith("test_") or function not in functions:
            missing.append(name)
    assert not missing
