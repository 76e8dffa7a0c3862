"""The gate's requests for new jokes, the replies, and a model's evaluation. No torch is needed to read them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from configs.learning import GateSettings
from configs.prompts import caption_of, load_prompts
from trainer.gate.holdout_data import HoldoutData, HoldoutPhoto
from trainer.gate.text_metrics import in_language, is_broken

MIN_JOKES_PER_PHOTO, MAX_JOKES_PER_PHOTO = 4, 48
"""Numbers of jokes about one photo in one language. At least 4: whether jokes about one photo vary, and whether they
are about that photo, shows only in several. At most 48, where few photos are held out."""

CAPTION = {"en": "What do you think of this?", "zh": "大家觉得这张怎么样？"}
"""The caption of requests where users gave none."""
CAPTIONED_ONE_IN = 4


@dataclass(frozen=True)
class GateReply:
    """A new joke about a photo, and the prompt that it answers."""

    photo: str
    language: str
    text: str
    finished: bool
    prompt: str = ""

    @cached_property
    def kind(self) -> str:
        """empty, broken, language (not the requested one) or fine."""
        if not self.text:
            return "empty"
        return "broken" if is_broken(self.text) else "fine" if in_language(self.text, self.language) else "language"


@dataclass
class ModelEvaluation:
    """A model's evaluation, or the `code` and `trouble` of its failure.

    `nats` are the nats a token of each held-out joke by photo, `prompt_ids` the token ids of the prompts.
    """

    nats: dict[str, list[float]] = field(default_factory=dict)
    replies: list[GateReply] = field(default_factory=list)
    prompt_ids: list[list[int]] = field(default_factory=list)
    vocabulary: int = 0
    code: str = ""
    trouble: str = ""

    def counts(self) -> dict[str, int]:
        """Number of replies, in total and by kind, and of unfinished ones."""
        kinds = [reply.kind for reply in self.replies]
        return {
            "replies": len(kinds),
            **{kind: kinds.count(kind) for kind in ("empty", "broken", "language")},
            "unfinished": sum(not reply.finished for reply in self.replies),
        }


def build_requests(held_out: HoldoutData, settings: GateSettings) -> list[tuple[HoldoutPhoto, str, str]]:
    """Photo, language and prompt of each new joke: `replies_per_language` in each language, evenly over the photos.

    A photo's prompts are those of users' requests, or the language's default prompt with what the recogniser saw.
    Where no request has a caption, the prompts of every fourth photo alternate with one that has CAPTION, so that an
    echo is noticed.
    """
    requests = []
    photos: Sequence[HoldoutPhoto] = held_out.photos[: max(settings.replies_per_language // MIN_JOKES_PER_PHOTO, 1)]
    for language in held_out.languages:
        asked = prompts_by_photo(photos, language)
        for number in range(min(settings.replies_per_language, MAX_JOKES_PER_PHOTO * len(photos))):
            photo = photos[number % len(photos)]
            own = asked[photo.name]
            requests.append((photo, language, own[number // len(photos) % len(own)]))
    return requests


def prompts_by_photo(photos: Sequence[HoldoutPhoto], language: str) -> dict[str, list[str]]:
    """The prompts about each photo in a language, some of them with a caption."""
    ask = load_prompts().ask
    asked = {
        photo.name: [joke.prompt for joke in photo.jokes if joke.language == language]
        or [ask(language, seen=photo.seen)]
        for photo in photos
    }
    if not any(caption_of(prompt) for prompts in asked.values() for prompt in prompts):
        caption = CAPTION.get(language, CAPTION["en"])
        for photo in photos[::CAPTIONED_ONE_IN]:
            captioned = ask(language, caption=caption, seen=photo.seen)
            asked[photo.name] = [prompt for own in asked[photo.name] for prompt in (own, captioned)]
    return asked
