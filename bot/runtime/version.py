"""The program's version. A module of its own: the metrics and the status report share nothing else."""

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """The version of the installed package; "(not installed)" in a checkout without one."""
    try:
        return version("jokebot")
    except PackageNotFoundError:
        return "(not installed)"
