"""The Chinese pages have the commands of the English ones."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAIRS = [
    *((ROOT / "docs" / page.name, page) for page in sorted((ROOT / "docs" / "zh").glob("*.md"))),
    *((ROOT / "README.md", page) for page in sorted(ROOT.glob("README.zh.md"))),
]
INLINE = re.compile(r"`((?:\.venv/\S+/)?(?:jokebot|make|/[a-z]+)\b[^`\n]*|[A-Z_]*JOKEBOT_[A-Z_]+[^`\n]*)`")


def commands(page: Path) -> list[str]:
    """The lines of a page's code blocks without their comments."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = (re.sub(r"(^|\s+)#.*", "", line).strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line]


def inline_commands(page: Path) -> set[str]:
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return set(INLINE.findall(text))


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda page: page.name)
def test_a_chinese_page_has_the_commands_of_the_english_one(english, chinese):
    assert commands(chinese) == commands(english)
    assert inline_commands(chinese) == inline_commands(english)


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda page: page.name)
def test_each_version_links_to_the_other_at_its_top(english, chinese):
    def head(page: Path) -> str:
        return page.read_text(encoding="utf-8")[:900]

    assert re.search(r"\]\((\.\./)?" + re.escape(english.name) + r"\)", head(chinese))
    assert re.search(r"\]\((zh/)?" + re.escape(chinese.name) + r"\)", head(english))


def test_the_chinese_pages_are_there():
    names = {chinese.name for _, chinese in PAIRS}
    assert names >= {"troubleshooting.md"}
