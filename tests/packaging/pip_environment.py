"""Environment variables for a pip that knows one index and nothing of this machine."""

import os
from pathlib import Path


def isolated_pip(home: Path, index: str) -> dict[str, str]:
    """The variables of a fresh user whose pip has `index` as its only source."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "JOKEBOT_", "UV_"))}
    return kept | {
        "HOME": str(home),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
