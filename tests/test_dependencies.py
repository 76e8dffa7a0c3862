"""Every import is declared, every declared package has its reason and licence, and no model is loaded from a pickle."""

import ast
import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "configs" / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))
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
    """What pyproject.toml names: core, extras and groups."""
    written = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = written["project"]
    groups = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *written["dependency-groups"].values(),
    ]
    return {plain(NAME.match(line)[1]) for group in groups for line in group}


def locked() -> set[str]:
    return {name for lock in LOCKS for name in pins(lock)}


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\$", lock.read_text(), re.MULTILINE))


def documented() -> dict[str, str]:
    """Package → the section of docs/dependencies.md in which it stands, with a reason and a licence."""
    found, section = {}, ""
    for line in (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and all(cells) and cells[0] not in ("package", "---"):
            found[plain(cells[0])] = section
    return found


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
    assert not strangers, f"{', '.join(strangers)}: name it in pyproject.toml and in docs/dependencies.md"


def test_every_declared_package_has_its_reason_and_licence():
    assert declared() - documented().keys() == set()


def test_no_package_is_described_that_nobody_declares():
    assert {name for name, section in documented().items() if not section.startswith("Imported")} - declared() == set()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_pins_every_package_with_a_hash_and_names_no_index_and_no_path(lock):
    lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    pinned = re.compile(r"[a-z0-9-]+==[\w.+!]+ \\")
    hashed = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert len(pins(lock)) >= 5 and not [
        line for line in lines if not pinned.fullmatch(line) and not hashed.fullmatch(line)
    ]
    assert all(hashed.fullmatch(after) for line, after in pairwise(lines) if pinned.fullmatch(line))
    assert not re.search(r"[/@]|index|file:", lock.read_text())


def test_locks_hold_what_pyproject_names():
    """The lock of an extra holds the core as well; torch's build is chosen by the host."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core = {plain(NAME.match(line)[1]) for line in project["dependencies"]}
    assert core <= pins(REQUIREMENTS / "bot.txt").keys()
    for extra, lines in project["optional-dependencies"].items():
        # DeepSpeed is added to the train environment, which has the core.
        wanted = (core if extra != "deepspeed" else set()) | {plain(NAME.match(line)[1]) for line in lines} - {"torch"}
        assert wanted <= pins(REQUIREMENTS / f"{extra}.txt").keys(), extra


def test_locks_installed_together_agree():
    for first, second in (("bot", "dev"), ("train", "dev"), ("bot", "moderation"), ("serve", "lmdeploy-cpu")):
        one, other = pins(REQUIREMENTS / f"{first}.txt"), pins(REQUIREMENTS / f"{second}.txt")
        assert {name: one[name] for name in one.keys() & other} == {name: other[name] for name in one.keys() & other}


def test_the_train_lock_holds_what_torch_requires():
    """The override leaves torch out of the resolution, so configs/requirements/torch.in names its requirements."""
    python = ROOT / ".venv" / "train" / "bin" / "python"
    if not python.exists():
        pytest.skip("there is no train environment: run `make env-train`")
    program = "import importlib.metadata as m; print(*(m.requires('torch') or []), sep='\\n')"
    printed = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout
    needed = {
        plain(NAME.match(line)[1])
        for line in printed.splitlines()
        if "extra ==" not in line and not re.match(r"nvidia|triton|cuda", line) and "win32" not in line
    }
    assert "sympy" in needed and needed <= pins(REQUIREMENTS / "train.txt").keys()


def test_make_env_takes_the_torch_that_pyproject_names():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["train"]
    (torch,) = (line for line in extra if line.startswith("torch=="))
    assert f'TORCH = "{torch.partition("==")[2]}"' in (REQUIREMENTS / "make_env.py").read_text()


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
