"""The rules of docs/architecture.md, checked on the source."""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
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
CLI = "bot/cli/"
"""The only folder of `bot` that may import `trainer`."""
HEAVY = {"torch", "transformers", "xtuner", "mmengine", "peft", "bitsandbytes", "torchvision"}
HEAVY_HOMES = (
    "trainer/xtuner/",
    "trainer/merge/",
    "trainer/gate/",
    "trainer/demo_model/",
    "bot/engine/cpu/",
    "bot/engine/lmdeploy/",
    "configs/transformers_imports.py",
    "trainer/dataset/token_budget.py",
)
CHECKPOINT_CODE = ("configs", "demo-model")
"""The demo model's code: part of a checkpoint that transformers loads; no module imports it."""
MAX_FILE, MAX_FUNCTION = 300, 40
PAGE = ROOT / "docs" / "architecture.md"
Graph = dict[str, set[str]]


def source_files(root: Path) -> list[Path]:
    """The modules of the four packages."""
    files = (file for package in PACKAGES for file in (root / package).rglob("*.py"))
    return sorted(file for file in files if file.relative_to(root).parts[:2] != CHECKPOINT_CODE)


FILES = source_files(ROOT)


def name(file: Path, root: Path = ROOT) -> str:
    return file.relative_to(root).as_posix()


@cache
def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(file: Path, root: Path = ROOT) -> Iterator[str]:
    """The dotted names that a file imports, also under TYPE_CHECKING and inside functions.

    `from a.b import c` gives `a.b.c`, a module or a name in one.
    """
    folder = file.relative_to(root).parts[:-1]
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [".".join(folder[: len(folder) - node.level + 1])] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def module_file(dotted: str, root: Path = ROOT) -> str | None:
    """The file of a dotted name in the four packages; None for other packages."""
    parts = dotted.split(".")
    while parts and parts[0] in PACKAGES:
        path = root.joinpath(*parts)
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return name(candidate, root)
        parts.pop()
    return None


@cache
def module_graph(root: Path = ROOT) -> Graph:
    """Each file's imports from the four packages, as files."""
    files = source_files(root)
    graph = {name(file, root): {module_file(dotted, root) for dotted in imports(file, root)} for file in files}
    return {file: {target for target in imported if target and target != file} for file, imported in graph.items()}


def folder_graph(modules: Graph) -> Graph:
    """The folders that each folder's files import from."""
    graph: Graph = defaultdict(set)
    for file, imported in modules.items():
        folder = file.rpartition("/")[0]
        graph[folder] |= {target.rpartition("/")[0] for target in imported} - {folder}
    return dict(graph)


def box_graph(modules: Graph, parent: str) -> Graph:
    """Imports among a folder's entries: its files, and its subfolders with all their files."""

    def box(file: str) -> str:
        return "/".join(file.split("/")[: depth + 1])

    depth = len(parent.split("/"))
    graph: Graph = defaultdict(set)
    for file, imported in modules.items():
        if file.startswith(f"{parent}/"):
            inside = {box(target) for target in imported if target.startswith(f"{parent}/")}
            graph[box(file)] |= inside - {box(file)}
    return dict(graph)


def find_cycle(graph: Graph) -> list[str]:
    """One cycle, from a node along imports back to it; empty if the graph is acyclic."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1][::-1]
    return []


def layers(graph: Graph) -> dict[str, int]:
    """Each node's layer in an acyclic graph: 0 without imports, else one above its highest import."""
    levels: dict[str, int] = {}
    for node in TopologicalSorter(graph).static_order():
        levels[node] = max((levels[target] + 1 for target in graph.get(node, ())), default=0)
    return levels


def imports_between(modules: Graph, folders: Iterable[str]) -> list[str]:
    """The imports behind a cycle of folders, one line each."""
    steps = set(pairwise(folders))
    return [
        f"{file} imports {target}"
        for file, imported in modules.items()
        for target in sorted(imported)
        if (file.rpartition("/")[0], target.rpartition("/")[0]) in steps
    ]


def class_names(root: Path = ROOT) -> dict[str, list[str]]:
    """The places, `file:line`, of each class name, including nested and private classes."""
    places: dict[str, list[str]] = defaultdict(list)
    for file in source_files(root):
        for node in ast.walk(parse(file)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{name(file, root)}:{node.lineno}")
    return places


def test_no_module_imports_itself_in_a_circle():
    assert find_cycle(module_graph()) == []


def test_no_folder_imports_one_above_it():
    """Folders have layers if and only if their imports have no cycle."""
    modules = module_graph()
    graph = folder_graph(modules)
    cycle = find_cycle(graph)
    assert not cycle, "\n".join([" -> ".join(cycle), *imports_between(modules, cycle)])
    levels = layers(graph)
    assert all(levels[folder] > levels[target] for folder, imported in graph.items() for target in imported)


@pytest.mark.parametrize("folder", sorted({name(file.parent) for file in FILES}))
def test_the_entries_of_a_folder_form_layers(folder):
    """A subfolder counts as one box with all its files, so that `bot/engine/` has one layer in `bot/`."""
    assert find_cycle(box_graph(module_graph(), folder)) == []


def test_a_subfolder_counts_with_all_below_it():
    modules = {"bot/a/x.py": {"bot/b/y.py"}, "bot/b/y.py": set(), "bot/b/c/z.py": {"bot/a/x.py"}}
    assert find_cycle(folder_graph(modules)) == [] and set(find_cycle(box_graph(modules, "bot"))) == {"bot/a", "bot/b"}


def test_a_cycle_is_found_through_several_folders():
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": set()}) == []
    cycle = find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()})
    assert cycle in (["b", "c", "b"], ["c", "b", "c"])


def test_imports_under_type_checking_and_in_functions_count(tmp_path):
    source = {
        "bot/app.py": "if TYPE_CHECKING:\n    from bot.telegram import client\n",
        "bot/telegram/client.py": "def run():\n    import bot.runtime.backoff\n    from . import text\n",
        "bot/telegram/text.py": "from bot.app import App\n",
        "bot/runtime/backoff.py": "",
    }
    for path, text in source.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    modules = module_graph(tmp_path)
    assert modules["bot/app.py"] == {"bot/telegram/client.py"}
    assert modules["bot/telegram/client.py"] == {"bot/runtime/backoff.py", "bot/telegram/text.py"}
    assert set(find_cycle(folder_graph(modules))) == {"bot", "bot/telegram"}


@pytest.mark.parametrize("file", FILES, ids=name)
def test_arrows_between_packages_point_one_way(file):
    allowed = ALLOWED[name(file).split("/")[0]] | ({"trainer"} if name(file).startswith(CLI) else set())
    assert {dotted.split(".")[0] for dotted in imports(file)} & set(PACKAGES) <= allowed


def test_only_the_app_imports_the_factory():
    files = [*FILES, *(ROOT / "benchmarks").rglob("*.py")]
    importers = {name(file) for file in files if module_file("bot.factory") in map(module_file, imports(file))}
    assert module_file("bot.factory") == "bot/factory.py" and importers == {"bot/app.py"}


def test_only_the_factory_imports_the_composition():
    importers = {name(file) for file in FILES if any(dotted.startswith("bot.composition.") for dotted in imports(file))}
    assert importers == {"bot/factory.py"}


def test_a_class_name_exists_once():
    assert {class_name: places for class_name, places in class_names().items() if len(places) > 1} == {}


@pytest.mark.parametrize("file", FILES, ids=name)
def test_torch_stays_in_its_homes(file):
    heavy = {dotted.split(".")[0] for dotted in imports(file)} & HEAVY
    trains = name(file).startswith(CLI) and 'ENVIRONMENT = "train"' in file.read_text(encoding="utf-8")
    assert not heavy or trains or name(file).startswith(HEAVY_HOMES)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_files_and_functions_stay_small(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MAX_FILE
    functions = [node for node in ast.walk(parse(file)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [node.name for node in functions if node.end_lineno - node.lineno + 1 > MAX_FUNCTION] == []


def test_the_linter_enforces_line_length_and_reasons_for_broad_excepts():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    lint = settings["lint"]
    ignored = lint.get("per-file-ignores", {})
    assert ignored.pop("configs/demo-model/*") == ["E501"], "OpenGVLab's code, laid out as it was published"
    exceptions = [rule for rules in ignored.values() for rule in rules]
    assert settings["line-length"] == 120 and lint.get("ignore", []) == [] and not lint.get("extend-ignore")
    assert {"E", "RUF100"} <= set(lint["select"]) and {"BLE", "BLE001"} & set(lint["select"])
    assert not [rule for rule in exceptions if rule.startswith(("E", "BLE"))]


@pytest.mark.parametrize("file", FILES, ids=name)
def test_a_suppressed_rule_of_broad_excepts_has_a_reason(file):
    """`# noqa: BLE001  reason`, in at least two words."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if "noqa: BLE001" in line]
    assert [line for line in lines if not re.search(r"noqa: BLE001\W+\w+\s+\w+", line)] == []


def paths_on_the_page() -> set[str]:
    """The names in backticks in docs/architecture.md: files, and folders with a trailing slash."""
    spans = re.findall(r"`([\w./-]+)`", PAGE.read_text(encoding="utf-8"))
    return {
        span for span in spans if span.startswith(tuple(f"{folder}/" for folder in (*PACKAGES, "benchmarks", "tests")))
    }


def test_every_path_on_the_page_exists():
    paths = paths_on_the_page()
    assert paths and [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_every_folder_is_named_on_the_page():
    folders = {f"{name(file.parent)}/" for file in FILES}
    assert sorted(folders - paths_on_the_page()) == []


def test_sql_lives_in_storage():
    statements = ("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ")
    for file in FILES:
        if not name(file).startswith("storage/"):
            constants = (node.value for node in ast.walk(parse(file)) if isinstance(node, ast.Constant))
            texts = [value for value in constants if isinstance(value, str)]
            assert [text for text in texts if text.lstrip().startswith(statements)] == [], name(file)


def test_migrations_are_numbered_without_gaps_or_doubles():
    """A second migration with the same number would never be applied."""
    numbers = [int(file.name.split("_")[0]) for file in sorted((ROOT / "storage" / "migrations").glob("*.sql"))]
    assert numbers == [*range(1, len(numbers) + 1)]
