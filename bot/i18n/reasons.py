"""Why something ended, in an admin's language."""

from typing import Any

from bot.i18n.translator import Translator
from storage.learning.reasons import EndReason, ReasonLike

FINE = "fine"
"""What the gate says where there is nothing to say."""


def in_words(words: Translator, language: str, why: ReasonLike) -> str:
    """A reason in that language; the sentence that was written down, in English, where there are no words for it."""
    reason = EndReason.convert(why)
    if reason.code == "gate":
        return "\n".join(gate_words(words, language, reason)) or reason.text
    values = dict(reason.values)
    for name in ("step", "state"):
        if name in values:
            values[name] = said(words, language, f"run-state-{values[name]}", values[name])
    return said(words, language, f"reason-{reason.code}", reason.text, **values)


def gate_words(words: Translator, language: str, reason: EndReason) -> list[str]:
    """The gate's reasons, a sentence each, without what says nothing besides the outcome."""
    return [
        said(words, language, f"gate-{code.replace(' ', '-').replace('_', '-')}", reason.text)
        for code in reason.values.get("codes", [])
        if code != FINE
    ]


def said(words: Translator, language: str, name: str, otherwise: str, **values: Any) -> str:
    """The message of that name, or `otherwise` where no language has it."""
    try:
        return words.format(language, name, **values)
    except KeyError:
        return otherwise
