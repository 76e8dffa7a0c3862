"""Links of the README, the site and the folders' pages have targets. External URLs are not requested."""

import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest

from benchmarks.page import SECTIONS
from bot.cli.reference import commands_markdown
from configs.reference import settings_markdown

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    file
    for file in [
        *ROOT.glob("*.md"),
        *(ROOT / ".github").rglob("*.md"),
        *DOCS.rglob("*.md"),
        *(ROOT / "configs").rglob("*.md"),
    ]
    if "reference" not in file.parts
)
LINK = re.compile(r"\]\(([^()\s]+)\)")


def slug(heading: str) -> str:
    """A heading's anchor, as Python-Markdown's `toc` and GitHub make it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def anchors(text: str) -> set[str]:
    outside_code = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", outside_code, re.MULTILINE)}


def made() -> dict[Path, str]:
    """The pages that `make docs` generates, by path."""
    results = "\n".join(f"## {section.title}" for section in SECTIONS)
    return {
        DOCS / "reference" / "commands.md": commands_markdown(),
        DOCS / "reference" / "settings.md": settings_markdown(),
        DOCS / "reference" / "results.md": results,
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    text, built = page.read_text(encoding="utf-8"), made()
    for link in LINK.findall(re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)):
        path, _, anchor = unquote(link).partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target in built or target.exists(), f"{link}: there is no {path}"
        if page.is_relative_to(DOCS):
            assert target.is_relative_to(DOCS), f"{link}: the site has no page outside docs/; write the path as code"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(built.get(target) or target.read_text(encoding="utf-8")), (
                f"{link}: no heading makes #{anchor}"
            )


def test_every_page_of_the_site_can_be_come_upon():
    """Each page is in the menu or linked from another page."""
    menu = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in LINK.findall(page.read_text(encoding="utf-8"))
    }
    pages = {page for page in [*PAGES, *made()] if page.is_relative_to(DOCS)}
    assert {DOCS / page for page in menu} <= pages
    assert not [page for page in pages if page.relative_to(DOCS).as_posix() not in menu and page not in linked]
