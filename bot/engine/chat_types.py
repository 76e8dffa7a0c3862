"""The data of a chat request to an engine: its sampling parameters, and its complete reply."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from configs.settings import JokeSettings

OnText = Callable[[str], Awaitable[None]]
"""Gets the whole text so far whenever it has grown."""
MAX_SAME_SHARE = 0.6
"""Largest plausible share of one character in a text; a broken checkpoint writes "!!!!"."""


@dataclass(frozen=True)
class SamplingParams:
    """How the engine samples tokens; `max_tokens` bounds their number.

    The same `seed` gives the same tokens where engine, model and request are the same. `repetition_penalty` above 1
    makes tokens of the prompt and the text so far less likely. A text ends once its last `ngram_size` tokens have
    occurred `ngram_threshold` times (0: no such limit).
    """

    temperature: float
    top_p: float
    max_tokens: int
    seed: int | None = None
    repetition_penalty: float = 1.0
    ngram_size: int = 0
    ngram_threshold: int = 0

    @classmethod
    def of(cls, joke: JokeSettings, language: str, seed: int | None = None) -> "SamplingParams":
        """The settings' parameters for jokes in a language."""
        values = joke.sampling(language)
        return cls(
            values["temperature"],
            values["top_p"],
            values["max_tokens"],
            seed,
            values["repetition_penalty"],
            values["repetition_ngram_size"],
            values["repetition_ngram_threshold"],
        )

    def extra_fields(self, *, ngram: bool = True) -> dict[str, Any]:
        """Request fields beyond the OpenAI protocol, by LMDeploy's names.

        Neutral values are left out, since not every engine knows the fields. Without `ngram` the rule that ends a
        repetitive text is left out.
        """
        fields: dict[str, Any] = {}
        if self.repetition_penalty != 1.0:
            fields["repetition_penalty"] = self.repetition_penalty
        if ngram and self.ngram_size and self.ngram_threshold:
            fields |= {"repetition_ngram_size": self.ngram_size, "repetition_ngram_threshold": self.ngram_threshold}
        return fields


@dataclass(frozen=True)
class EngineReply:
    """A complete reply. `finish_reason` is "stop" or "length".

    Token counts are None where the engine doesn't report them. `latency_s` is the time of the request that succeeded.
    `cached_tokens` of the prompt were in the engine's cache, so that it did not compute them again.
    """

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_s: float
    finish_reason: str
    cached_tokens: int = 0


def is_plausible_text(text: str) -> bool:
    """Whether a reply can be a text: not empty, not one repeated character, not undecodable, not "nan"."""
    characters = [character for character in text if not character.isspace()]
    if not any(character.isalnum() for character in characters) or text.strip().lower().strip(".,") == "nan":
        return False
    ((_, same),) = Counter(characters).most_common(1)
    return (len(characters) < 4 or same <= MAX_SAME_SHARE * len(characters)) and characters.count("\ufffd") * 2 <= len(
        characters
    )
