"""The messages of a locale's file, for tests that compare languages."""

import re
from pathlib import Path

from fluent.syntax import FluentParser, ast


def fluent_messages(folder: Path, language: str) -> dict[str, set[str]]:
    """The names of a language's messages, each with the variables in it."""
    source = (folder / f"{language}.ftl").read_text(encoding="utf-8")
    body = FluentParser().parse(source).body
    assert not [entry for entry in body if isinstance(entry, ast.Junk)]
    return {
        entry.id.name: set(re.findall(r"\$([\w-]+)", source[entry.span.start : entry.span.end]))
        for entry in body
        if isinstance(entry, ast.Message)
    }
