"""The program's version; a module of its own, because metrics and the status report share it and nothing else."""

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """Of the installed package; a checkout that isn't installed says so."""
    try:
        return version("jokebot")
    except PackageNotFoundError:
        return "(not installed)"
