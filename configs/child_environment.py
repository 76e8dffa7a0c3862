"""What child processes inherit of this process's environment: none of Jokebot's settings but those that they need.

Settings in variables include the bot's token and keys. A child gets the settings whose names begin with one of `keep`,
and never a secret one; a key of its own it gets from its parent. Standard library only: all environments import this.
"""

import os
from collections.abc import Mapping

SETTINGS = "JOKEBOT_"
SECRETS = (
    "JOKEBOT_TELEGRAM_TOKEN",
    "JOKEBOT_TELEGRAM_PROXY",
    "JOKEBOT_TELEGRAM_WEBHOOK_SECRET",
    "JOKEBOT_ENGINE_API_KEY",
    "JOKEBOT_PANEL_KEY",
)
"""The variables of all secret settings; a test compares them with the settings."""


def child_environment(*keep: str, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that a child process inherits of `variables`, by default of this process's environment."""
    variables = os.environ if variables is None else variables
    return {
        name: value
        for name, value in variables.items()
        if not name.startswith(SETTINGS) or (name.startswith(keep) and name not in SECRETS)
    }
