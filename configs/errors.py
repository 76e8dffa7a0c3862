"""Errors that a person meets: the message says what happened and what to do."""


class JokebotError(Exception):
    """Base of every error that is shown to a person as one line; anything else is a defect and keeps its traceback."""


class SettingsError(JokebotError):
    """A setting is missing or wrong."""


class PromptError(JokebotError):
    """A language or style that `configs/prompts.toml` does not define."""
