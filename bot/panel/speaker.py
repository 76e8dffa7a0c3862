"""Words in one person's language, for the page."""
from typing import Any

from bot.words import Words

LABELS = ("title", "tabs", "now", "runs", "models", "ratings", "no-run", "retrain", "cancel", "cancel-trial", "loss", "step", "run", "in-chat", "serves", "health", "servers",
          "no-runs", "loading", "measures", "before", "after", "times", "jokes", "picture", "roll-back", "interval", "share", "from", "start", "liked",
          "promote", "gone", "nothing-rated", "by-day", "by-model", "rated-last", "funny", "somewhat", "unfunny")
"""The page's headings and buttons: the messages `panel-NAME`, which have no blanks."""


class Speaker:
    """`say("panel-title")`, `say("run-left", time=…)`."""

    def __init__(self, words: Words, language: str) -> None:
        self.words, self.language = words, language

    def __call__(self, name: str, **values: Any) -> str:
        return self.words.say(self.language, name, **values)

    def number(self, count: int) -> str:
        return self("panel-number", number=count)

    def labels(self) -> dict[str, str]:
        """All of LABELS by name."""
        return {name: self(f"panel-{name}") for name in LABELS}
