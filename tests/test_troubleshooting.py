"""What the troubleshooting pages quote is what the programs and the chat say."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"en": ROOT / "docs" / "troubleshooting.md", "zh": ROOT / "docs" / "zh" / "troubleshooting.md"}
ELLIPSIS = "…"
FROM_OUTSIDE = {"cannot open shared object file"}
"""Said by the dynamic linker, not by us."""


def literals(source: str) -> Iterator[str]:
    """The texts of a Python file; what is filled in is an ellipsis."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else ELLIPSIS for part in node.values)


@cache
def program_texts() -> str:
    files = [file for folder in ("bot", "configs", "storage", "trainer") for file in (ROOT / folder).rglob("*.py")]
    return "\n".join(text for file in sorted(files) for text in literals(file.read_text(encoding="utf-8")))


@cache
def chat_texts(language: str) -> str:
    text = (ROOT / "bot" / "i18n" / "locales" / f"{language}.ftl").read_text(encoding="utf-8")
    return re.sub(r"\{[^{}]*\}", ELLIPSIS, text)


def first_cells(page: Path) -> list[str]:
    """The first column of a page's tables, without their heads."""
    rows = re.findall(r"^\| (.*?) ?\|", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [row for row in rows if row]


def is_said(quote: str, texts: str) -> bool:
    """Whether a quote is in the texts; an ellipsis stands for one value or more words of a line."""
    parts = [re.escape(part) for part in quote.strip(f"{ELLIPSIS} ").split(ELLIPSIS)]
    return re.search("[^\n]{1,80}?".join(parts), texts) is not None


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_quoted_error_is_one_that_the_programs_print(page):
    quotes = {quote for cell in first_cells(page) for quote in re.findall(r"`([^`]+)`", cell)} - FROM_OUTSIDE
    assert len(quotes) > 50
    assert [quote for quote in sorted(quotes) if not is_said(quote, program_texts())] == []


@pytest.mark.parametrize(("language", "page"), PAGES.items(), ids=PAGES)
def test_every_quoted_reply_is_one_that_the_bot_sends(language, page):
    quotes = {quote for cell in first_cells(page) for quote in re.findall(r"\*([^*]+)\*", cell)}
    assert len(quotes) > 20
    assert [quote for quote in sorted(quotes) if not is_said(quote, chat_texts(language))] == []


def test_both_pages_quote_the_same_errors():
    english, chinese = (
        [quote for cell in first_cells(page) for quote in re.findall(r"`([^`]+)`", cell)] for page in PAGES.values()
    )
    assert chinese == english


def test_every_alert_rule_has_a_row():
    rules = (ROOT / "configs" / "deploy" / "prometheus-alerts.yml").read_text(encoding="utf-8")
    for page in PAGES.values():
        table = page.read_text(encoding="utf-8")
        assert [alert for alert in re.findall(r"- alert: (\w+)", rules) if f"`{alert}`" not in table] == []
