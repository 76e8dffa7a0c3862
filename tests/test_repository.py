"""The files that contributors meet first agree with the project: workflow, hooks, templates, named paths."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from configs import __version__

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PLACEHOLDERS = re.compile(r"NAME|CODE|LANGUAGE|\*")


def test_the_workflow_runs_what_ci_runs():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert re.search(r"^      - run: \.ci/run$", workflow, re.MULTILINE)
    python = re.search(r"container: python:(3\.\d+)-bookworm", workflow)[1]
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert requires.startswith(f">={python},")


def test_the_hooks_run_the_locked_ruff():
    hook = re.search(r"rev: v([\d.]+)", (ROOT / ".pre-commit-config.yaml").read_text())[1]
    assert f"ruff=={hook} \\\n" in (ROOT / "configs" / "requirements" / "dev.txt").read_text()
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert f"ruff=={hook}" in groups["dev"]


@pytest.mark.parametrize("page", PAGES)
def test_every_path_and_target_that_a_page_names_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    made = (ROOT / "Makefile").read_text()
    for name in re.findall(r"`((?:bot|storage|configs|trainer|tests|docs|\.ci|\.github)/[\w./*-]+)`", text):
        assert PLACEHOLDERS.search(name) or (ROOT / name).exists(), name
    for target in re.findall(r"`make ([\w-]+)", text):
        if target.startswith("bench-"):
            assert (ROOT / "benchmarks" / f"{target.removeprefix('bench-')}.py").exists(), target
            continue
        assert re.search(rf"^(?:[\w %-]+ )?{target}(?: [\w %-]+)?:", made, re.MULTILINE), target


def test_every_template_of_an_issue_has_a_name_and_a_purpose():
    templates = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.md"))
    assert len(templates) == 2
    for template in templates:
        head = template.read_text().split("---")[1]
        assert re.search(r"^name: .+\nabout: .+$", head, re.MULTILINE), template.name


def test_the_version_stands_in_one_place():
    listed = ["git", "ls-files", "*.py", "*.toml"]
    tracked = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
    assignment = re.compile(rf'version\w* = "{re.escape(__version__)}"')
    files = [file for file in tracked.stdout.split() if (ROOT / file).exists()]
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert [file for file in files if assignment.search((ROOT / file).read_text())] == ["configs/__init__.py"]
    assert (ROOT / "configs" / "__init__.py").read_text() == f'__version__ = "{__version__}"\n'
