"""Translates the reasons why a run, trial or deployment ended."""

from typing import Any

from bot.i18n.translator import Translator
from storage.learning.reasons import EndReason, ReasonLike

FINE = "fine"
"""The gate's code for a check that passed."""


def reason_text(translator: Translator, language: str, why: ReasonLike) -> str:
    """A reason in a language; the stored English sentence where there is no translation."""
    reason = EndReason.convert(why)
    if reason.code == "gate":
        return "\n".join(gate_reason_texts(translator, language, reason)) or reason.text
    values = dict(reason.values)
    for name in ("step", "state"):
        if name in values:
            values[name] = _text_or(translator, language, f"run-state-{values[name]}", values[name])
    return _text_or(translator, language, f"reason-{reason.code}", reason.text, **values)


def gate_reason_texts(translator: Translator, language: str, reason: EndReason) -> list[str]:
    """The gate's reasons, one sentence each, without FINE."""
    return [
        _text_or(translator, language, f"gate-{code.replace(' ', '-').replace('_', '-')}", reason.text)
        for code in reason.values.get("codes", [])
        if code != FINE
    ]


def _text_or(translator: Translator, language: str, key: str, default: str, **values: Any) -> str:
    """The message for a key, or `default` for an unknown key."""
    try:
        return translator.format(language, key, **values)
    except KeyError:
        return default
