"""Writes preference pairs with their pictures as a folder that TRL or ms-swift loads.

- `trl`: `train/metadata.jsonl` and `test/metadata.jsonl` with pictures beside them, the layout that
  `datasets.load_dataset(FOLDER)` reads as columns `images`, `prompt`, `chosen`, `rejected`, which are TRL's preference
  format with images (https://huggingface.co/docs/trl/dataset_formats).
- `swift`: `train.jsonl` and `test.jsonl` with `messages`, `rejected_response` and `images`, ms-swift's format for DPO
  (https://swift.readthedocs.io, "Custom dataset"). Paths are relative to the folder.

Nothing in the folder has the id or name of a user, a chat or a message, or the hash of a picture; pictures are numbered
in a shuffled order.
"""

import json
import random
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from configs.errors import JokebotError, explaining
from storage.media.photos import photo_path
from trainer.dataset.preferences import PreferenceData, PreferencePair

Format = Literal["trl", "swift"]
PARTS = ("train", "test")
LICENCE = "unknown: a photo that a user sent to the bot"
CARD = """---
license: other
license_name: users-content
task_categories: [image-to-text]
tags: [humor, preference, dpo, jokebot]
---
# Preferences of jokes about photos

{pairs} pairs of jokes about {photos} photos, exported by Jokebot for {format}. In each pair users liked `chosen` better
than `rejected`: users who rated both jokes, or chose one in a duel or on a ballot.

```python
{load}
```

| field | meaning |
|---|---|
| `votes_chosen`, `votes_rejected`, `ties` | users who preferred the one, the other, or neither |
| `chosen_author`, `rejected_author` | "model", or "user" for a punchline that a user wrote |
| `evidence` | "ratings", "duels", "ballots" (of rounds in which users and the bot write for one photo) |
| `language` | of the jokes |
| `licence` | of the photo |

Photos of `test` are never trained on by the bot, and have no near-duplicates in `train`.

**Licences.** Photos from a pack of free pictures have its licence in `licence`. The other photos, and the punchlines,
belong to the users who sent and wrote them. Jokebot has not asked them whether others may have them: before you pass
this folder on, ask. Photos have no metadata, but may show people.
Users who sent /private, and flagged or dropped jokes, are left out. The bot does not know about this folder: after a
/forget, export anew and delete the old folder.
"""
LOAD = {
    "trl": 'from datasets import load_dataset\n\ndataset = load_dataset("PATH/OF/THIS/FOLDER")  # for trl.DPOTrainer',
    "swift": "# in this folder: swift rlhf --rlhf_type dpo --dataset train.jsonl --val_dataset test.jsonl ...",
}


class PreferenceError(JokebotError):
    """The folder can't be written; the message says why."""


def write_preferences(
    data: PreferenceData, photos: Path, folder: Path, form: Format, licences: Mapping[int, str] | None = None
) -> dict[str, int]:
    """Write the pairs into a new folder; returns the number of pairs by part.

    `licences`: those of photos from a pack of pictures, by photo id.

    Pairs whose picture can't be read are left out. Raises PreferenceError where there are no pairs, the folder exists
    or it can't be written.
    """
    if not data.pairs:
        reasons = "; ".join(f"{count} {reason}" for reason, count in data.excluded.items())
        raise PreferenceError(
            "There are no preferences to export: pairs need a user who rated two jokes about one photo differently, "
            f"a duel, or a ballot{f' (left out: {reasons})' if reasons else ''}."
        )
    if folder.exists() and any(folder.iterdir()):
        raise PreferenceError(f"{folder} exists; name a new folder (--out).")
    unfinished = folder.with_name(f".unfinished-{folder.name}")
    with explaining(f"The preferences can't be written to {folder}", PreferenceError, str):
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            counts = _write(data.pairs, photos, unfinished, form, licences or {})
            folder.mkdir(parents=True, exist_ok=True)
            folder.rmdir()
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return counts


def _write(
    pairs: Sequence[PreferencePair], photos: Path, folder: Path, form: Format, licences: Mapping[int, str]
) -> dict[str, int]:
    folder.mkdir(parents=True)
    names = _copy_pictures(pairs, photos, folder, form)
    kept = [pair for pair in pairs if pair.photo.id in names]
    random.Random(0).shuffle(kept)
    counts = {part: sum(pair.part == part for pair in kept) for part in PARTS}
    for part in PARTS:
        rows = [
            _row(pair, names[pair.photo.id], form) | {"licence": licences.get(pair.photo.id, LICENCE)}
            for pair in kept
            if pair.part == part
        ]
        if rows:
            file = folder / part / "metadata.jsonl" if form == "trl" else folder / f"{part}.jsonl"
            file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    card = CARD.format(pairs=len(kept), photos=len(names), format=form, load=LOAD[form])
    (folder / "README.md").write_text(card, encoding="utf-8")
    return counts


def _copy_pictures(pairs: Sequence[PreferencePair], photos: Path, folder: Path, form: Format) -> dict[int, str]:
    """Copy the pictures; their names in the rows by photo id, without those that can't be read."""
    wanted = list({pair.photo.id: pair for pair in pairs}.values())
    random.Random(1).shuffle(wanted)
    names = {}
    for number, pair in enumerate(wanted, 1):
        source = photo_path(photos, pair.photo)
        name = f"images/{number:06}{source.suffix}"
        target = folder / pair.part / name if form == "trl" else folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, target)
        except FileNotFoundError:
            continue
        names[pair.photo.id] = name
    return names


def _row(pair: PreferencePair, picture: str, form: Format) -> dict[str, Any]:
    facts = {
        "language": pair.language,
        "chosen_author": pair.chosen_author,
        "rejected_author": pair.rejected_author,
        "votes_chosen": pair.votes_chosen,
        "votes_rejected": pair.votes_rejected,
        "ties": pair.ties,
        "evidence": list(pair.evidence),
    }
    if form == "swift":
        turns = [
            {"role": "user", "content": f"<image>{pair.prompt}"},
            {"role": "assistant", "content": pair.chosen},
        ]
        return {"messages": turns, "rejected_response": pair.rejected, "images": [picture], **facts}
    question = [{"type": "image", "text": None}, {"type": "text", "text": pair.prompt}]
    return {
        "file_names": [picture],
        "prompt": [{"role": "user", "content": question}],
        "chosen": [{"role": "assistant", "content": [{"type": "text", "text": pair.chosen}]}],
        "rejected": [{"role": "assistant", "content": [{"type": "text", "text": pair.rejected}]}],
        **facts,
    }
