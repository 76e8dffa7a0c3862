"""Formats a dataset's contents for a terminal."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from storage.learning.dataset_files import DatasetContents
from storage.learning.datasets import Dataset
from trainer.dataset.rows import texts_of


def summary(manifest: Mapping[str, Any]) -> str:
    """A manifest in a few lines: rows by origin, ratings, and excluded rows by reason."""
    counts, origins = manifest["counts"], manifest["origins"]
    lines = [
        f"dataset   {manifest['name'][:12]}",
        f"train     {counts['train']} rows ({', '.join(f'{count} {origin}' for origin, count in origins.items())})",
        f"held out  {counts['holdout']} rows",
    ]
    if pool := manifest.get("pool"):
        lines.append(
            f"from      {pool['ratings']} ratings by {pool['people']} people, on average {1 + 2 * pool['mean']:.2f} "
            "of 1 to 3"
        )
    if manifest.get("note"):
        lines.append(f"note      {manifest['note']}")
    for title, key in (
        ("not chosen", "not_chosen"),
        ("dropped", "not_written"),
        ("dropped of the held-out", "not_written_held_out"),
    ):
        lines += [f"{title}: {count} × {reason}" for reason, count in manifest.get(key, {}).items()]
    if forgotten := manifest.get("forgotten"):
        lines.append(f"{forgotten} rows were forgotten since it was trained on")
    return "\n".join(lines)


def listing(known: Sequence[Dataset], folder: Path) -> str:
    """A line for each dataset."""
    if not known:
        return "There are no datasets yet; `jokebot export` makes one."
    return "\n".join(
        f"{dataset.name[:12]}  {time.strftime('%Y-%m-%d %H:%M', time.localtime(dataset.created_at))}  "
        f"{dataset.source:8} {dataset.state:8} {folder / dataset.name}"
        for dataset in known
    )


def sample(contents: DatasetContents, rows: int) -> str:
    """The first training rows with their ratings and posterior."""
    entries = {entry["id"]: entry for entry in contents.manifest["rows"]}
    lines = []
    for row in contents.train[:rows]:
        prompt, answer = texts_of(row)
        entry = entries[row["id"]]
        given = entry.get("ratings", ())
        verdicts = "".join({3: "😂", 2: "🙂", 1: "😐"}[rating["value"]] for rating in given if "value" in rating)
        if voters := [rating["voted"] for rating in given if "voted" in rating]:
            verdicts += f" 🗳 {sum(voters)}/{len(voters)}"
        posterior = f"  better than others: {entry['posterior']:.0%}" if entry.get("posterior") else ""
        lines.append(
            f"{row['id']}  {row['image']}  {row['length']} tokens  {verdicts}{posterior}\n  {prompt}\n  → {answer}"
        )
    return "\n\n".join(lines)
