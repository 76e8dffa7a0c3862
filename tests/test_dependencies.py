"""Every import is declared, every declared package has a reason and a licence, and no pickled model is loaded."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "configs" / "requirements"
OURS = {"bot", "storage", "configs", "trainer", "benchmarks", "tests"}
IMPORT_NAMES = {
    "PIL": "pillow",
    "telegram": "python-telegram-bot",
    "fluent": "fluent.runtime",
    "skimage": "scikit-image",
    "pydantic_settings": "pydantic-settings",
    "openai": "openai",
}
"""Import names that differ from the package's name."""
FOLDERS = ("bot", "storage", "configs", "trainer", "tests", "benchmarks")
FILES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if "demo-model" not in file.parts)
NAME = re.compile(r"^([A-Za-z][\w.-]*)")


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """The packages in the lists, and those that make_env.py adds."""
    names = {
        match[1]
        for file in REQUIREMENTS.glob("*.in")
        for line in file.read_text().splitlines()
        if (match := NAME.match(line))
    }
    source = (REQUIREMENTS / "make_env.py").read_text()
    return {plain(name) for name in names | set(re.findall(r'"([a-z]+)==[\d.]+"', source)) | {"torch"}}


def locked() -> set[str]:
    return {
        plain(match[1])
        for file in REQUIREMENTS.glob("*.txt")
        for line in file.read_text().splitlines()
        if (match := NAME.match(line))
    }


def documented() -> dict[str, str]:
    """Package → its section of docs/dependencies.md, if its row has a reason and a licence."""
    sections, section = {}, ""
    for line in (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and all(cells) and cells[0] not in ("package", "---"):
            sections[plain(cells[0])] = section
    return sections


def imported(file: Path) -> set[str]:
    tree, names = ast.parse(file.read_text(encoding="utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - OURS


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_import_is_declared(file):
    brought = {name for name, section in documented().items() if section.startswith("Imported")} & locked()
    strangers = {name for name in imported(file) if plain(IMPORT_NAMES.get(name, name)) not in declared() | brought}
    assert not strangers, f"{', '.join(strangers)}: name it in configs/requirements/*.in and in docs/dependencies.md"


def test_every_declared_package_has_its_reason_and_licence():
    assert declared() - documented().keys() == set()


def test_no_package_is_described_that_nobody_declares():
    assert {name for name, section in documented().items() if not section.startswith("Imported")} - declared() == set()


def test_a_lock_pins_everything_exactly():
    for name in ("bot", "dev", "train", "serve"):
        lines = [line for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines() if NAME.match(line)]
        assert lines and not [line for line in lines if "==" not in line and " @ " not in line], name


def test_no_file_loads_pickles_from_outside():
    for file in FILES:
        if not file.is_relative_to(ROOT / "tests"):
            assert not imported(file) & {"dill", "cloudpickle", "joblib"}, file
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and ast.unparse(node.func) == "torch.load"
                ):
                    safe = [
                        word.value.value
                        for word in node.keywords
                        if word.arg == "weights_only" and isinstance(word.value, ast.Constant)
                    ]
                    assert safe == [True], f"{file}:{node.lineno}: torch.load needs weights_only=True"
