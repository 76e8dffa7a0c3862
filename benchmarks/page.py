"""Writes the site's results page and plots from benchmarks/results/*.json: `python -m benchmarks.page FOLDER`.

`make docs` runs it. Every number on the page comes from a result file, with its machine and date; a missing result has
no section.
"""

import argparse
import json
from functools import partial
from pathlib import Path

from benchmarks import plots
from benchmarks.machine import RESULTS
from benchmarks.page_sections import SECTIONS, Result, table
from benchmarks.plot_parts import THEMES

HEAD = """# Results

`make docs` makes this page from `benchmarks/results/`. Each file there is the output of `make bench-NAME` on the
machine named below it. [Benchmarks](../benchmarks.md) explains how to run them.
"""


def plain(result: Result) -> str:
    """The text of a result without a section: a table of its scalar values."""
    figures = {f"`{name}`": value for name, value in result.items() if isinstance(value, int | float)}
    rows = {
        f"`{name}`": ", ".join(map(str, value))
        for name, value in result.items()
        if isinstance(value, list)
        and 0 < len(value) <= 6
        and all(isinstance(item, int | float | str) for item in value)
    }
    return table(rows | figures) if rows or figures else "See the file."


def measured(result: Result) -> str:
    """The machine, the date and notes of a result."""
    machine = result.get("machine", {})
    where = (
        machine.get("gpu")
        or f"{machine.get('cores', '?')} cores{', ' + machine['processor'] if machine.get('processor') else ''}"
    )
    notes = [note for note in (machine.get("note"), result.get("note")) if note]
    ending = "".join(f"; {note.rstrip('.')}" for note in notes)
    return f"<small>{where}, {result.get('date', 'undated')}{ending}.</small>"


def picture(name: str, about: str) -> str:
    return "\n".join(f"![{about}](plots/{name}-{theme}.svg#only-{theme}){{ width=600 }}" for theme in THEMES)


def load(name: str) -> list[Result]:
    """Load a benchmark's results: `NAME.json`, or all `NAME_….json`."""
    files = [file] if (file := RESULTS / f"{name}.json").is_file() else sorted(RESULTS.glob(f"{name}_*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for results.md and plots/")
    folder = parser.parse_args().folder
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    parts = [HEAD]
    for section in SECTIONS:
        results = load(section.result)
        for number, result in enumerate(results):
            parts += [f"## {section.title}\n"] if not number else []
            if not number and (section.draw or section.result == "flywheel"):
                draw = partial(section.draw, result) if section.draw else partial(plots.flywheel, results)
                plots.write(section.result, draw, folder / "plots")
                parts.append(picture(section.result, section.about) + "\n")
            parts += [section.write(result) + "\n", measured(result) + "\n"]
    names = tuple(section.result for section in SECTIONS)
    for file in sorted(RESULTS.glob("*.json")):
        if not file.stem.startswith(names):
            result = json.loads(file.read_text(encoding="utf-8"))
            parts += [f"## {file.stem.replace('_', ' ').capitalize()}\n", plain(result) + "\n", measured(result) + "\n"]
    (folder / "results.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
