"""Finds a model's files: a directory, a folder of Hugging Face's cache, or a folder around a single model."""

from pathlib import Path

from configs.errors import JokebotError

CONFIG = "config.json"
SNAPSHOTS, MAIN = "snapshots", "refs/main"


class CheckpointError(JokebotError):
    """A model directory can't be used. The message is one line with the path, the fault and the remedy."""


def locate_checkpoint(path: Path) -> Path:
    """The absolute path of the directory that holds a model's config.json. Symbolic links are kept.

    `path` may be a model's folder in Hugging Face's cache (`models--OWNER--NAME`): its newest snapshot is returned.
    Raises CheckpointError.
    """
    path = Path(path).expanduser().absolute()
    if path.is_file():
        raise CheckpointError(f"{path} is a file. Give the directory that holds it.")
    if not path.is_dir():
        raise CheckpointError(f"There is no directory {path}.{_nearby(path)}")
    if (path / CONFIG).is_file():
        return path
    if (path / SNAPSHOTS).is_dir():
        return _snapshot(path)
    inside = sorted(folder for folder in path.iterdir() if folder.is_dir() and (folder / CONFIG).is_file())
    hint = f" Did you mean {inside[0]}?" if inside else ""
    caches = sorted(folder for folder in path.glob("models--*") if (folder / SNAPSHOTS).is_dir())
    if caches and not inside:
        hint = f" Did you mean {caches[0]}?"
    raise CheckpointError(f"{path} is no InternVL2 checkpoint: it has no {CONFIG}.{hint}")


def model_name(path: Path) -> str:
    """A model's name from the path that a user gave: InternVL2-2B for `models--OpenGVLab--InternVL2-2B` too."""
    folder = Path(path).expanduser().absolute()
    if folder.parent.name == SNAPSHOTS:
        folder = folder.parent.parent
    return folder.name.split("--")[-1] if folder.name.startswith("models--") else folder.name


def _nearby(path: Path) -> str:
    """A hint at the nearest folder that exists."""
    there = next(folder for folder in path.parents if folder.is_dir())
    similar = [folder.name for folder in there.iterdir() if folder.is_dir() and folder.name[:4] == path.name[:4]]
    return f" {there} has {', '.join(sorted(similar)[:3])}." if similar and there == path.parent else ""


def _snapshot(cache: Path) -> Path:
    """The snapshot of a folder in Hugging Face's cache: that of `refs/main`, else the newest one with a config."""
    main = cache / MAIN
    named = cache / SNAPSHOTS / main.read_text(encoding="utf-8").strip() if main.is_file() else None
    if named and (named / CONFIG).is_file():
        return named
    snapshots = [folder for folder in (cache / SNAPSHOTS).iterdir() if (folder / CONFIG).is_file()]
    if not snapshots:
        raise CheckpointError(
            f"{cache} is a folder of Hugging Face's cache without a complete snapshot. Download the model again."
        )
    return max(snapshots, key=lambda folder: folder.stat().st_mtime)
